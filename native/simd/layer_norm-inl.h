// What layer normalization's kernels share: a row's centre in two parts, and one normalized element.
#if defined(EVENKEEL_SIMD_LAYER_NORM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EVENKEEL_SIMD_LAYER_NORM_INL_H_
#undef EVENKEEL_SIMD_LAYER_NORM_INL_H_
#else
#define EVENKEEL_SIMD_LAYER_NORM_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// 64 KiB of rows a chunk: below it a second thread costs more than it brings.
inline int64_t LayerNormRows(int64_t columns) { return columns >= 16384 ? 1 : 16384 / HWY_MAX(columns, int64_t{1}); }

// ((x − mean) − meanLow) · invStd: the mean in two parts, as at 3000 ± 0.01 one costs a percent of the deviation.
template <class D>
struct LayerNormRow {
  hn::Vec<D> mean, mean_low, inv_std;
  HWY_INLINE LayerNormRow(D d, float mean_value, float low, float inv)
      : mean(hn::Set(d, mean_value)), mean_low(hn::Set(d, low)), inv_std(hn::Set(d, inv)) {}
  HWY_INLINE hn::Vec<D> Normalize(hn::Vec<D> x) const { return hn::Mul(hn::Sub(hn::Sub(x, mean), mean_low), inv_std); }
};

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#endif  // EVENKEEL_SIMD_LAYER_NORM_INL_H_

// The first label outside 0 … classes − 1; an `ignored` one may be anything.
#if defined(EVENKEEL_SIMD_LABELS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EVENKEEL_SIMD_LABELS_INL_H_
#undef EVENKEEL_SIMD_LABELS_INL_H_
#else
#define EVENKEEL_SIMD_LABELS_INL_H_
#endif

#include <cstdint>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// An `ignored` that no label is.
constexpr double kNoneIgnored = 2147483648.0;

HWY_INLINE bool IsIgnored(int32_t label, double ignored) { return static_cast<double>(label) == ignored; }

// `count` if all are good.
inline int64_t FirstBadLabel(const int32_t* labels, int64_t count, int64_t classes, double ignored = kNoneIgnored) {
  const hn::ScalableTag<int32_t> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const int32_t last = static_cast<int32_t>(HWY_MIN(classes, int64_t{1} << 31) - 1);
  const auto zero = hn::Zero(d);
  const auto largest = hn::Set(d, last);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto label = hn::LoadU(d, labels + i);
    if (hn::AllFalse(d, hn::Or(hn::Lt(label, zero), hn::Gt(label, largest)))) continue;
    for (int64_t k = i; k < i + lanes; ++k)
      if ((labels[k] < 0 || labels[k] > last) && !IsIgnored(labels[k], ignored)) return k;
  }
  for (; i < count; ++i)
    if ((labels[i] < 0 || labels[i] > last) && !IsIgnored(labels[i], ignored)) return i;
  return count;
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#endif  // EVENKEEL_SIMD_LABELS_INL_H_

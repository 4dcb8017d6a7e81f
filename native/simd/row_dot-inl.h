// Dot products of rows in float64, with the same bits on every instruction set: sixteen sums whatever the vectors'
// width, element i in sum i % 16, then a fixed tree (8 apart, 4, 2, 1). A product of two float32 is exact in float64,
// so it does not matter whether a fused multiply-add makes it. Rows of values up to 1e150 do not overflow.
#if defined(EVENKEEL_SIMD_ROW_DOT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EVENKEEL_SIMD_ROW_DOT_INL_H_
#undef EVENKEEL_SIMD_ROW_DOT_INL_H_
#else
#define EVENKEEL_SIMD_ROW_DOT_INL_H_
#endif

#include <cstdint>
#include <cstring>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int64_t kDotLanes = 16;

// Σ a[i]·b[i]; a and b may be the same row.
HWY_INLINE double RowDot(const float* a, const float* b, int64_t count) {
  const hn::CappedTag<double, kDotLanes> d;
  const hn::Rebind<float, decltype(d)> df;
  constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(hn::CappedTag<double, kDotLanes>()));
  constexpr int64_t kSums = kDotLanes / kLanes;
  hn::Vec<decltype(d)> sums[kSums];
  _Pragma("GCC unroll 16") for (int64_t s = 0; s < kSums; ++s) sums[s] = hn::Zero(d);
  const auto add = [&](const float* from_a, const float* from_b) HWY_ATTR {
    _Pragma("GCC unroll 16") for (int64_t s = 0; s < kSums; ++s)
      sums[s] = hn::MulAdd(hn::PromoteTo(d, hn::LoadU(df, from_a + s * kLanes)),
                           hn::PromoteTo(d, hn::LoadU(df, from_b + s * kLanes)), sums[s]);
  };
  int64_t i = 0;
  for (; i + kDotLanes <= count; i += kDotLanes) add(a + i, b + i);
  if (i < count) {
    // The rest beside zeros, which add nothing.
    HWY_ALIGN float rest_a[kDotLanes] = {};
    HWY_ALIGN float rest_b[kDotLanes] = {};
    std::memcpy(rest_a, a + i, static_cast<size_t>(count - i) * sizeof(float));
    std::memcpy(rest_b, b + i, static_cast<size_t>(count - i) * sizeof(float));
    add(rest_a, rest_b);
  }
  HWY_ALIGN double lanes[kDotLanes];
  _Pragma("GCC unroll 16") for (int64_t s = 0; s < kSums; ++s) hn::Store(sums[s], d, lanes + s * kLanes);
  for (int64_t apart = kDotLanes / 2; apart > 0; apart /= 2)
    for (int64_t lane = 0; lane < apart; ++lane) lanes[lane] += lanes[lane + apart];
  return lanes[0];
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#endif  // EVENKEEL_SIMD_ROW_DOT_INL_H_

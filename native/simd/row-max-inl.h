// The largest of a row. A row with NaN among its elements gives any of them or NaN: what follows must keep the NaN.
#if defined(EVENKEEL_SIMD_ROW_MAX_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EVENKEEL_SIMD_ROW_MAX_INL_H_
#undef EVENKEEL_SIMD_ROW_MAX_INL_H_
#else
#define EVENKEEL_SIMD_ROW_MAX_INL_H_
#endif

#include <cstdint>
#include <limits>

#include <hwy/highway.h>

#include "native/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

HWY_INLINE float RowMax(const float* row, int64_t count) {
  const hn::ScalableTag<float> d;
  const auto none = hn::Set(d, -std::numeric_limits<float>::infinity());
  auto max = none;
  ForEachVector(d, 0, count, [&](int64_t i, auto access) EVK_LAMBDA { max = hn::Max(max, access.LoadOr(d, row + i, none)); });
  return hn::GetLane(hn::MaxOfLanes(d, max));
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#endif  // EVENKEEL_SIMD_ROW_MAX_INL_H_

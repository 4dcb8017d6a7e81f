// A row of results, written through the caches or past them.
#if defined(EVENKEEL_SIMD_ROW_STORE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EVENKEEL_SIMD_ROW_STORE_INL_H_
#undef EVENKEEL_SIMD_ROW_STORE_INL_H_
#else
#define EVENKEEL_SIMD_ROW_STORE_INL_H_
#endif

#include <cstdint>

#include <hwy/highway.h>

#include "native/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// out[i] = value(i, access) for 0 … count - 1, a vector at a time. Streamed, whole vectors go past the caches: worth
// it for results beyond the last-level cache (1.3 to 1.7 times), a loss within it. Their writer ends with
// hwy::FlushStream before another thread may read.
template <class D, class Value>
HWY_INLINE void StoreRow(D d, float* out, int64_t count, bool streamed, Value&& value) {
  int64_t i = 0;
  if (streamed) {
    const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
    // Head up to the first aligned vector.
    const int64_t past = static_cast<int64_t>((reinterpret_cast<uintptr_t>(out) / sizeof(float)) % hn::Lanes(d));
    const int64_t head = past == 0 ? 0 : HWY_MIN(lanes - past, count);
    if (head > 0) {
      const FirstLanes access{static_cast<size_t>(head)};
      access.Store(value(0, access), d, out);
      i = head;
    }
    for (; i + lanes <= count; i += lanes) hn::Stream(value(i, WholeVector{}), d, out + i);
  }
  ForEachVector(d, i, count, [&](int64_t at, auto access) EVK_LAMBDA { access.Store(value(at, access), d, out + at); });
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#endif  // EVENKEEL_SIMD_ROW_STORE_INL_H_

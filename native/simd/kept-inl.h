// Dropout's mask, one bit an element, read from any element on.
#if defined(EVENKEEL_SIMD_KEPT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EVENKEEL_SIMD_KEPT_INL_H_
#undef EVENKEEL_SIMD_KEPT_INL_H_
#else
#define EVENKEEL_SIMD_KEPT_INL_H_
#endif

#include <cstdint>

#include <hwy/highway.h>

#include "native/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D>
HWY_INLINE size_t LanesOf(D d, WholeVector) {
  return hn::Lanes(d);
}
template <class D>
HWY_INLINE size_t LanesOf(D, FirstLanes access) {
  return access.count;
}

// The mask of the lanes that hold elements element … element + count - 1; no byte beyond theirs is read.
template <class D>
HWY_INLINE hn::Mask<D> KeptLanes(D d, const uint8_t* mask, int64_t element, size_t count) {
  const uint8_t* from = mask + (element >> 3);
  const size_t skip = static_cast<size_t>(element & 7);
  uint32_t bits = from[0];
  if (skip + count > 8) bits |= static_cast<uint32_t>(from[1]) << 8;
  if (skip + count > 16) bits |= static_cast<uint32_t>(from[2]) << 16;
  bits >>= skip;
  // LoadMaskBits may look at eight bytes.
  const uint8_t bytes[8] = {static_cast<uint8_t>(bits), static_cast<uint8_t>(bits >> 8)};
  return hn::LoadMaskBits(d, bytes);
}

// Kept elements times `scale`, +0 for the others.
template <class D, class Access, class V = hn::Vec<D>>
HWY_INLINE V Drop(D d, Access access, V v, const uint8_t* mask, int64_t element, V scale) {
  return hn::IfThenElseZero(KeptLanes(d, mask, element, LanesOf(d, access)), hn::Mul(v, scale));
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#endif  // EVENKEEL_SIMD_KEPT_INL_H_

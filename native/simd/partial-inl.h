// Vectors that memory fills only in part: the first lanes are loaded and stored, and nothing beyond them is touched.
// A loop's rest runs through the same vector code as its body, so an element has the same bits wherever it stands.
#if defined(EVENKEEL_SIMD_PARTIAL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EVENKEEL_SIMD_PARTIAL_INL_H_
#undef EVENKEEL_SIMD_PARTIAL_INL_H_
#else
#define EVENKEEL_SIMD_PARTIAL_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include <hwy/highway.h>

// A lambda that holds vector code: without the attributes it has neither the target nor a sure place in its loop.
#ifndef EVK_LAMBDA
#if HWY_COMPILER_MSVC
#define EVK_LAMBDA
#else
#define EVK_LAMBDA HWY_ATTR __attribute__((always_inline))
#endif
#endif

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The first `count` lanes from memory, zeros in the others; count is at most Lanes(d), and may be 0.
template <class D, typename T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> LoadPartial(D d, const T* from, size_t count) {
#if HWY_TARGET <= HWY_AVX2 && !HWY_ARCH_ARM
  static_assert(sizeof(T) >= 4, "the masked load of narrow lanes reads whole vectors");
  return hn::MaskedLoad(hn::FirstN(d, count), d, from);
#else
  // Sets without masked loads have few lanes: a copy of at most three floats beats a library call.
  HWY_ALIGN T lanes[hn::MaxLanes(d)] = {};
  for (size_t i = 0; i < count; ++i) lanes[i] = from[i];
  return hn::Load(d, lanes);
#endif
}

template <class D, typename T = hn::TFromD<D>>
HWY_INLINE void StorePartial(hn::Vec<D> v, D d, T* to, size_t count) {
#if HWY_TARGET <= HWY_AVX2 && !HWY_ARCH_ARM
  static_assert(sizeof(T) >= 4, "the masked store of narrow lanes goes through memory");
  hn::BlendedStore(v, hn::FirstN(d, count), d, to);
#else
  HWY_ALIGN T lanes[hn::MaxLanes(d)];
  hn::Store(v, d, lanes);
  for (size_t i = 0; i < count; ++i) to[i] = lanes[i];
#endif
}

// How a turn of ForEachVector reaches memory: all lanes, or the first few.
struct WholeVector {
  template <class D>
  HWY_INLINE hn::Vec<D> Load(D d, const hn::TFromD<D>* from) const {
    return hn::LoadU(d, from);
  }
  // `otherwise` in the lanes that memory does not fill.
  template <class D, class V>
  HWY_INLINE V LoadOr(D d, const hn::TFromD<D>* from, V) const {
    return hn::LoadU(d, from);
  }
  // Zero in the lanes that memory does not fill.
  template <class D>
  HWY_INLINE hn::Vec<D> Only(D, hn::Vec<D> v) const {
    return v;
  }
  template <class D>
  HWY_INLINE void Store(hn::Vec<D> v, D d, hn::TFromD<D>* to) const {
    hn::StoreU(v, d, to);
  }
};

struct FirstLanes {
  size_t count;
  template <class D>
  HWY_INLINE hn::Vec<D> Load(D d, const hn::TFromD<D>* from) const {
    return LoadPartial(d, from, count);
  }
  template <class D, class V>
  HWY_INLINE V LoadOr(D d, const hn::TFromD<D>* from, V otherwise) const {
    return hn::IfThenElse(hn::FirstN(d, count), LoadPartial(d, from, count), otherwise);
  }
  template <class D>
  HWY_INLINE hn::Vec<D> Only(D d, hn::Vec<D> v) const {
    return hn::IfThenElseZero(hn::FirstN(d, count), v);
  }
  template <class D>
  HWY_INLINE void Store(hn::Vec<D> v, D d, hn::TFromD<D>* to) const {
    StorePartial(v, d, to, count);
  }
};

// body(i, access) for the vectors that start at begin, begin + Lanes(d), …; `access` loads and stores those of d's
// width. Write the body as `[&](int64_t i, auto access) EVK_LAMBDA { … }`.
template <class D, class Body>
HWY_INLINE void ForEachVector(D d, int64_t begin, int64_t end, Body&& body) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = begin;
  for (; i + lanes <= end; i += lanes) body(i, WholeVector{});
  if (i < end) body(i, FirstLanes{static_cast<size_t>(end - i)});
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#endif  // EVENKEEL_SIMD_PARTIAL_INL_H_

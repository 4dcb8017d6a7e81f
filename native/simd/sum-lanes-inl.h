// Sums in float64 over 16 fixed lanes: element i adds to lane i % 16, then the upper half of the lanes is added to the
// lower until one is left. The order is the same on every instruction set, and so are the bits.
#if defined(EVENKEEL_SIMD_SUM_LANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EVENKEEL_SIMD_SUM_LANES_INL_H_
#undef EVENKEEL_SIMD_SUM_LANES_INL_H_
#else
#define EVENKEEL_SIMD_SUM_LANES_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include <hwy/highway.h>

#include "native/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int kSumLanes = 16;

// Lanes(d) float32 elements as float64.
template <class D, class Access>
HWY_INLINE hn::Vec<D> LoadWide(D d, const float* from, Access access) {
  return hn::PromoteTo(d, access.Load(hn::Rebind<float, D>(), from));
}

// Σ term(d, i, access), where a term is a vector of float64 for the elements from i on; it must be 0 for elements that
// `access` leaves 0. Write the term as `[&](auto d, int64_t i, auto access) EVK_LAMBDA { … }`.
template <class Term>
HWY_INLINE double SumOverLanes(int64_t count, Term&& term) {
  const hn::ScalableTag<double> d;
  constexpr int kWidth = static_cast<int>(hn::MaxLanes(d));
  static_assert(kSumLanes % kWidth == 0, "the lanes must be whole vectors");
  constexpr int kVectors = kSumLanes / kWidth;
  hn::Vec<decltype(d)> sums[kVectors];
  _Pragma("GCC unroll 16") for (int k = 0; k < kVectors; ++k) sums[k] = hn::Zero(d);
  int64_t i = 0;
  for (; i + kSumLanes <= count; i += kSumLanes) {
    _Pragma("GCC unroll 16") for (int k = 0; k < kVectors; ++k)
      sums[k] = hn::Add(sums[k], term(d, i + k * kWidth, WholeVector{}));
  }
  _Pragma("GCC unroll 16") for (int k = 0; k < kVectors; ++k) {
    const int64_t rest = count - i - k * kWidth;
    if (rest <= 0) break;
    sums[k] = hn::Add(sums[k], term(d, i + k * kWidth, FirstLanes{static_cast<size_t>(HWY_MIN(rest, int64_t{kWidth}))}));
  }
  // As long as halves are whole vectors they need no memory: the way there and back takes longer than a short sum.
  _Pragma("GCC unroll 4") for (int half = kVectors / 2; half > 0; half /= 2) {
    _Pragma("GCC unroll 16") for (int k = 0; k < half; ++k) sums[k] = hn::Add(sums[k], sums[k + half]);
  }
  HWY_ALIGN double lanes[kWidth];
  hn::Store(sums[0], d, lanes);
  for (int half = kWidth / 2; half > 0; half /= 2)
    for (int lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
  return lanes[0];
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#endif  // EVENKEEL_SIMD_SUM_LANES_INL_H_

// The error function in float32, within 3 ulp; ±1 at ±Inf, NaN for NaN.
#if defined(EVENKEEL_SIMD_ERF_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EVENKEEL_SIMD_ERF_INL_H_
#undef EVENKEEL_SIMD_ERF_INL_H_
#else
#define EVENKEEL_SIMD_ERF_INL_H_
#endif

#include <hwy/highway.h>

#include "native/simd/exp-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Below 0.93 x + x·p(x²), minimax to 2^-31 of the result; above 1 − exp(−t·(1 + q(t))), minimax to 2^-30.4.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Erf(D d, V x) {
  const V t = hn::Abs(x);
  const V square = hn::Mul(x, x);
  V p = hn::MulAdd(hn::Set(d, 8.316772568557656e-05f), square, hn::Set(d, -0.0008130011996776142f));
  p = hn::MulAdd(p, square, hn::Set(d, 0.005199906605515279f));
  p = hn::MulAdd(p, square, hn::Set(d, -0.02685894148168087f));
  p = hn::MulAdd(p, square, hn::Set(d, 0.11283687188152258f));
  p = hn::MulAdd(p, square, hn::Set(d, -0.3761263318838539f));
  p = hn::MulAdd(p, square, hn::Set(d, 0.12837916657980414f));
  const V small = hn::MulAdd(x, p, x);

  // From 3.92 on the result is 1; a comparison, as Min may lose a NaN.
  const V end = hn::Set(d, 4.0f);
  const V bounded = hn::IfThenElse(hn::Gt(t, end), end, t);
  V q = hn::MulAdd(hn::Set(d, 1.1612529104431812e-05f), bounded, hn::Set(d, -0.0003266248480979443f));
  q = hn::MulAdd(q, bounded, hn::Set(d, 0.0036580183748964566f));
  q = hn::MulAdd(q, bounded, hn::Set(d, -0.02379502422432109f));
  q = hn::MulAdd(q, bounded, hn::Set(d, 0.10627521105621665f));
  q = hn::MulAdd(q, bounded, hn::Set(d, 0.6351280948269793f));
  q = hn::MulAdd(q, bounded, hn::Set(d, 0.12865421957382317f));
  const V rest = Exp(d, hn::Neg(hn::MulAdd(bounded, q, bounded)));
  const V large = hn::CopySign(hn::Sub(hn::Set(d, 1.0f), rest), x);
  return hn::IfThenElse(hn::Lt(t, hn::Set(d, 0.93f)), small, large);
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#endif  // EVENKEEL_SIMD_ERF_INL_H_

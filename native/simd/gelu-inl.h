// x times a smooth step from 0 to 1, and the derivatives: gelu, its approximation by tanh, silu. 0 at −Inf, NaN for NaN.
#if defined(EVENKEEL_SIMD_GELU_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EVENKEEL_SIMD_GELU_INL_H_
#undef EVENKEEL_SIMD_GELU_INL_H_
#else
#define EVENKEEL_SIMD_GELU_INL_H_
#endif

#include <hwy/highway.h>

#include "native/simd/exp-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The value of a step, and what its derivative is made of: bell = e^(−x²/2), or s·(1 − s) of a sigmoid.
template <class V>
struct SmoothStep {
  V step, bell;
};

// Φ(−t) = e^(−t²/2) · u · p(u) with u = 1/(1 + 0.3t): minimax to 2^-28 of the result for t up to 14.6, where it ends.
// So the lower tail keeps its digits; only e^(−t²/2) loses some, t²/2 half ulps, as t² is rounded.
template <class D, class V = hn::Vec<D>>
HWY_INLINE SmoothStep<V> Normal(D d, V x) {
  const V one = hn::Set(d, 1.0f);
  const V bell = Exp(d, hn::Mul(hn::Mul(x, x), hn::Set(d, -0.5f)));
  const V u = hn::Div(one, hn::Add(one, hn::Mul(hn::Abs(x), hn::Set(d, 0.3f))));
  V p = hn::MulAdd(hn::Set(d, -0.02062498163951107f), u, hn::Set(d, 0.11244409520708029f));
  p = hn::MulAdd(p, u, hn::Set(d, -0.22823424401861428f));
  p = hn::MulAdd(p, u, hn::Set(d, 0.1918131010964284f));
  p = hn::MulAdd(p, u, hn::Set(d, -0.07944820655716411f));
  p = hn::MulAdd(p, u, hn::Set(d, 0.0961706671789711f));
  p = hn::MulAdd(p, u, hn::Set(d, 0.07838465074128517f));
  p = hn::MulAdd(p, u, hn::Set(d, 0.11023654646540937f));
  p = hn::MulAdd(p, u, hn::Set(d, 0.11957167234468741f));
  p = hn::MulAdd(p, u, hn::Set(d, 0.11968669745072139f));
  const V tail = hn::Mul(bell, hn::Mul(u, p));
  return {hn::IfThenElse(hn::Lt(x, hn::Zero(d)), tail, hn::Sub(one, tail)), bell};
}

// From e^-|x|, so that neither end overflows and both s and s·(1 − s) keep their digits.
template <class D, class V = hn::Vec<D>>
HWY_INLINE SmoothStep<V> Logistic(D d, V x) {
  const V one = hn::Set(d, 1.0f);
  const V z = Exp(d, hn::Neg(hn::Abs(x)));
  const V inverse = hn::Div(one, hn::Add(one, z));
  const V lower = hn::Mul(z, inverse);
  return {hn::IfThenElse(hn::Lt(x, hn::Zero(d)), lower, inverse), hn::Mul(lower, inverse)};
}

// a · b, 0 where b is 0: b has vanished where a is infinite.
template <class D, class V>
HWY_INLINE V Vanishing(D d, V a, V b) {
  return hn::IfThenZeroElse(hn::Eq(b, hn::Zero(d)), hn::Mul(a, b));
}

// x · Φ(x)
template <class D, class V>
HWY_INLINE V Gelu(D d, V x) {
  return Vanishing(d, x, Normal(d, x).step);
}
// Φ(x) + x · φ(x), φ = e^(−x²/2)/√(2π)
template <class D, class V>
HWY_INLINE V GeluDerivative(D d, V x) {
  const SmoothStep<V> normal = Normal(d, x);
  return hn::Add(normal.step, Vanishing(d, x, hn::Mul(normal.bell, hn::Set(d, 0.3989422804014327f))));
}

// x · σ(v), v = 2√(2/π) · (x + 0.044715x³): the same as x/2 · (1 + tanh(v/2)), which would lose the lower tail.
template <class D, class V>
HWY_INLINE V GeluTanh(D d, V x) {
  const V slope = hn::Add(hn::Set(d, 1.5957691216057308f), hn::Mul(hn::Set(d, 0.07135481282553653f), hn::Mul(x, x)));
  return Vanishing(d, x, Logistic(d, hn::Mul(x, slope)).step);
}
// σ + x · σ(1 − σ) · v'
template <class D, class V>
HWY_INLINE V GeluTanhDerivative(D d, V x) {
  const V first = hn::Set(d, 1.5957691216057308f);
  const V cubic = hn::Mul(hn::Set(d, 0.07135481282553653f), hn::Mul(x, x));
  const SmoothStep<V> step = Logistic(d, hn::Mul(x, hn::Add(first, cubic)));
  const V slope = hn::Add(first, hn::Mul(hn::Set(d, 3.0f), cubic));
  return hn::Add(step.step, Vanishing(d, hn::Mul(x, slope), step.bell));
}

// x · σ(x)
template <class D, class V>
HWY_INLINE V Silu(D d, V x) {
  return Vanishing(d, x, Logistic(d, x).step);
}
// σ + x · σ(1 − σ)
template <class D, class V>
HWY_INLINE V SiluDerivative(D d, V x) {
  const SmoothStep<V> step = Logistic(d, x);
  return hn::Add(step.step, Vanishing(d, x, step.bell));
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#endif  // EVENKEEL_SIMD_GELU_INL_H_

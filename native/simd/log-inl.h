// log and log(1 + x) in float32, within 2 and 3 ulp; right at 0, ±Inf, NaN, and for denormals.
#if defined(EVENKEEL_SIMD_LOG_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EVENKEEL_SIMD_LOG_INL_H_
#undef EVENKEEL_SIMD_LOG_INL_H_
#else
#define EVENKEEL_SIMD_LOG_INL_H_
#endif

#include <cstdint>
#include <limits>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// x = 2^e · (1 + f) with √½ <= 1 + f < √2; log x = e·ln2 + (f − f²/2 + f³·p(f)).
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Log(D d, V x) {
  const hn::RebindToSigned<D> di;
  const V infinity = hn::Set(d, std::numeric_limits<float>::infinity());
  // Denormals are made normal first.
  const auto tiny = hn::Lt(x, hn::Set(d, 1.17549435e-38f));
  const V normal = hn::IfThenElse(tiny, hn::Mul(x, hn::Set(d, 33554432.0f)), x);
  const auto bits = hn::BitCast(di, normal);
  const auto exponent = hn::ShiftRight<23>(hn::Sub(bits, hn::Set(di, 0x3f3504f3)));
  const V f = hn::Sub(hn::BitCast(d, hn::Sub(bits, hn::ShiftLeft<23>(exponent))), hn::Set(d, 1.0f));
  const V e = hn::Sub(hn::ConvertTo(d, exponent), hn::IfThenElseZero(tiny, hn::Set(d, 25.0f)));

  // Minimax for the relative error of log(1 + f): 2^-30.3.
  V p = hn::MulAdd(hn::Set(d, 0.06746591939227548f), f, hn::Set(d, -0.11675638803348243f));
  p = hn::MulAdd(p, f, hn::Set(d, 0.11888177565161707f));
  p = hn::MulAdd(p, f, hn::Set(d, -0.12405592012691022f));
  p = hn::MulAdd(p, f, hn::Set(d, 0.1421955055765872f));
  p = hn::MulAdd(p, f, hn::Set(d, -0.16667995622408652f));
  p = hn::MulAdd(p, f, hn::Set(d, 0.20002118749954212f));
  p = hn::MulAdd(p, f, hn::Set(d, -0.2500000960467417f));
  p = hn::MulAdd(p, f, hn::Set(d, 0.3333331260249771f));
  const V square = hn::Mul(f, f);
  // ln2 in two parts; the first has 9 bits, so e times it is exact.
  V low = hn::Mul(hn::Mul(f, square), p);
  low = hn::MulAdd(e, hn::Set(d, -2.12194440e-4f), low);
  low = hn::NegMulAdd(hn::Set(d, 0.5f), square, low);
  V log = hn::MulAdd(e, hn::Set(d, 0.693359375f), hn::Add(f, low));

  log = hn::IfThenElse(hn::Eq(x, hn::Zero(d)), hn::Neg(infinity), log);
  log = hn::IfThenElse(hn::Eq(x, infinity), x, log);
  const V nan = hn::Set(d, std::numeric_limits<float>::quiet_NaN());
  return hn::IfThenElse(hn::Or(hn::Lt(x, hn::Zero(d)), hn::IsNaN(x)), nan, log);
}

// log(1 + x): the log of the rounded sum u, and what the rounding lost, divided by u.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Log1p(D d, V x) {
  const V one = hn::Set(d, 1.0f);
  const V u = hn::Add(one, x);
  // Exact: the larger of the two is taken away first.
  const V lost = hn::IfThenElse(hn::Lt(hn::Abs(x), one), hn::Sub(x, hn::Sub(u, one)), hn::Sub(one, hn::Sub(u, x)));
  // At −1 and at Inf the quotient is not a number; for a small x, −0 and denormals among them, x is the result.
  const auto end = hn::Or(hn::Eq(u, hn::Zero(d)), hn::Eq(u, hn::Set(d, std::numeric_limits<float>::infinity())));
  const V log = hn::Add(Log(d, u), hn::IfThenZeroElse(end, hn::Div(lost, u)));
  return hn::IfThenElse(hn::Eq(u, one), x, log);
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#endif  // EVENKEEL_SIMD_LOG_INL_H_

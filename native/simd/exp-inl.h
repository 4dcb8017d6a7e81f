// exp in float32, within 1 ulp where FMA is native and 2 ulp elsewhere; right at ±Inf, NaN, and for denormal results.
#if defined(EVENKEEL_SIMD_EXP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EVENKEEL_SIMD_EXP_INL_H_
#undef EVENKEEL_SIMD_EXP_INL_H_
#else
#define EVENKEEL_SIMD_EXP_INL_H_
#endif

#include <cstdint>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// x = n·ln2 + r with |r| <= ln2/2; exp(x) = 2^n · (1 + r + r²·q(r)). exp(0) is 1.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Exp(D d, V x) {
  const hn::RebindToSigned<D> di;
  // Beyond these the result is Inf or 0 anyway; comparisons, as Min and Max may lose a NaN.
  const V highest = hn::Set(d, 89.0f);
  const V lowest = hn::Set(d, -104.0f);
  x = hn::IfThenElse(hn::Gt(x, highest), highest, hn::IfThenElse(hn::Lt(x, lowest), lowest, x));

  // Adding 1.5·2²³ rounds to an integer, which then stands in the low bits.
  const V shifter = hn::Set(d, 12582912.0f);
  const V shifted = hn::MulAdd(x, hn::Set(d, 1.44269504088896341f), shifter);
  const V n = hn::Sub(shifted, shifter);
  // ln2 in two parts; the first has 15 bits, so n times it is exact without FMA too.
  const V r = hn::NegMulAdd(n, hn::Set(d, 1.42860677e-6f), hn::NegMulAdd(n, hn::Set(d, 0.693145751953125f), x));

  // Minimax for the relative error of the whole: 2^-28.3.
  V q = hn::MulAdd(hn::Set(d, 0.0013814599949629517f), r, hn::Set(d, 0.008368715171174384f));
  q = hn::MulAdd(q, r, hn::Set(d, 0.04166838790931777f));
  q = hn::MulAdd(q, r, hn::Set(d, 0.16666520645993976f));
  q = hn::MulAdd(q, r, hn::Set(d, 0.49999993448730656f));
  const V power = hn::Add(hn::Set(d, 1.0f), hn::MulAdd(hn::Mul(r, r), q, r));

  // 2^n in two factors: each is normal, the first product exact, so a denormal result is rounded once.
  const auto exponent = hn::Sub(hn::BitCast(di, shifted), hn::BitCast(di, shifter));
  const auto half = hn::ShiftRight<1>(exponent);
  const auto bias = hn::Set(di, 127);
  const V first = hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(half, bias)));
  const V second = hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(hn::Sub(exponent, half), bias)));
  return hn::Mul(hn::Mul(power, first), second);
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#endif  // EVENKEEL_SIMD_EXP_INL_H_

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

// exp(x) = 2^exponent · (1 + tail), for x that the caller has bounded.
template <class D>
struct ExpParts {
  hn::Vec<D> tail;
  hn::Vec<hn::RebindToSigned<D>> exponent;
};

// x = n·ln2 + r with |r| <= ln2/2; exp(x) = 2^n · (1 + r + r²·q(r)). The tail of 0 is 0.
template <class D, class V = hn::Vec<D>>
HWY_INLINE ExpParts<D> SplitExp(D d, V x) {
  const hn::RebindToSigned<D> di;
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
  return {hn::MulAdd(hn::Mul(r, r), q, r), hn::Sub(hn::BitCast(di, shifted), hn::BitCast(di, shifter))};
}

// 2^n for n from −126 to 127.
template <class D, class VI>
HWY_INLINE hn::Vec<D> PowerOfTwo(D d, VI n) {
  const hn::RebindToSigned<D> di;
  return hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(n, hn::Set(di, 127))));
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V Exp(D d, V x) {
  // Beyond these the result is Inf or 0 anyway; comparisons, as Min and Max may lose a NaN.
  const V highest = hn::Set(d, 89.0f);
  const V lowest = hn::Set(d, -104.0f);
  x = hn::IfThenElse(hn::Gt(x, highest), highest, hn::IfThenElse(hn::Lt(x, lowest), lowest, x));
  const ExpParts<D> parts = SplitExp(d, x);
  const V power = hn::Add(hn::Set(d, 1.0f), parts.tail);
  // 2^n in two factors: each is normal, the first product exact, so a denormal result is rounded once.
  const auto half = hn::ShiftRight<1>(parts.exponent);
  return hn::Mul(hn::Mul(power, PowerOfTwo(d, half)), PowerOfTwo(d, hn::Sub(parts.exponent, half)));
}

// exp(x) − 1, within 3 ulp, near 0 too.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Expm1(D d, V x) {
  const hn::RebindToSigned<D> di;
  const V highest = hn::Set(d, 89.0f);
  const V lowest = hn::Set(d, -30.0f);  // the result is −1 from −17.4 on
  const V bounded = hn::IfThenElse(hn::Gt(x, highest), highest, hn::IfThenElse(hn::Lt(x, lowest), lowest, x));
  const ExpParts<D> parts = SplitExp(d, bounded);
  // 2^n·tail + (2^n − 1), halved until the end: 2^128 is not a float.
  const V scale = PowerOfTwo(d, hn::Sub(parts.exponent, hn::Set(di, 1)));
  const V half = hn::Add(hn::Mul(parts.tail, scale), hn::Sub(scale, hn::Set(d, 0.5f)));
  // Where n is 0 the tail is all, halving would cost a denormal its last bit, and −0 its sign.
  const auto near = hn::RebindMask(d, hn::Eq(parts.exponent, hn::Zero(di)));
  return hn::CopySign(hn::IfThenElse(near, parts.tail, hn::Add(half, half)), x);
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#endif  // EVENKEEL_SIMD_EXP_INL_H_

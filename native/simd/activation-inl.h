// The activations, for kernels of their own and for those with an activation fused: the same expressions, so fusing
// changes no bit. The code is a template argument: an inner loop has no branch on it.
//
//   return WithActivation(code, [&](auto activation) {
//     constexpr int kActivation = decltype(activation)::value;
//     … Activate<kActivation>(d, x, slope) …
//   });
#if defined(EVENKEEL_SIMD_ACTIVATION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EVENKEEL_SIMD_ACTIVATION_INL_H_
#undef EVENKEEL_SIMD_ACTIVATION_INL_H_
#else
#define EVENKEEL_SIMD_ACTIVATION_INL_H_
#endif

#include <type_traits>

#include <hwy/highway.h>

#include "native/kernels/kernel.h"
#include "native/simd/exp-inl.h"
#include "native/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// 1/(1 + e^-x), within 3 ulp. From e^-|x|, so that neither end overflows and small results keep their digits.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Sigmoid(D d, V x) {
  const V one = hn::Set(d, 1.0f);
  const V z = Exp(d, hn::Neg(hn::Abs(x)));
  return hn::Div(hn::IfThenElse(hn::Lt(x, hn::Zero(d)), z, one), hn::Add(one, z));
}

// Within 3 ulp: an odd polynomial (2^-29.9 relative) below 0.55, 1 − 2/(e^2|x| + 1) above.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Tanh(D d, V x) {
  const V one = hn::Set(d, 1.0f);
  const V magnitude = hn::Abs(x);
  const V square = hn::Mul(x, x);
  V p = hn::MulAdd(hn::Set(d, -0.00628247095631093f), square, hn::Set(d, 0.02107775650265273f));
  p = hn::MulAdd(p, square, hn::Set(d, -0.053853857424299614f));
  p = hn::MulAdd(p, square, hn::Set(d, 0.1333260167968818f));
  p = hn::MulAdd(p, square, hn::Set(d, -0.3333331804546629f));
  const V small = hn::MulAdd(hn::Mul(magnitude, square), p, magnitude);
  const V power = Exp(d, hn::Add(magnitude, magnitude));
  const V large = hn::Sub(one, hn::Div(hn::Set(d, 2.0f), hn::Add(power, one)));
  return hn::CopySign(hn::IfThenElse(hn::Lt(magnitude, hn::Set(d, 0.55f)), small, large), x);
}

// y = activation(x). Relu: NaN for NaN, x for x > 0, else +0. Leaky relu: x for x > 0, else slope·x.
template <int kActivation, class D, class V = hn::Vec<D>>
HWY_INLINE V Activate(D d, V x, V slope) {
  (void)slope;
  if constexpr (kActivation == kRelu) {
    // Not (x <= 0): holds for NaN. Max would depend on the order of its operands.
    return hn::IfThenZeroElse(hn::Le(x, hn::Zero(d)), x);
  } else if constexpr (kActivation == kLeakyRelu) {
    return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), x, hn::Mul(slope, x));
  } else if constexpr (kActivation == kSigmoid) {
    return Sigmoid(d, x);
  } else if constexpr (kActivation == kTanh) {
    return Tanh(d, x);
  } else {
    return x;
  }
}

// The derivative at x, from the output y. 0 at 0 for relu, slope at 0 for leaky relu.
template <int kActivation, class D, class V = hn::Vec<D>>
HWY_INLINE V ActivationGradient(D d, V y, V slope) {
  (void)slope;
  const V one = hn::Set(d, 1.0f);
  if constexpr (kActivation == kRelu) {
    return hn::IfThenElseZero(hn::Gt(y, hn::Zero(d)), one);
  } else if constexpr (kActivation == kLeakyRelu) {
    return hn::IfThenElse(hn::Gt(y, hn::Zero(d)), one, slope);
  } else if constexpr (kActivation == kSigmoid) {
    return hn::Mul(y, hn::Sub(one, y));
  } else if constexpr (kActivation == kTanh) {
    return hn::Sub(one, hn::Mul(y, y));
  } else {
    return one;
  }
}

// dy times the derivative, from the output y. Relu selects rather than multiplies: +0 where y is not positive,
// whatever dy is.
template <int kActivation, class D, class V = hn::Vec<D>>
HWY_INLINE V ActivationBackward(D d, V dy, V y, V slope) {
  if constexpr (kActivation == kIdentity) {
    return dy;
  } else if constexpr (kActivation == kRelu) {
    return hn::IfThenElseZero(hn::Gt(y, hn::Zero(d)), dy);
  } else {
    return hn::Mul(dy, ActivationGradient<kActivation>(d, y, slope));
  }
}

// f(std::integral_constant<int, code>) → Status. Codes were checked at the door; one that is not known is identity.
template <class F>
HWY_INLINE Status WithActivation(int code, F&& f) {
  switch (code) {
    case kRelu: return f(std::integral_constant<int, kRelu>{});
    case kLeakyRelu: return f(std::integral_constant<int, kLeakyRelu>{});
    case kSigmoid: return f(std::integral_constant<int, kSigmoid>{});
    case kTanh: return f(std::integral_constant<int, kTanh>{});
    default: return f(std::integral_constant<int, kIdentity>{});
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#endif  // EVENKEEL_SIMD_ACTIVATION_INL_H_

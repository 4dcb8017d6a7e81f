// Losses of one element, and their slopes. The code is a template argument: an inner loop has no branch on it.
#if defined(EVENKEEL_SIMD_ELEMENT_LOSS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EVENKEEL_SIMD_ELEMENT_LOSS_INL_H_
#undef EVENKEEL_SIMD_ELEMENT_LOSS_INL_H_
#else
#define EVENKEEL_SIMD_ELEMENT_LOSS_INL_H_
#endif

#include <limits>
#include <type_traits>

#include <hwy/highway.h>

#include "native/kernels/kernel.h"
#include "native/simd/exp-inl.h"
#include "native/simd/log-inl.h"
#include "native/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

enum ElementLoss { kAbsolute = 0, kHuber = 1, kBinaryCrossEntropy = 2 };

// The loss in float64 of the elements from `at` on; 0 for those that `access` leaves out.
template <int kLoss, class D, class Access>
HWY_INLINE hn::Vec<D> ElementLossOf(D d, const float* prediction, const float* target, Access access, float parameter) {
  const hn::Rebind<float, D> narrow;
  const auto t = hn::PromoteTo(d, access.Load(narrow, target));
  const auto limit = hn::Set(d, static_cast<double>(parameter));
  const auto zero = hn::Zero(d);
  if constexpr (kLoss == kBinaryCrossEntropy) {
    // σ(−∞) is 0: a lane that memory does not fill has no loss.
    const auto none = hn::Set(narrow, -std::numeric_limits<float>::infinity());
    const auto logit = access.LoadOr(narrow, prediction, none);
    const auto log = hn::PromoteTo(d, Log1p(narrow, Exp(narrow, hn::Neg(hn::Abs(logit)))));
    const auto z = hn::PromoteTo(d, logit);
    const auto one = hn::Set(d, 1.0);
    const auto is_negative = hn::Lt(z, zero);
    const auto above = hn::Add(log, hn::IfThenZeroElse(is_negative, z));
    const auto below = hn::Add(log, hn::IfThenElseZero(is_negative, hn::Neg(z)));
    const auto positive = hn::IfThenZeroElse(hn::Eq(t, zero), hn::Mul(hn::Mul(limit, t), below));
    const auto negative = hn::IfThenZeroElse(hn::Eq(t, one), hn::Mul(hn::Sub(one, t), above));
    return hn::Add(positive, negative);
  } else {
    const auto a = hn::Abs(hn::Sub(hn::PromoteTo(d, access.Load(narrow, prediction)), t));
    if constexpr (kLoss == kAbsolute) return a;
    const auto half = hn::Set(d, 0.5);
    const auto tangent = hn::Mul(limit, hn::Sub(a, hn::Mul(half, limit)));
    return hn::IfThenElse(hn::Gt(a, limit), tangent, hn::Mul(hn::Mul(half, a), a));
  }
}

// d loss / d prediction.
template <int kLoss, class D, class V = hn::Vec<D>>
HWY_INLINE V ElementLossSlope(D d, V prediction, V target, V parameter) {
  const V zero = hn::Zero(d);
  const V one = hn::Set(d, 1.0f);
  if constexpr (kLoss == kBinaryCrossEntropy) {
    const V e = Exp(d, hn::Neg(hn::Abs(prediction)));
    const V large = hn::Div(one, hn::Add(one, e));
    const V small = hn::Div(e, hn::Add(one, e));
    const auto is_negative = hn::Lt(prediction, zero);
    const V above = hn::IfThenElse(is_negative, small, large);
    const V below = hn::IfThenElse(is_negative, large, small);
    return hn::Sub(hn::Mul(hn::Sub(one, target), above), hn::Mul(hn::Mul(parameter, target), below));
  } else {
    const V difference = hn::Sub(prediction, target);
    const V limit = kLoss == kAbsolute ? one : parameter;
    const V inside = kLoss == kAbsolute ? hn::Mul(difference, zero) : difference;
    const V most = kLoss == kAbsolute ? zero : parameter;
    const V high = hn::IfThenElse(hn::Gt(difference, most), limit, inside);
    return hn::IfThenElse(hn::Lt(difference, hn::Neg(most)), hn::Neg(limit), high);
  }
}

// f(std::integral_constant<int, code>) → Status.
template <class F>
HWY_INLINE Status WithElementLoss(int code, F&& f) {
  switch (code) {
    case kHuber: return f(std::integral_constant<int, kHuber>{});
    case kBinaryCrossEntropy: return f(std::integral_constant<int, kBinaryCrossEntropy>{});
    default: return f(std::integral_constant<int, kAbsolute>{});
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#endif  // EVENKEEL_SIMD_ELEMENT_LOSS_INL_H_

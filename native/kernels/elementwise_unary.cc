// elementwiseUnary: out = operation(x), by a parameter where it has one
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/elementwise_unary.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "native/kernels/elements.h"
#include "native/kernels/elementwise.h"
#include "native/kernels/kernel.h"
#include "native/simd/erf-inl.h"
#include "native/simd/exp-inl.h"
#include "native/simd/gelu-inl.h"
#include "native/simd/log-inl.h"
#include "native/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// 64 KiB of output, or some 10 µs of exp: below it a second thread costs more than it brings.
constexpr int64_t kElementwiseUnaryChunk = 16384;

// max(x, 0) + log(1 + e^-|x|): neither end overflows, and small results keep their digits.
template <class D, class V>
HWY_INLINE V Softplus(D d, V x) {
  const V positive = hn::IfThenZeroElse(hn::Le(x, hn::Zero(d)), x);
  return hn::Add(positive, Log1p(d, Exp(d, hn::Neg(hn::Abs(x)))));
}

// x for x > 0, else parameter · (e^x − 1); the derivative at 0 is the parameter.
template <class D, class V>
HWY_INLINE V Elu(D d, V x, V parameter) {
  return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), x, hn::Mul(parameter, Expm1(d, x)));
}
template <class D, class V>
HWY_INLINE V EluDerivative(D d, V x, V parameter) {
  return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), hn::Set(d, 1.0f), hn::Mul(parameter, Exp(d, x)));
}

template <int kOperation, class D, class V>
HWY_INLINE V Map(D d, V x, V parameter) {
  (void)parameter;
  if constexpr (kOperation == kAbs) return hn::Abs(x);
  else if constexpr (kOperation == kSign)
    return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), hn::Set(d, 1.0f), hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Set(d, -1.0f), x));
  else if constexpr (kOperation == kSquare) return hn::Mul(x, x);
  else if constexpr (kOperation == kSqrt) return hn::Sqrt(x);
  else if constexpr (kOperation == kExp) return Exp(d, x);
  else if constexpr (kOperation == kExpm1) return Expm1(d, x);
  else if constexpr (kOperation == kLog) return Log(d, x);
  else if constexpr (kOperation == kLog1p) return Log1p(d, x);
  else if constexpr (kOperation == kErf) return Erf(d, x);
  else if constexpr (kOperation == kSoftplus) return Softplus(d, x);
  else if constexpr (kOperation == kGelu) return Gelu(d, x);
  else if constexpr (kOperation == kGeluDerivative) return GeluDerivative(d, x);
  else if constexpr (kOperation == kGeluTanh) return GeluTanh(d, x);
  else if constexpr (kOperation == kGeluTanhDerivative) return GeluTanhDerivative(d, x);
  else if constexpr (kOperation == kSilu) return Silu(d, x);
  else if constexpr (kOperation == kSiluDerivative) return SiluDerivative(d, x);
  else if constexpr (kOperation == kElu) return Elu(d, x, parameter);
  else if constexpr (kOperation == kEluDerivative) return EluDerivative(d, x, parameter);
  else return hn::Neg(x);
}

template <int kOperation>
Status Unary(const Call& call) {
  const int64_t count = call.dims[0];
  float* out = call.Out(0);
  const float* x = call.In(1);
  const float parameter_value = static_cast<float>(call.scalars[1]);
  call.parallel.For((count + kElementwiseUnaryChunk - 1) / kElementwiseUnaryChunk, [=](int64_t chunk, int) HWY_ATTR {
    const hn::ScalableTag<float> d;
    const auto parameter = hn::Set(d, parameter_value);
    const int64_t begin = chunk * kElementwiseUnaryChunk;
    ForEachVector(d, begin, HWY_MIN(begin + kElementwiseUnaryChunk, count), [&](int64_t i, auto access) EVK_LAMBDA {
      access.Store(Map<kOperation>(d, access.Load(d, x + i), parameter), d, out + i);
    });
  });
  return Status::kOk;
}

Status ElementwiseUnary(Call& call) {
  switch (static_cast<int>(call.scalars[0])) {
    case kAbs: return Unary<kAbs>(call);
    case kSign: return Unary<kSign>(call);
    case kSquare: return Unary<kSquare>(call);
    case kSqrt: return Unary<kSqrt>(call);
    case kExp: return Unary<kExp>(call);
    case kExpm1: return Unary<kExpm1>(call);
    case kLog: return Unary<kLog>(call);
    case kLog1p: return Unary<kLog1p>(call);
    case kErf: return Unary<kErf>(call);
    case kSoftplus: return Unary<kSoftplus>(call);
    case kGelu: return Unary<kGelu>(call);
    case kGeluDerivative: return Unary<kGeluDerivative>(call);
    case kGeluTanh: return Unary<kGeluTanh>(call);
    case kGeluTanhDerivative: return Unary<kGeluTanhDerivative>(call);
    case kSilu: return Unary<kSilu>(call);
    case kSiluDerivative: return Unary<kSiluDerivative>(call);
    case kElu: return Unary<kElu>(call);
    case kEluDerivative: return Unary<kEluDerivative>(call);
    default: return Unary<kNegate>(call);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evenkeel {
namespace {
constexpr Operand kOperands[] = {
    Write("out", Dim<0>),
    Read("x", Dim<0>),
};
}  // namespace
extern const KernelEntry kElementwiseUnary;
const KernelEntry kElementwiseUnary = {"elementwiseUnary", kOperands, 2, 1, 2, nullptr, {EVK_TARGETS(ElementwiseUnary)}};
}  // namespace evenkeel
#endif

// elementwiseUnary: out = operation(x)
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

template <int kOperation, class D, class V>
HWY_INLINE V Map(D d, V x) {
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
  else return hn::Neg(x);
}

template <int kOperation>
Status Unary(const Call& call) {
  const int64_t count = call.dims[0];
  float* out = call.Out(0);
  const float* x = call.In(1);
  call.parallel.For((count + kElementwiseUnaryChunk - 1) / kElementwiseUnaryChunk, [=](int64_t chunk, int) HWY_ATTR {
    const hn::ScalableTag<float> d;
    const int64_t begin = chunk * kElementwiseUnaryChunk;
    ForEachVector(d, begin, HWY_MIN(begin + kElementwiseUnaryChunk, count), [&](int64_t i, auto access) EVK_LAMBDA {
      access.Store(Map<kOperation>(d, access.Load(d, x + i)), d, out + i);
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
const KernelEntry kElementwiseUnary = {"elementwiseUnary", kOperands, 2, 1, 1, nullptr, {EVK_TARGETS(ElementwiseUnary)}};
}  // namespace evenkeel
#endif

// elementwiseBinary: out = operation(a, b), each of a and b repeated along the dims of its mask, or a number.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/elementwise_binary.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "native/kernels/broadcast.h"
#include "native/kernels/elements.h"
#include "native/kernels/elementwise.h"
#include "native/kernels/kernel.h"
#include "native/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The larger: NaN where either is NaN, +0 of zeros of both signs. Equal numbers differ in nothing but a zero's sign.
template <class D, class V>
HWY_INLINE V Larger(D, V a, V b) {
  return hn::IfThenElse(hn::Eq(a, b), hn::And(a, b), hn::IfThenElse(hn::Or(hn::Gt(a, b), hn::IsNaN(a)), a, b));
}
template <class D, class V>
HWY_INLINE V Smaller(D, V a, V b) {
  return hn::IfThenElse(hn::Eq(a, b), hn::Or(a, b), hn::IfThenElse(hn::Or(hn::Lt(a, b), hn::IsNaN(a)), a, b));
}

template <int kOperation, class D, class V>
HWY_INLINE V Combine(D d, V a, V b) {
  const V one = hn::Set(d, 1.0f);
  if constexpr (kOperation == kAddition) return hn::Add(a, b);
  else if constexpr (kOperation == kSubtract) return hn::Sub(a, b);
  else if constexpr (kOperation == kMultiply) return hn::Mul(a, b);
  else if constexpr (kOperation == kDivide) return hn::Div(a, b);
  else if constexpr (kOperation == kMinimum) return Smaller(d, a, b);
  else if constexpr (kOperation == kMaximum) return Larger(d, a, b);
  // Selections, not Ne: whether that holds for NaN differs between instruction sets.
  else if constexpr (kOperation == kEqual) return hn::IfThenElseZero(hn::Eq(a, b), one);
  else if constexpr (kOperation == kNotEqual) return hn::IfThenZeroElse(hn::Eq(a, b), one);
  else if constexpr (kOperation == kGreater) return hn::IfThenElseZero(hn::Gt(a, b), one);
  else if constexpr (kOperation == kGreaterEqual) return hn::IfThenElseZero(hn::Ge(a, b), one);
  else if constexpr (kOperation == kShare)
    return hn::IfThenZeroElse(hn::Lt(a, b), hn::IfThenElse(hn::Eq(a, b), hn::Set(d, 0.5f), one));
  else return hn::IfThenZeroElse(hn::Eq(b, hn::Zero(d)), hn::Mul(a, b));
}

// One run: steps of 0 or 1. Both 0 happens only where no dim is longer than 1.
template <int kOperation>
void CombineRun(float* out, int64_t length, const float* const* from, const int64_t* steps) {
  const hn::ScalableTag<float> d;
  const float* a = from[0];
  const float* b = from[1];
  if (steps[0] == 0 && steps[1] == 0) {
    const auto both = Combine<kOperation>(d, hn::Set(d, *a), hn::Set(d, *b));
    ForEachVector(d, 0, length, [&](int64_t i, auto access) EVK_LAMBDA { access.Store(both, d, out + i); });
  } else if (steps[1] == 0) {
    const auto right = hn::Set(d, *b);
    ForEachVector(d, 0, length, [&](int64_t i, auto access) EVK_LAMBDA {
      access.Store(Combine<kOperation>(d, access.Load(d, a + i), right), d, out + i);
    });
  } else if (steps[0] == 0) {
    const auto left = hn::Set(d, *a);
    ForEachVector(d, 0, length, [&](int64_t i, auto access) EVK_LAMBDA {
      access.Store(Combine<kOperation>(d, left, access.Load(d, b + i)), d, out + i);
    });
  } else {
    ForEachVector(d, 0, length, [&](int64_t i, auto access) EVK_LAMBDA {
      access.Store(Combine<kOperation>(d, access.Load(d, a + i), access.Load(d, b + i)), d, out + i);
    });
  }
}

BroadcastRun RunOf(int operation) {
  switch (operation) {
    case kSubtract: return CombineRun<kSubtract>;
    case kMultiply: return CombineRun<kMultiply>;
    case kDivide: return CombineRun<kDivide>;
    case kMinimum: return CombineRun<kMinimum>;
    case kMaximum: return CombineRun<kMaximum>;
    case kEqual: return CombineRun<kEqual>;
    case kNotEqual: return CombineRun<kNotEqual>;
    case kGreater: return CombineRun<kGreater>;
    case kGreaterEqual: return CombineRun<kGreaterEqual>;
    case kShare: return CombineRun<kShare>;
    case kMaskedMultiply: return CombineRun<kMaskedMultiply>;
    default: return CombineRun<kAddition>;
  }
}

Status ElementwiseBinary(Call& call) {
  const float numbers[] = {static_cast<float>(call.scalars[3]), static_cast<float>(call.scalars[4])};
  float* out = call.Out(0);
  const BroadcastRun run = RunOf(static_cast<int>(call.scalars[0]));
  BroadcastWalk<2> walk;
  walk.SetSizes(call.dims);
  walk.SetOperand(0, call.In(1), call.scalars[1], &numbers[0]);
  walk.SetOperand(1, call.In(2), call.scalars[2], &numbers[1]);
  call.parallel.For(walk.chunks(), [&](int64_t chunk, int) { walk.Chunk(chunk, out, run); });
  return Status::kOk;
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evenkeel {
namespace {
constexpr Operand kOperands[] = {
    Write("out", Dim<0, 1, 2, 3, 4, 5>),
    OptionalRead("a", BroadcastElements<1>),
    OptionalRead("b", BroadcastElements<2>),
};
}  // namespace
extern const KernelEntry kElementwiseBinary;
const KernelEntry kElementwiseBinary = {"elementwiseBinary", kOperands, 3, 6, 5, nullptr, {EVK_TARGETS(ElementwiseBinary)}};
}  // namespace evenkeel
#endif

// elementwiseWhere: out = condition ≠ 0 ? a : b, each operand repeated along the dims of its mask; a and b may be numbers.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/elementwise_where.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "native/kernels/broadcast.h"
#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// A run of which an operand has one value only, or one element an output.
template <bool kOneA, bool kOneB>
HWY_INLINE void SelectRun(float* out, int64_t length, const float* condition, const float* a, const float* b) {
  const hn::ScalableTag<float> d;
  const auto one_a = hn::Set(d, *a);
  const auto one_b = hn::Set(d, *b);
  ForEachVector(d, 0, length, [&](int64_t i, auto access) EVK_LAMBDA {
    const auto left = kOneA ? one_a : access.Load(d, a + i);
    const auto right = kOneB ? one_b : access.Load(d, b + i);
    access.Store(hn::IfThenElse(hn::Eq(access.Load(d, condition + i), hn::Zero(d)), right, left), d, out + i);
  });
}

// The condition holds or does not in the whole run.
HWY_INLINE void CopyRun(float* out, int64_t length, const float* from, int64_t step) {
  const hn::ScalableTag<float> d;
  const auto one = hn::Set(d, *from);
  if (step == 0) {
    ForEachVector(d, 0, length, [&](int64_t i, auto access) EVK_LAMBDA { access.Store(one, d, out + i); });
  } else {
    ForEachVector(d, 0, length, [&](int64_t i, auto access) EVK_LAMBDA { access.Store(access.Load(d, from + i), d, out + i); });
  }
}

// from: condition, a, b
void ChooseRun(float* out, int64_t length, const float* const* from, const int64_t* steps) {
  if (steps[0] == 0) {
    const int chosen = *from[0] == 0.0f ? 2 : 1;
    CopyRun(out, length, from[chosen], steps[chosen]);
  } else if (steps[1] == 0) {
    if (steps[2] == 0) SelectRun<true, true>(out, length, from[0], from[1], from[2]);
    else SelectRun<true, false>(out, length, from[0], from[1], from[2]);
  } else {
    if (steps[2] == 0) SelectRun<false, true>(out, length, from[0], from[1], from[2]);
    else SelectRun<false, false>(out, length, from[0], from[1], from[2]);
  }
}

Status ElementwiseWhere(Call& call) {
  const float numbers[] = {static_cast<float>(call.scalars[3]), static_cast<float>(call.scalars[4])};
  float* out = call.Out(0);
  BroadcastWalk<3> walk;
  walk.SetSizes(call.dims);
  walk.SetOperand(0, call.In(1), call.scalars[0], nullptr);
  walk.SetOperand(1, call.In(2), call.scalars[1], &numbers[0]);
  walk.SetOperand(2, call.In(3), call.scalars[2], &numbers[1]);
  call.parallel.For(walk.chunks(), [&](int64_t chunk, int) { walk.Chunk(chunk, out, ChooseRun); });
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
    Read("condition", BroadcastElements<0>),
    OptionalRead("a", BroadcastElements<1>),
    OptionalRead("b", BroadcastElements<2>),
};
}  // namespace
extern const KernelEntry kElementwiseWhere;
const KernelEntry kElementwiseWhere = {"elementwiseWhere", kOperands, 4, 6, 5, nullptr, {EVK_TARGETS(ElementwiseWhere)}};
}  // namespace evenkeel
#endif

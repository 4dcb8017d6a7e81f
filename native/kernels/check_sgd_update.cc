// checkSgdUpdate: kNonFinite, detail the index, where a gradient in a segment is not finite; kOverflow where sgdUpdate
// would leave a parameter or velocity that is not. Nothing is written. largest: a bound of |u|; without it all are read.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/check_sgd_update.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "native/kernels/check_update.h"
#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/simd/optimizer-inl.h"
#include "native/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <Momentum kMomentum>
int64_t FirstSgdOverflow(const Call& call) {
  const float* parameters = call.In(0);
  const float* velocities = call.In(1);
  const float* gradients = call.In(3);
  const double* scalars = call.scalars;
  return FirstInSegments(call, call.As<const double>(4), [=](const Segment& segment, int64_t begin, int64_t end) HWY_ATTR {
    const FloatTag d;
    const SgdStep<kMomentum> step(scalars, segment);
    LargestVector top;
    ForEachVector(d, begin, end, [&](int64_t i, auto access) EVK_LAMBDA {
      auto u = hn::Zero(d);
      if constexpr (kMomentum != Momentum::kNone) u = access.Load(d, velocities + i);
      const auto p = step(access.Load(d, parameters + i), access.Load(d, gradients + i), u);
      top.Take(access.Only(d, p));
      top.Take(access.Only(d, u));
    });
    return top.Bits() < kInfinityBits;
  });
}

Status CheckSgdUpdate(Call& call) {
  const float* gradients = call.In(3);
  const double* table = call.As<const double>(4);
  const int32_t largest = LargestInSegments(call.parallel, gradients, call.dims[0], table, call.dims[1]);
  if (largest >= kInfinityBits) return NonFiniteGradient(call, gradients, table);
  const double velocity = !call.operands[1] ? 0 : call.operands[2] ? call.In(2)[0] : HUGE_VAL;
  if (SgdStaysFinite(call, table, FloatOfBits(largest), velocity)) return Status::kOk;
  if (!call.operands[1]) return Overflow(call, FirstSgdOverflow<Momentum::kNone>(call));
  if (call.scalars[2] == 0) return Overflow(call, FirstSgdOverflow<Momentum::kPlain>(call));
  return Overflow(call, FirstSgdOverflow<Momentum::kNesterov>(call));
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evenkeel {
namespace {
constexpr Operand kOperands[] = {
    Read("parameters", Dim<0>),
    OptionalRead("velocity", Dim<0>),
    OptionalRead("largest", One),
    Read("gradients", Dim<0>),
    Read("segments", SegmentElements, DType::kFloat64),
};
}  // namespace
extern const KernelEntry kCheckSgdUpdate;
const KernelEntry kCheckSgdUpdate = {"checkSgdUpdate", kOperands, 5, 2, 3, nullptr, {EVK_TARGETS(CheckSgdUpdate)}};
}  // namespace evenkeel
#endif

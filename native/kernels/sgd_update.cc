// sgdUpdate, rounded after each operation: d = g + λp; u ← μu + d; p ← p − lr·u, or with nesterov 1 p ← p − lr·(d + μu).
// Without velocities there is no momentum. lr and λ are rounded once a segment; what lies in no segment is not touched.
// largest ← max(largest, |u|).
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/sgd_update.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <atomic>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/kernels/segments.h"
#include "native/simd/optimizer-inl.h"
#include "native/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <Momentum kMomentum>
void SgdRun(const Call& call) {
  float* parameters = call.Out(0);
  float* velocities = call.Out(1);
  const float* gradients = call.In(3);
  const double* scalars = call.scalars;
  std::atomic<int32_t> largest{0};
  std::atomic<int32_t>* shared = &largest;
  ForEachSegmentPart(call.parallel, call.dims[0], call.As<const double>(4), call.dims[1],
                     [=](const Segment& segment, int64_t begin, int64_t end) HWY_ATTR {
    const FloatTag d;
    const SgdStep<kMomentum> step(scalars, segment);
    LargestVector top;
    ForEachVector(d, begin, end, [&](int64_t i, auto access) EVK_LAMBDA {
      auto u = hn::Zero(d);
      if constexpr (kMomentum != Momentum::kNone) u = access.Load(d, velocities + i);
      const auto p = step(access.Load(d, parameters + i), access.Load(d, gradients + i), u);
      access.Store(p, d, parameters + i);
      if constexpr (kMomentum != Momentum::kNone) {
        access.Store(u, d, velocities + i);
        top.Take(access.Only(d, u));
      }
    });
    if constexpr (kMomentum != Momentum::kNone) RaiseTo(*shared, top.Bits());
  });
  if (call.operands[2]) RaiseLargest(call.Out(2), largest);
}

Status SgdUpdate(Call& call) {
  if (!call.operands[1]) {
    SgdRun<Momentum::kNone>(call);
  } else if (call.scalars[2] != 0) {
    SgdRun<Momentum::kNesterov>(call);
  } else {
    SgdRun<Momentum::kPlain>(call);
  }
  return Status::kOk;
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evenkeel {
namespace {
constexpr Operand kOperands[] = {
    Update("parameters", Dim<0>),
    OptionalUpdate("velocity", Dim<0>),
    OptionalUpdate("largest", One),
    Read("gradients", Dim<0>),
    Read("segments", SegmentElements, DType::kFloat64),
};
}  // namespace
extern const KernelEntry kSgdUpdate;
const KernelEntry kSgdUpdate = {"sgdUpdate", kOperands, 5, 2, 3, nullptr, {EVK_TARGETS(SgdUpdate)}};
}  // namespace evenkeel
#endif

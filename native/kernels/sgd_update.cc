// sgdUpdate, rounded after each operation: d = g + λp; u ← μu + d; p ← p − lr·u, or with nesterov 1 p ← p − lr·(d + μu).
// Without velocities there is no momentum. lr and λ are rounded once a segment; what lies in no segment is not touched.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/sgd_update.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/kernels/segments.h"
#include "native/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

enum class Momentum { kNone, kPlain, kNesterov };

template <Momentum kMomentum>
void SgdRun(const Call& call) {
  float* parameters = call.Out(0);
  float* velocities = call.Out(1);
  const float* gradients = call.In(2);
  const double learning_rate = call.scalars[0];
  const float momentum_value = static_cast<float>(call.scalars[1]);
  ForEachSegmentPart(call.parallel, call.dims[0], call.As<const double>(3), call.dims[1],
                     [=](const Segment& segment, int64_t begin, int64_t end) HWY_ATTR {
    const hn::ScalableTag<float> d;
    const auto rate = hn::Set(d, static_cast<float>(learning_rate * segment.rate_factor));
    const auto decay = hn::Set(d, static_cast<float>(segment.weight_decay));
    const auto momentum = hn::Set(d, momentum_value);
    ForEachVector(d, begin, end, [&](int64_t i, auto access) EVK_LAMBDA {
      const auto p = access.Load(d, parameters + i);
      auto direction = hn::Add(access.Load(d, gradients + i), hn::Mul(decay, p));
      if constexpr (kMomentum != Momentum::kNone) {
        const auto u = hn::Add(hn::Mul(momentum, access.Load(d, velocities + i)), direction);
        access.Store(u, d, velocities + i);
        direction = kMomentum == Momentum::kNesterov ? hn::Add(direction, hn::Mul(momentum, u)) : u;
      }
      access.Store(hn::Sub(p, hn::Mul(rate, direction)), d, parameters + i);
    });
  });
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
    Read("gradients", Dim<0>),
    Read("segments", SegmentElements, DType::kFloat64),
};
}  // namespace
extern const KernelEntry kSgdUpdate;
const KernelEntry kSgdUpdate = {"sgdUpdate", kOperands, 4, 2, 3, nullptr, {EVK_TARGETS(SgdUpdate)}};
}  // namespace evenkeel
#endif

// adamUpdate, rounded after each operation: m ← β₁m + (1−β₁)g; v ← β₂v + ((1−β₂)g)g; p ← p − (a·m)/(b·√v + ε).
// decoupled 1: first p ← p·(1 − lr·λ); decoupled 0: g is g + λp. What lies in no segment is not touched.
// largest ← max(largest, [|m|, |v|]).
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/adam_update.cc"
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

template <bool kDecoupled>
void AdamRun(const Call& call) {
  float* parameters = call.Out(0);
  float* first_moments = call.Out(1);
  float* second_moments = call.Out(2);
  const float* gradients = call.In(4);
  const double* scalars = call.scalars;
  std::atomic<int32_t> largest[2] = {{0}, {0}};
  std::atomic<int32_t>* shared = largest;
  ForEachSegmentPart(call.parallel, call.dims[0], call.As<const double>(5), call.dims[1],
                     [=](const Segment& segment, int64_t begin, int64_t end) HWY_ATTR {
    const FloatTag d;
    const AdamStep<kDecoupled> step(scalars, segment);
    LargestVector first, second;
    ForEachVector(d, begin, end, [&](int64_t i, auto access) EVK_LAMBDA {
      auto m = access.Load(d, first_moments + i);
      auto v = access.Load(d, second_moments + i);
      const auto p = step(access.Load(d, parameters + i), access.Load(d, gradients + i), m, v);
      access.Store(m, d, first_moments + i);
      access.Store(v, d, second_moments + i);
      access.Store(p, d, parameters + i);
      first.Take(access.Only(d, m));
      second.Take(access.Only(d, v));
    });
    RaiseTo(shared[0], first.Bits());
    RaiseTo(shared[1], second.Bits());
  });
  if (!call.operands[3]) return;
  for (int state = 0; state < 2; ++state) RaiseLargest(call.Out(3) + state, largest[state]);
}

Status AdamUpdate(Call& call) {
  if (call.scalars[6] != 0) {
    AdamRun<true>(call);
  } else {
    AdamRun<false>(call);
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
    Update("firstMoment", Dim<0>),
    Update("secondMoment", Dim<0>),
    OptionalUpdate("largest", Two),
    Read("gradients", Dim<0>),
    Read("segments", SegmentElements, DType::kFloat64),
};
}  // namespace
extern const KernelEntry kAdamUpdate;
const KernelEntry kAdamUpdate = {"adamUpdate", kOperands, 6, 2, 7, nullptr, {EVK_TARGETS(AdamUpdate)}};
}  // namespace evenkeel
#endif

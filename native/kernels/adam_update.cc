// adamUpdate, rounded after each operation: m ← β₁m + (1−β₁)g; v ← β₂v + ((1−β₂)g)g; p ← p − (a·m)/(b·√v + ε).
// decoupled 1: first p ← p·(1 − lr·λ); decoupled 0: g is g + λp. What lies in no segment is not touched.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/adam_update.cc"
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

template <bool kDecoupled>
void AdamRun(const Call& call) {
  float* parameters = call.Out(0);
  float* first_moments = call.Out(1);
  float* second_moments = call.Out(2);
  const float* gradients = call.In(3);
  const double* scalars = call.scalars;
  ForEachSegmentPart(call.parallel, call.dims[0], call.As<const double>(4), call.dims[1],
                     [=](const Segment& segment, int64_t begin, int64_t end) HWY_ATTR {
    const hn::ScalableTag<float> d;
    const auto constant = [d](double value) EVK_LAMBDA { return hn::Set(d, static_cast<float>(value)); };
    // learningRate, a, b, beta1, beta2, epsilon
    const auto decay = constant(kDecoupled ? 1 - scalars[0] * segment.rate_factor * segment.weight_decay : segment.weight_decay);
    const auto a = constant(scalars[1] * segment.rate_factor);
    const auto b = constant(scalars[2]);
    const auto beta1 = constant(scalars[3]);
    const auto beta2 = constant(scalars[4]);
    const auto rest1 = constant(1 - scalars[3]);
    const auto rest2 = constant(1 - scalars[4]);
    const auto epsilon = constant(scalars[5]);
    ForEachVector(d, begin, end, [&](int64_t i, auto access) EVK_LAMBDA {
      auto p = access.Load(d, parameters + i);
      auto g = access.Load(d, gradients + i);
      if constexpr (kDecoupled) {
        p = hn::Mul(p, decay);
      } else {
        g = hn::Add(g, hn::Mul(decay, p));
      }
      const auto m = hn::Add(hn::Mul(beta1, access.Load(d, first_moments + i)), hn::Mul(rest1, g));
      const auto v = hn::Add(hn::Mul(beta2, access.Load(d, second_moments + i)), hn::Mul(hn::Mul(rest2, g), g));
      access.Store(m, d, first_moments + i);
      access.Store(v, d, second_moments + i);
      const auto step = hn::Div(hn::Mul(a, m), hn::Add(hn::Mul(b, hn::Sqrt(v)), epsilon));
      access.Store(hn::Sub(p, step), d, parameters + i);
    });
  });
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
    Read("gradients", Dim<0>),
    Read("segments", SegmentElements, DType::kFloat64),
};
}  // namespace
extern const KernelEntry kAdamUpdate;
const KernelEntry kAdamUpdate = {"adamUpdate", kOperands, 5, 2, 7, nullptr, {EVK_TARGETS(AdamUpdate)}};
}  // namespace evenkeel
#endif

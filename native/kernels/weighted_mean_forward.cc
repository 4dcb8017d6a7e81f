// weightedMeanForward: mean = Σ wᵣ · values[r] / Σ wᵣ and total = Σ wᵣ, with wᵣ = round(weight[r] · factor[r]), in float64 over
// fixed lanes, each rounded once. A row of weight 0 adds nothing, whatever its value. A total of 0 gives the mean 0.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/weighted_mean_forward.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/simd/partial-inl.h"
#include "native/simd/sum-lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// One thread: a row here stands for a whole row of the network.
Status WeightedMeanForward(Call& call) {
  const int64_t rows = call.dims[0];
  const float* values = call.In(2);
  const float* weight = call.In(3);
  const float* factor = call.In(4);
  const auto weights = [=](auto d, int64_t i, auto access) EVK_LAMBDA {
    const hn::Rebind<float, decltype(d)> narrow;
    const auto w = access.Load(narrow, weight + i);
    return hn::PromoteTo(d, factor ? hn::Mul(w, access.Load(narrow, factor + i)) : w);
  };
  const double total = SumOverLanes(rows, weights);
  const double sum = SumOverLanes(rows, [=](auto d, int64_t i, auto access) EVK_LAMBDA {
    const auto w = weights(d, i, access);
    return hn::IfThenZeroElse(hn::Eq(w, hn::Zero(d)), hn::Mul(w, LoadWide(d, values + i, access)));
  });
  *call.Out(0) = total == 0 ? 0.0f : static_cast<float>(sum / total);
  *call.Out(1) = static_cast<float>(total);
  return Status::kOk;
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evenkeel {
namespace {
constexpr Operand kOperands[] = {
    Write("mean", One),
    Write("total", One),
    Read("values", Dim<0>),
    Read("weight", Dim<0>),
    OptionalRead("factor", Dim<0>),
};
}  // namespace
extern const KernelEntry kWeightedMeanForward;
const KernelEntry kWeightedMeanForward = {"weightedMeanForward", kOperands, 5, 1, 0, nullptr, {EVK_TARGETS(WeightedMeanForward)}};
}  // namespace evenkeel
#endif

// weightedMeanBackward: dValues[r] = dMean / total · round(weight[r] · factor[r]), in float64, rounded once; 0 everywhere where
// the total is 0
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/weighted_mean_backward.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// One thread: a row here stands for a whole row of the network.
Status WeightedMeanBackward(Call& call) {
  float* d_values = call.Out(0);
  const double total = static_cast<double>(*call.In(2));
  const float* weight = call.In(3);
  const float* factor = call.In(4);
  const hn::ScalableTag<double> wide;
  const hn::Rebind<float, decltype(wide)> d;
  const auto share = hn::Set(wide, total == 0 ? 0.0 : static_cast<double>(*call.In(1)) / total);
  ForEachVector(d, 0, call.dims[0], [=](int64_t i, auto access) EVK_LAMBDA {
    const auto weight_here = access.Load(d, weight + i);
    const auto w = factor ? hn::Mul(weight_here, access.Load(d, factor + i)) : weight_here;
    access.Store(hn::DemoteTo(d, hn::Mul(share, hn::PromoteTo(wide, w))), d, d_values + i);
  });
  return Status::kOk;
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evenkeel {
namespace {
constexpr Operand kOperands[] = {
    Write("dValues", Dim<0>),
    Read("dMean", One),
    Read("total", One),
    Read("weight", Dim<0>),
    OptionalRead("factor", Dim<0>),
};
}  // namespace
extern const KernelEntry kWeightedMeanBackward;
const KernelEntry kWeightedMeanBackward = {"weightedMeanBackward", kOperands, 5, 1, 0, nullptr, {EVK_TARGETS(WeightedMeanBackward)}};
}  // namespace evenkeel
#endif

// labelWeight: weight[r] = classWeight[labels[r]], 1 without classWeight; 0 for a row whose label is `ignored`
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/label_weight.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/simd/labels-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// One thread: a row here stands for a whole row of the network.
Status LabelWeight(Call& call) {
  const int64_t rows = call.dims[0];
  float* weight = call.Out(0);
  const int32_t* labels = call.As<const int32_t>(1);
  const float* class_weight = call.In(2);
  const double ignored = call.scalars[0];
  const int64_t bad = FirstBadLabel(labels, rows, call.dims[1], ignored);
  if (bad < rows) {
    call.detail = bad;
    return Status::kLabelOutOfRange;
  }
  for (int64_t r = 0; r < rows; ++r) weight[r] = IsIgnored(labels[r], ignored) ? 0.0f : class_weight ? class_weight[labels[r]] : 1.0f;
  return Status::kOk;
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evenkeel {
namespace {
constexpr Operand kOperands[] = {
    Write("weight", Dim<0>),
    Read("labels", Dim<0>, DType::kInt32),
    OptionalRead("classWeight", Dim<1>),
};
}  // namespace
extern const KernelEntry kLabelWeight;
const KernelEntry kLabelWeight = {"labelWeight", kOperands, 3, 2, 1, nullptr, {EVK_TARGETS(LabelWeight)}};
}  // namespace evenkeel
#endif

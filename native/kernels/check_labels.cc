// checkLabels: the status says whether all are `ignored` or in 0 … classes − 1; detail is the index of the first that is not
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/check_labels.cc"
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

// One thread: 60,000 labels take 10 µs.
Status CheckLabels(Call& call) {
  const int64_t bad = FirstBadLabel(call.As<const int32_t>(0), call.dims[0], call.dims[1], call.scalars[0]);
  if (bad == call.dims[0]) return Status::kOk;
  call.detail = bad;
  return Status::kLabelOutOfRange;
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evenkeel {
namespace {
constexpr Operand kOperands[] = {
    Read("labels", Dim<0>, DType::kInt32),
};
}  // namespace
extern const KernelEntry kCheckLabels;
const KernelEntry kCheckLabels = {"checkLabels", kOperands, 1, 2, 1, nullptr, {EVK_TARGETS(CheckLabels)}};
}  // namespace evenkeel
#endif

// literal: out[start + i] = the i-th scalar, for i < length; what lies around stays
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/literal.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int64_t kLiteralNumbers = 8;

Status Literal(Call& call) {
  float* out = call.Out(0);
  const int64_t count = call.dims[0], start = call.dims[1];
  const int64_t length = HWY_MIN(HWY_MIN(call.dims[2], kLiteralNumbers), count - start);
  for (int64_t i = 0; i < length; ++i) out[start + i] = static_cast<float>(call.scalars[i]);
  return Status::kOk;
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evenkeel {
namespace {
constexpr Operand kOperands[] = {
    Update("out", Dim<0>),
};
}  // namespace
extern const KernelEntry kLiteral;
const KernelEntry kLiteral = {"literal", kOperands, 1, 3, 8, nullptr, {EVK_TARGETS(Literal)}};
}  // namespace evenkeel
#endif

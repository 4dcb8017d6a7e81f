// gather: out[o, j, i] = x[o, indices[j], i]
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/gather.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/simd/copy-rows-inl.h"
#include "native/simd/labels-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

Status Gather(Call& call) {
  const int64_t size = call.dims[1];
  const int64_t inner = call.dims[2];
  const int64_t count = call.dims[3];
  float* out = call.Out(0);
  const float* x = call.In(1);
  const int32_t* indices = call.As<const int32_t>(2);
  const int64_t bad = FirstBadLabel(indices, count, size);
  if (bad < count) {
    call.detail = bad;
    return Status::kLabelOutOfRange;
  }
  CopyEachRow(call.parallel, call.dims[0] * count, inner, [=](int64_t row, const float*& from, float*& to) EVK_LAMBDA {
    from = x + (row / count * size + indices[row % count]) * inner;
    to = out + row * inner;
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
    Write("out", Dim<0, 3, 2>),
    Read("x", Dim<0, 1, 2>),
    Read("indices", Dim<3>, DType::kInt32),
};
}  // namespace
extern const KernelEntry kGather;
const KernelEntry kGather = {"gather", kOperands, 3, 4, 0, nullptr, {EVK_TARGETS(Gather)}};
}  // namespace evenkeel
#endif

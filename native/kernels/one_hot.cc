// oneHot: out[j, c] = 1 where c = indices[j], else 0
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/one_hot.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/simd/labels-inl.h"
#include "native/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// 64 KiB of output a chunk: below it a second thread costs more than it brings.
constexpr int64_t kOneHotChunk = 16384;

Status OneHot(Call& call) {
  const int64_t count = call.dims[0];
  const int64_t classes = call.dims[1];
  float* out = call.Out(0);
  const int32_t* indices = call.As<const int32_t>(1);
  const int64_t bad = FirstBadLabel(indices, count, classes);
  if (bad < count) {
    call.detail = bad;
    return Status::kLabelOutOfRange;
  }
  const int64_t rows = HWY_MAX(int64_t{1}, kOneHotChunk / HWY_MAX(int64_t{1}, classes));
  call.parallel.For((count + rows - 1) / rows, [=](int64_t chunk, int) HWY_ATTR {
    const hn::ScalableTag<float> d;
    const int64_t first = chunk * rows;
    const int64_t end = HWY_MIN(first + rows, count);
    ForEachVector(d, first * classes, end * classes, [&](int64_t i, auto access) EVK_LAMBDA { access.Store(hn::Zero(d), d, out + i); });
    for (int64_t j = first; j < end; ++j) out[j * classes + indices[j]] = 1.0f;
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
    Write("out", Dim<0, 1>),
    Read("indices", Dim<0>, DType::kInt32),
};
}  // namespace
extern const KernelEntry kOneHot;
const KernelEntry kOneHot = {"oneHot", kOperands, 2, 2, 0, nullptr, {EVK_TARGETS(OneHot)}};
}  // namespace evenkeel
#endif

// fill: out[i] = value
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/fill.cc"
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

// 64 KiB of output a chunk: below it a second thread costs more than it brings.
constexpr int64_t kFillChunk = 16384;

Status Fill(Call& call) {
  const int64_t count = call.dims[0];
  float* out = call.Out(0);
  const float value = static_cast<float>(call.scalars[0]);
  call.parallel.For((count + kFillChunk - 1) / kFillChunk, [=](int64_t chunk, int) HWY_ATTR {
    const hn::ScalableTag<float> d;
    const auto values = hn::Set(d, value);
    const int64_t begin = chunk * kFillChunk;
    ForEachVector(d, begin, HWY_MIN(begin + kFillChunk, count),
                  [&](int64_t i, auto access) EVK_LAMBDA { access.Store(values, d, out + i); });
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
    Write("out", Dim<0>),
};
}  // namespace
extern const KernelEntry kFill;
const KernelEntry kFill = {"fill", kOperands, 1, 1, 1, nullptr, {EVK_TARGETS(Fill)}};
}  // namespace evenkeel
#endif

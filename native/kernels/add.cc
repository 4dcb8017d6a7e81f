// add: out = a + b
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/add.cc"
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

// 64 KiB of output a chunk: below it a second thread costs more than it brings.
constexpr int64_t kAddChunk = 16384;

Status Add(Call& call) {
  const int64_t count = call.dims[0];
  float* out = call.Out(0);
  const float* a = call.In(1);
  const float* b = call.In(2);
  call.parallel.For((count + kAddChunk - 1) / kAddChunk, [=](int64_t chunk, int) {
    const hn::ScalableTag<float> d;
    const int64_t lanes = hn::Lanes(d);
    const int64_t end = count < (chunk + 1) * kAddChunk ? count : (chunk + 1) * kAddChunk;
    int64_t i = chunk * kAddChunk;
    for (; i + lanes <= end; i += lanes) hn::StoreU(hn::Add(hn::LoadU(d, a + i), hn::LoadU(d, b + i)), d, out + i);
    for (; i < end; ++i) out[i] = a[i] + b[i];
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
    Read("a", Dim<0>),
    Read("b", Dim<0>),
};
}  // namespace
extern const KernelEntry kAdd;
const KernelEntry kAdd = {"add", kOperands, 3, 1, 0, nullptr, {EVK_TARGETS(Add)}};
}  // namespace evenkeel
#endif

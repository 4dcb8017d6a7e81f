// meanBackward: dx[i] = dMean[0] / count
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/mean_backward.cc"
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
constexpr int64_t kMeanBackwardChunk = 16384;

Status MeanBackward(Call& call) {
  const int64_t count = call.dims[0];
  float* dx = call.Out(0);
  // The quotient in float64, rounded once: a count above 2^24 need not be a float32.
  const float value = static_cast<float>(static_cast<double>(call.In(1)[0]) / static_cast<double>(count));
  call.parallel.For((count + kMeanBackwardChunk - 1) / kMeanBackwardChunk, [=](int64_t chunk, int) HWY_ATTR {
    const hn::ScalableTag<float> d;
    const auto values = hn::Set(d, value);
    const int64_t begin = chunk * kMeanBackwardChunk;
    ForEachVector(d, begin, HWY_MIN(begin + kMeanBackwardChunk, count),
                  [&](int64_t i, auto access) EVK_LAMBDA { access.Store(values, d, dx + i); });
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
    Write("dx", Dim<0>),
    Read("dMean", One),
};
}  // namespace
extern const KernelEntry kMeanBackward;
const KernelEntry kMeanBackward = {"meanBackward", kOperands, 2, 1, 0, nullptr, {EVK_TARGETS(MeanBackward)}};
}  // namespace evenkeel
#endif

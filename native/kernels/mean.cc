// mean: out[0] = Σ x / count, summed in float64 over fixed lanes and chunks: the same bits everywhere
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/mean.cc"
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

// 64 KiB of input a chunk: below it a second thread costs more than it brings. Part of the result's definition.
constexpr int64_t kMeanChunk = 16384;

Status Mean(Call& call) {
  const int64_t count = call.dims[0];
  const int64_t chunks = (count + kMeanChunk - 1) / kMeanChunk;
  double* sums = static_cast<double*>(call.workspace);
  const float* x = call.In(1);
  call.parallel.For(chunks, [=](int64_t chunk, int) HWY_ATTR {
    const float* from = x + chunk * kMeanChunk;
    sums[chunk] = SumOverLanes(HWY_MIN(kMeanChunk, count - chunk * kMeanChunk),
                               [=](auto d, int64_t i, auto access) EVK_LAMBDA { return LoadWide(d, from + i, access); });
  });
  double total = 0;
  for (int64_t chunk = 0; chunk < chunks; ++chunk) total += sums[chunk];
  call.Out(0)[0] = static_cast<float>(total / static_cast<double>(count));
  return Status::kOk;
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evenkeel {
namespace {
constexpr Operand kOperands[] = {
    Write("out", One),
    Read("x", Dim<0>),
};
size_t MeanWorkspace(const int64_t* dims, const double*, int) {
  return static_cast<size_t>((dims[0] + HWY_NAMESPACE::kMeanChunk - 1) / HWY_NAMESPACE::kMeanChunk) * sizeof(double);
}
}  // namespace
extern const KernelEntry kMean;
const KernelEntry kMean = {"mean", kOperands, 2, 1, 0, MeanWorkspace, {EVK_TARGETS(Mean)}};
}  // namespace evenkeel
#endif

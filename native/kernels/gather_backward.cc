// gatherBackward: dx[o, s, i] = Σ dy[o, j, i] over the j with indices[j] = s, in the order of j: the same bits everywhere
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/gather_backward.cc"
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

// Rows of dx are shared out; each chunk looks through all indices, a nanosecond for each, for those that meet its own.
constexpr int64_t kMostScatterChunks = 8;
// 64 KiB of output a chunk: below it a second thread costs more than it brings.
constexpr int64_t kScatterChunk = 16384;

void ScatterRows(float* HWY_RESTRICT dx, const float* dy, const int32_t* indices, int64_t count, int64_t inner, int64_t first,
                 int64_t end) {
  const hn::ScalableTag<float> d;
  const auto zero = hn::Zero(d);
  ForEachVector(d, first * inner, end * inner, [&](int64_t i, auto access) EVK_LAMBDA { access.Store(zero, d, dx + i); });
  for (int64_t j = 0; j < count; ++j) {
    if (indices[j] < first || indices[j] >= end) continue;
    float* to = dx + indices[j] * inner;
    const float* from = dy + j * inner;
    ForEachVector(d, 0, inner, [&](int64_t i, auto access) EVK_LAMBDA {
      access.Store(hn::Add(access.Load(d, to + i), access.Load(d, from + i)), d, to + i);
    });
  }
}

Status GatherBackward(Call& call) {
  const int64_t outer = call.dims[0];
  const int64_t size = call.dims[1];
  const int64_t inner = call.dims[2];
  const int64_t count = call.dims[3];
  float* dx = call.Out(0);
  const float* dy = call.In(1);
  const int32_t* indices = call.As<const int32_t>(2);
  const int64_t bad = FirstBadLabel(indices, count, size);
  if (bad < count) {
    call.detail = bad;
    return Status::kLabelOutOfRange;
  }
  const int64_t parts = HWY_MAX(int64_t{1}, HWY_MIN(HWY_MIN(kMostScatterChunks, size), (size + count) * inner / kScatterChunk));
  call.parallel.For(outer * parts, [=](int64_t chunk, int) HWY_ATTR {
    const int64_t o = chunk / parts;
    const int64_t part = chunk % parts;
    ScatterRows(dx + o * size * inner, dy + o * count * inner, indices, count, inner, size * part / parts, size * (part + 1) / parts);
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
    Write("dx", Dim<0, 1, 2>),
    Read("dy", Dim<0, 3, 2>),
    Read("indices", Dim<3>, DType::kInt32),
};
}  // namespace
extern const KernelEntry kGatherBackward;
const KernelEntry kGatherBackward = {"gatherBackward", kOperands, 3, 4, 0, nullptr, {EVK_TARGETS(GatherBackward)}};
}  // namespace evenkeel
#endif

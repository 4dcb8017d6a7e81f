// clipNorm: norm = √Σg² over the segments; where it exceeds the limit, g ← g · round(limit/norm). The squares are summed
// in float64, each chunk of the flat gradients over fixed lanes, then chunk after chunk: the same bits everywhere.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/clip_norm.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <cmath>
#include <limits>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/kernels/segments.h"
#include "native/simd/partial-inl.h"
#include "native/simd/sum-lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

HWY_INLINE double SumSquares(const float* x, int64_t count) {
  return SumOverLanes(count, [=](auto d, int64_t i, auto access) EVK_LAMBDA {
    const auto wide = LoadWide(d, x + i, access);
    return hn::Mul(wide, wide);
  });
}

HWY_INLINE void Scale(float* x, int64_t count, float factor) {
  const hn::ScalableTag<float> d;
  const auto scale = hn::Set(d, factor);
  ForEachVector(d, 0, count, [&](int64_t i, auto access) EVK_LAMBDA {
    access.Store(hn::Mul(access.Load(d, x + i), scale), d, x + i);
  });
}

Status ClipNorm(Call& call) {
  const int64_t count = call.dims[0];
  float* gradients = call.Out(1);
  const double* table = call.As<const double>(2);
  const int64_t chunks = (count + kSegmentChunk - 1) / kSegmentChunk;
  double* sums = static_cast<double*>(call.workspace);
  for (int64_t chunk = 0; chunk < chunks; ++chunk) sums[chunk] = 0;
  // A chunk's parts come one after the other, in the order of the table.
  ForEachSegmentPart(call.parallel, count, table, call.dims[1], [=](const Segment&, int64_t begin, int64_t end) HWY_ATTR {
    sums[begin / kSegmentChunk] += SumSquares(gradients + begin, end - begin);
  });
  double total = 0;
  for (int64_t chunk = 0; chunk < chunks; ++chunk) total += sums[chunk];
  const double norm = std::sqrt(total);
  call.Out(0)[0] = static_cast<float>(norm);
  const double limit = call.scalars[0];
  // Infinite gradients have no direction to keep; they are refused elsewhere.
  if (!(norm > limit && norm < std::numeric_limits<double>::infinity())) return Status::kOk;
  const float factor = static_cast<float>(limit / norm);
  ForEachSegmentPart(call.parallel, count, table, call.dims[1], [=](const Segment&, int64_t begin, int64_t end) HWY_ATTR {
    Scale(gradients + begin, end - begin, factor);
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
    Write("norm", One),
    Update("gradients", Dim<0>),
    Read("segments", SegmentElements, DType::kFloat64),
};
size_t Workspace(const int64_t* dims, const double*, int) {
  return static_cast<size_t>((dims[0] + kSegmentChunk - 1) / kSegmentChunk) * sizeof(double);
}
}  // namespace
extern const KernelEntry kClipNorm;
const KernelEntry kClipNorm = {"clipNorm", kOperands, 3, 2, 1, Workspace, {EVK_TARGETS(ClipNorm)}};
}  // namespace evenkeel
#endif

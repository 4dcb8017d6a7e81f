// maxNorm: rows of a segment whose norm exceeds its maxNorm are scaled by round(maxNorm/norm); the others keep their bits.
// The norm is summed in float64 over fixed lanes: the same bits everywhere.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/max_norm.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <cmath>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/kernels/segments.h"
#include "native/simd/partial-inl.h"
#include "native/simd/sum-lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

HWY_INLINE void LimitRow(float* row, int64_t length, double limit) {
  const double norm = std::sqrt(SumOverLanes(length, [=](auto d, int64_t i, auto access) EVK_LAMBDA {
    const auto x = LoadWide(d, row + i, access);
    return hn::Mul(x, x);
  }));
  if (!(norm > limit)) return;
  const hn::ScalableTag<float> d;
  const auto scale = hn::Set(d, static_cast<float>(limit / norm));
  ForEachVector(d, 0, length, [&](int64_t i, auto access) EVK_LAMBDA {
    access.Store(hn::Mul(access.Load(d, row + i), scale), d, row + i);
  });
}

Status MaxNorm(Call& call) {
  float* parameters = call.Out(0);
  // A chunk takes the rows that start in it.
  ForEachSegmentPart(call.parallel, call.dims[0], call.As<const double>(1), call.dims[1],
                     [=](const Segment& segment, int64_t begin, int64_t end) HWY_ATTR {
    const int64_t length = segment.row_length;
    if (!(segment.max_norm > 0) || length == 0) return;
    int64_t row = segment.start + (begin - segment.start + length - 1) / length * length;
    for (; row < end && row + length <= segment.end; row += length) LimitRow(parameters + row, length, segment.max_norm);
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
    Update("parameters", Dim<0>),
    Read("segments", SegmentElements, DType::kFloat64),
};
}  // namespace
extern const KernelEntry kMaxNorm;
const KernelEntry kMaxNorm = {"maxNorm", kOperands, 2, 2, 0, nullptr, {EVK_TARGETS(MaxNorm)}};
}  // namespace evenkeel
#endif

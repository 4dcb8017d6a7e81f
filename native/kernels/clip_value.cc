// clipValue: g ← −limit where g < −limit, limit where g > limit; NaN stays
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/clip_value.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/kernels/segments.h"
#include "native/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

Status ClipValue(Call& call) {
  float* gradients = call.Out(0);
  const float limit = static_cast<float>(call.scalars[0]);
  ForEachSegmentPart(call.parallel, call.dims[0], call.As<const double>(1), call.dims[1],
                     [=](const Segment&, int64_t begin, int64_t end) HWY_ATTR {
    const hn::ScalableTag<float> d;
    const auto high = hn::Set(d, limit);
    const auto low = hn::Set(d, -limit);
    ForEachVector(d, begin, end, [&](int64_t i, auto access) EVK_LAMBDA {
      const auto g = access.Load(d, gradients + i);
      access.Store(hn::IfThenElse(hn::Gt(g, high), high, hn::IfThenElse(hn::Lt(g, low), low, g)), d, gradients + i);
    });
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
    Update("gradients", Dim<0>),
    Read("segments", SegmentElements, DType::kFloat64),
};
}  // namespace
extern const KernelEntry kClipValue;
const KernelEntry kClipValue = {"clipValue", kOperands, 2, 2, 1, nullptr, {EVK_TARGETS(ClipValue)}};
}  // namespace evenkeel
#endif

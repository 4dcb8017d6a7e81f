// checkAdamUpdate: kNonFinite, detail the index, where a gradient in a segment is not finite; kOverflow where adamUpdate
// would leave a parameter or moment that is not. Nothing is written. largest: bounds of |m| and |v|; without it all are read.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/check_adam_update.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "native/kernels/check_update.h"
#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/simd/optimizer-inl.h"
#include "native/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <bool kDecoupled>
int64_t FirstAdamOverflow(const Call& call) {
  const float* parameters = call.In(0);
  const float* first_moments = call.In(1);
  const float* second_moments = call.In(2);
  const float* gradients = call.In(4);
  const double* scalars = call.scalars;
  return FirstInSegments(call, call.As<const double>(5), [=](const Segment& segment, int64_t begin, int64_t end) HWY_ATTR {
    const FloatTag d;
    const AdamStep<kDecoupled> step(scalars, segment);
    LargestVector top;
    ForEachVector(d, begin, end, [&](int64_t i, auto access) EVK_LAMBDA {
      auto m = access.Load(d, first_moments + i);
      auto v = access.Load(d, second_moments + i);
      const auto p = step(access.Load(d, parameters + i), access.Load(d, gradients + i), m, v);
      top.Take(access.Only(d, p));
      top.Take(access.Only(d, m));
      top.Take(access.Only(d, v));
    });
    return top.Bits() < kInfinityBits;
  });
}

Status CheckAdamUpdate(Call& call) {
  const float* gradients = call.In(4);
  const double* table = call.As<const double>(5);
  const int32_t largest = LargestInSegments(call.parallel, gradients, call.dims[0], table, call.dims[1]);
  if (largest >= kInfinityBits) return NonFiniteGradient(call, gradients, table);
  // Where weight decay is part of the gradient, the parameters are too.
  float parameter = 0;
  if (call.scalars[6] == 0 && AnyWeightDecay(call, table))
    parameter = FloatOfBits(LargestInSegments(call.parallel, call.In(0), call.dims[0], table, call.dims[1]));
  if (call.operands[3] && AdamStaysFinite(call, table, FloatOfBits(largest), parameter, call.In(3))) return Status::kOk;
  return Overflow(call, call.scalars[6] != 0 ? FirstAdamOverflow<true>(call) : FirstAdamOverflow<false>(call));
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evenkeel {
namespace {
constexpr Operand kOperands[] = {
    Read("parameters", Dim<0>),
    Read("firstMoment", Dim<0>),
    Read("secondMoment", Dim<0>),
    OptionalRead("largest", Two),
    Read("gradients", Dim<0>),
    Read("segments", SegmentElements, DType::kFloat64),
};
}  // namespace
extern const KernelEntry kCheckAdamUpdate;
const KernelEntry kCheckAdamUpdate = {"checkAdamUpdate", kOperands, 6, 2, 7, nullptr, {EVK_TARGETS(CheckAdamUpdate)}};
}  // namespace evenkeel
#endif

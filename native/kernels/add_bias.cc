// addBias: out[r, c] = x[r, c] + bias[c]
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/add_bias.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/simd/columns-inl.h"
#include "native/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

Status AddBias(Call& call) {
  float* out = call.Out(0);
  const float* x = call.In(1);
  const float* bias = call.In(2);
  const hn::ScalableTag<float> d;
  ForEachColumnVector(call.parallel, call.dims[0], call.dims[1], [=](int64_t i, int64_t column, auto access) EVK_LAMBDA {
    access.Store(hn::Add(access.Load(d, x + i), access.Load(d, bias + column)), d, out + i);
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
    Read("x", Dim<0, 1>),
    Read("bias", Dim<1>),
};
}  // namespace
extern const KernelEntry kAddBias;
const KernelEntry kAddBias = {"addBias", kOperands, 3, 2, 0, nullptr, {EVK_TARGETS(AddBias)}};
}  // namespace evenkeel
#endif

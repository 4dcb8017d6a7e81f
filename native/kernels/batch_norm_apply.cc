// batchNormApply: y = dropout(activation(((x − mean) − meanLow)·(gamma·invStd) + beta))
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/batch_norm_apply.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "native/kernels/batch_norm.h"
#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/simd/batch_norm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {

Status BatchNormApply(Call& call) {
  const BatchNormPlan plan(call.dims);
  float* y = call.Out(0);
  const float* x = call.In(2);
  const Affine affine = {call.In(3), call.In(4), call.In(5), call.In(6), call.In(7)};
  const ChannelArrays arrays = PrepareChannels(affine, static_cast<float*>(call.workspace), plan.channels, 0, plan.channels);
  const Epilogue epilogue = {static_cast<float>(call.scalars[1]), nullptr, 1};
  return WithActivation(static_cast<int>(call.scalars[0]), [&](auto activation) {
    constexpr int kActivation = decltype(activation)::value;
    call.parallel.For(plan.chunks,
                      [&](int64_t chunk, int) { ApplyChunk<kActivation, false>(plan, x, y, arrays, epilogue, chunk); });
    return Status::kOk;
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evenkeel {
namespace {
constexpr Operand kOperands[] = {
    Write("y", Dim<0, 1, 2>),        OptionalWrite("mask", MaskBytes<0, 1, 2>, DType::kUint8),
    Read("x", Dim<0, 1, 2>),         Read("mean", Dim<1>),
    OptionalRead("meanLow", Dim<1>), Read("invStd", Dim<1>),
    OptionalRead("gamma", Dim<1>),   OptionalRead("beta", Dim<1>),
};
size_t Workspace(const int64_t* dims, const double*, int) { return static_cast<size_t>(dims[1]) * 3 * sizeof(float); }
}  // namespace
extern const KernelEntry kBatchNormApply;
const KernelEntry kBatchNormApply = {"batchNormApply", kOperands, 8, 3, 9, Workspace, {EVK_TARGETS(BatchNormApply)}};
}  // namespace evenkeel
#endif

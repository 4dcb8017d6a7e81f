// batchNormApply: y = dropout(activation(((x − mean) − meanLow)·(gamma·invStd) + beta)).
// batchNormForward: batchNormStats, then batchNormApply, a channel's values still in cache where they fit. One file: they
// share their loops, which come in many variants and are slow to compile.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/batch_norm_forward.cc"
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

template <int kActivation, bool kMask>
HWY_INLINE void Apply(Call& call, const BatchNormPlan& plan) {
  float* y = call.Out(0);
  uint8_t* mask = call.As<uint8_t>(1);
  const float* x = call.In(2);
  const DropoutScalars dropout = ReadDropoutScalars(call.scalars + 2);
  const Epilogue epilogue(call.scalars[1], mask, dropout.scale, plan, y, x);
  const Affine affine = {call.In(3), call.In(4), call.In(5), call.In(6), call.In(7)};
  const ChannelArrays arrays = PrepareChannels(affine, static_cast<float*>(call.workspace), plan.channels, 0, plan.channels);
  if (kMask && !MaskWithinChunk(plan)) MakeMask(call.parallel, plan, dropout, mask);
  call.parallel.For(plan.chunks, [&](int64_t chunk, int) HWY_ATTR {
    ApplyChunk<kActivation, kMask>(plan, x, y, arrays, epilogue, dropout, mask, chunk);
  });
}

Status BatchNormApply(Call& call) {
  const BatchNormPlan plan(call.dims);
  return WithActivation(static_cast<int>(call.scalars[0]), [&](auto activation) HWY_ATTR {
    constexpr int kActivation = decltype(activation)::value;
    call.operands[1] ? Apply<kActivation, true>(call, plan) : Apply<kActivation, false>(call, plan);
    return Status::kOk;
  });
}

template <int kActivation, bool kMask>
HWY_INLINE void Forward(Call& call, const BatchNormPlan& plan) {
  float* y = call.Out(0);
  uint8_t* mask = call.As<uint8_t>(1);
  const float* x = call.In(6);
  const DropoutScalars dropout = ReadDropoutScalars(call.scalars + 3);
  const Epilogue epilogue(call.scalars[2], mask, dropout.scale, plan, y, x);
  const BatchNormWorkspace workspace(call.workspace, plan, kChannelArrayCount);
  const Statistics statistics = {call.Out(2), call.Out(3), call.Out(4), call.Out(5), call.scalars[0]};
  const Affine affine = {call.In(2), call.In(3), call.In(5), call.In(7), call.In(8)};
  if (kMask && !MaskWithinChunk(plan)) MakeMask(call.parallel, plan, dropout, mask);
  if (TwoPasses(plan)) {
    ComputeStatistics(plan, call.parallel, x, workspace, statistics);
    const ChannelArrays arrays = PrepareChannels(affine, workspace.arrays, plan.channels, 0, plan.channels);
    call.parallel.For(plan.chunks, [&](int64_t chunk, int) HWY_ATTR {
      ApplyChunk<kActivation, kMask>(plan, x, y, arrays, epilogue, dropout, mask, chunk);
    });
    return;
  }
  call.parallel.For(plan.chunks, [&](int64_t chunk, int slot) HWY_ATTR {
    ChunkMoments(plan, x, workspace, statistics, chunk, slot);
    const int64_t begin = chunk * plan.size, end = Least(plan.channels, begin + plan.size);
    const ChannelArrays arrays = PrepareChannels(affine, workspace.arrays, plan.channels, begin, end);
    ApplyChunk<kActivation, kMask>(plan, x, y, arrays, epilogue, dropout, mask, chunk);
  });
}

Status BatchNormForward(Call& call) {
  const BatchNormPlan plan(call.dims);
  return WithActivation(static_cast<int>(call.scalars[1]), [&](auto activation) HWY_ATTR {
    constexpr int kActivation = decltype(activation)::value;
    call.operands[1] ? Forward<kActivation, true>(call, plan) : Forward<kActivation, false>(call, plan);
    return Status::kOk;
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evenkeel {
namespace {
constexpr Operand kApplyOperands[] = {
    Write("y", Dim<0, 1, 2>),        OptionalWrite("mask", MaskBytes<0, 1, 2>, DType::kUint8),
    Read("x", Dim<0, 1, 2>),         Read("mean", Dim<1>),
    OptionalRead("meanLow", Dim<1>), Read("invStd", Dim<1>),
    OptionalRead("gamma", Dim<1>),   OptionalRead("beta", Dim<1>),
};
constexpr Operand kForwardOperands[] = {
    Write("y", Dim<0, 1, 2>), OptionalWrite("mask", MaskBytes<0, 1, 2>, DType::kUint8),
    Write("mean", Dim<1>),    Write("meanLow", Dim<1>),
    Write("variance", Dim<1>), Write("invStd", Dim<1>),
    Read("x", Dim<0, 1, 2>),  OptionalRead("gamma", Dim<1>),
    OptionalRead("beta", Dim<1>),
};
size_t Workspace(const int64_t* dims, const double*, int threads) {
  return BatchNormWorkspace::Bytes(BatchNormPlan(dims), 3, threads);
}
}  // namespace
extern const KernelEntry kBatchNormApply;
const KernelEntry kBatchNormApply = {"batchNormApply", kApplyOperands, 8, 3, 9, Workspace, {EVK_TARGETS(BatchNormApply)}};
extern const KernelEntry kBatchNormForward;
const KernelEntry kBatchNormForward = {
    "batchNormForward", kForwardOperands, 9, 3, 10, Workspace, {EVK_TARGETS(BatchNormForward)}};
}  // namespace evenkeel
#endif

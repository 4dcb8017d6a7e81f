// batchNormBackwardReduce: dGamma = Σ dz·x̂, dBeta = Σ dz, with dz = dy through dropout and activation.
// batchNormBackwardApply: dx = scale·(dz − dBeta/m − x̂·dGamma/m); with running statistics dx = scale·dz.
// batchNormBackward: both, a channel's values still in cache where they fit. One file: they share their loops, which
// come in many variants and are slow to compile.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/batch_norm_backward.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "native/kernels/batch_norm.h"
#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/simd/batch_norm_gradient-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {

template <int kActivation, bool kMask>
HWY_INLINE void Reduce(Call& call) {
  const GradientCall g = ReadGradientCall(call, 2, nullptr);
  ReduceAll<kActivation, kMask>(g, call.parallel, call.Out(0), call.Out(1));
}

Status BatchNormBackwardReduce(Call& call) {
  return WithActivation(static_cast<int>(call.scalars[0]), [&](auto activation) HWY_ATTR {
    constexpr int kActivation = decltype(activation)::value;
    call.operands[2] ? Reduce<kActivation, true>(call) : Reduce<kActivation, false>(call);
    return Status::kOk;
  });
}

template <int kActivation, bool kMask>
HWY_INLINE void Gradient(Call& call) {
  const GradientCall g = ReadGradientCall(call, 1, call.Out(0));
  float* dx = call.Out(0);
  PrepareSlopes(g, call.In(9), call.In(10), 0, g.plan.channels, call.scalars[3] != 0);
  call.parallel.For(g.plan.chunks, [&](int64_t chunk, int) HWY_ATTR {
    GradientChunk<kActivation, kMask>(g, dx, chunk);
  });
}

Status BatchNormBackwardApply(Call& call) {
  return WithActivation(static_cast<int>(call.scalars[0]), [&](auto activation) HWY_ATTR {
    constexpr int kActivation = decltype(activation)::value;
    call.operands[1] ? Gradient<kActivation, true>(call) : Gradient<kActivation, false>(call);
    return Status::kOk;
  });
}

template <int kActivation, bool kMask>
HWY_INLINE void Backward(Call& call) {
  const GradientCall g = ReadGradientCall(call, 3, call.Out(0));
  float* dx = call.Out(0);
  float* d_gamma = call.Out(1);
  float* d_beta = call.Out(2);
  const int64_t channels = g.plan.channels;
  if (TwoPasses(g.plan)) {
    ReduceAll<kActivation, kMask>(g, call.parallel, d_gamma, d_beta);
    PrepareSlopes(g, d_gamma, d_beta, 0, channels);
    call.parallel.For(g.plan.chunks, [&](int64_t chunk, int) HWY_ATTR {
      GradientChunk<kActivation, kMask>(g, dx, chunk);
    });
    return;
  }
  call.parallel.For(g.plan.chunks, [&](int64_t chunk, int slot) HWY_ATTR {
    const int64_t begin = chunk * g.plan.size, end = Least(channels, begin + g.plan.size);
    ReduceChunk<kActivation, kMask>(g, chunk, slot);
    FinishReduce(g, d_gamma, d_beta, begin, end);
    PrepareSlopes(g, d_gamma, d_beta, begin, end);
    GradientChunk<kActivation, kMask>(g, dx, chunk);
  });
}

Status BatchNormBackward(Call& call) {
  return WithActivation(static_cast<int>(call.scalars[0]), [&](auto activation) HWY_ATTR {
    constexpr int kActivation = decltype(activation)::value;
    call.operands[3] ? Backward<kActivation, true>(call) : Backward<kActivation, false>(call);
    return Status::kOk;
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evenkeel {
namespace {
constexpr Operand kReduceOperands[] = {
    Write("dGamma", Dim<1>),       Write("dBeta", Dim<1>),
    OptionalRead("mask", MaskBytes<0, 1, 2>, DType::kUint8),
    Read("dy", Dim<0, 1, 2>),      Read("x", Dim<0, 1, 2>),
    Read("mean", Dim<1>),          OptionalRead("meanLow", Dim<1>),
    Read("invStd", Dim<1>),        OptionalRead("gamma", Dim<1>),
    OptionalRead("beta", Dim<1>),
};
constexpr Operand kApplyOperands[] = {
    Write("dx", Dim<0, 1, 2>),     OptionalRead("mask", MaskBytes<0, 1, 2>, DType::kUint8),
    Read("dy", Dim<0, 1, 2>),      Read("x", Dim<0, 1, 2>),
    Read("mean", Dim<1>),          OptionalRead("meanLow", Dim<1>),
    Read("invStd", Dim<1>),        OptionalRead("gamma", Dim<1>),
    OptionalRead("beta", Dim<1>),  Read("dGamma", Dim<1>),
    Read("dBeta", Dim<1>),
};
constexpr Operand kBackwardOperands[] = {
    Write("dx", Dim<0, 1, 2>),     Write("dGamma", Dim<1>),
    Write("dBeta", Dim<1>),        OptionalRead("mask", MaskBytes<0, 1, 2>, DType::kUint8),
    Read("dy", Dim<0, 1, 2>),      Read("x", Dim<0, 1, 2>),
    Read("mean", Dim<1>),          OptionalRead("meanLow", Dim<1>),
    Read("invStd", Dim<1>),        OptionalRead("gamma", Dim<1>),
    OptionalRead("beta", Dim<1>),
};
size_t Workspace(const int64_t* dims, const double*, int threads) {
  return BatchNormWorkspace::Bytes(BatchNormPlan(dims), 5, threads);
}
}  // namespace
extern const KernelEntry kBatchNormBackwardReduce;
const KernelEntry kBatchNormBackwardReduce = {
    "batchNormBackwardReduce", kReduceOperands, 10, 3, 3, Workspace, {EVK_TARGETS(BatchNormBackwardReduce)}};
extern const KernelEntry kBatchNormBackwardApply;
const KernelEntry kBatchNormBackwardApply = {
    "batchNormBackwardApply", kApplyOperands, 11, 3, 4, Workspace, {EVK_TARGETS(BatchNormBackwardApply)}};
extern const KernelEntry kBatchNormBackward;
const KernelEntry kBatchNormBackward = {
    "batchNormBackward", kBackwardOperands, 11, 3, 3, Workspace, {EVK_TARGETS(BatchNormBackward)}};
}  // namespace evenkeel
#endif

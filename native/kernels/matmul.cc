// matmul: out[m, n] = activation((Σ_k A[m, k] · aScale[k] · B[k, n]) · scale[n] + bias[n])
//
// One chain of MulAdd over k an element, whatever the path (matmul-tile-inl.h). A · aScale is rounded first. Then the
// scale, the bias and the activation, one rounding an operation.
//
// batchMatmul: out[b, m, n] = Σ_k A[b, m, k] · B[b, k, n], over up to three batch dimensions that an operand may lack.
// It stands here to share matmul's tiles: the slowest file to compile need not be compiled twice.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/matmul.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/kernels/matmul_plan.h"
#include "native/simd/matmul-product-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

Status Matmul(Call& call) {
  const int64_t m = call.dims[0];
  const int64_t n = call.dims[1];
  const int64_t k = call.dims[2];
  if (m == 0 || n == 0) return Status::kOk;
  const int layout_b = static_cast<int>(call.scalars[1]);
  Product p = {};
  p.plan = PlanMatmul(m, n, k, call.scalars[0] != 0, layout_b);
  p.layout_b = layout_b;
  p.out = call.Out(0);
  p.a = call.In(1);
  p.b = call.In(2);
  p.bias = call.In(3);
  p.scale = call.In(4);
  p.a_scale = call.In(5);
  p.n = n;
  p.activation = static_cast<int>(call.scalars[2]);
  p.slope = static_cast<float>(call.scalars[3]);
  MultiplyAll(p, static_cast<float*>(call.workspace), call.parallel);
  return Status::kOk;
}

// Each product alone: large ones one after the other, each on all threads; small ones side by side, each on one. The
// bits do not tell: an element is one chain of MulAdd either way.
Status BatchMatmul(Call& call) {
  const BatchMatmulPlan batch = PlanBatchMatmul(call.dims, call.scalars);
  if (batch.count == 0 || batch.m == 0 || batch.n == 0) return Status::kOk;
  Product base = {};
  base.plan = batch.plan;
  base.layout_b = batch.layout_b;
  base.n = batch.n;
  const auto multiply = [&](int64_t index, float* memory, const Parallel& parallel) {
    Product p = base;
    p.out = call.Out(0) + index * batch.m * batch.n;
    p.a = call.In(1) + batch.OffsetOf(index, batch.a_strides);
    p.b = call.In(2) + batch.OffsetOf(index, batch.b_strides);
    MultiplyAll(p, memory, parallel);
  };
  float* memory = static_cast<float*>(call.workspace);
  if (batch.together == 0) {
    for (int64_t index = 0; index < batch.count; ++index) multiply(index, memory, call.parallel);
    return Status::kOk;
  }
  const int64_t each = static_cast<int64_t>(batch.FloatsFor(1));
  call.parallel.For((batch.count + batch.together - 1) / batch.together, [&](int64_t chunk, int slot) {
    for (int64_t index = chunk * batch.together; index < HWY_MIN((chunk + 1) * batch.together, batch.count); ++index)
      multiply(index, memory + slot * each, Parallel{1});
  });
  return Status::kOk;
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evenkeel {
namespace {
int64_t ElementsOfB(const int64_t* dims, const double* scalars) {
  return (scalars[1] == 2 ? RoundUp(dims[1], kPackedPanel) : dims[1]) * dims[2];
}
constexpr Operand kOperands[] = {
    Write("out", Dim<0, 1>),      Read("a", Dim<0, 2>),         Read("b", ElementsOfB),
    OptionalRead("bias", Dim<1>), OptionalRead("scale", Dim<1>), OptionalRead("aScale", Dim<2>),
};
size_t Workspace(const int64_t* dims, const double* scalars, int threads) {
  if (dims[0] == 0 || dims[1] == 0) return 0;
  const MatmulPlan plan = PlanMatmul(dims[0], dims[1], dims[2], scalars[0] != 0, static_cast<int>(scalars[1]));
  return (plan.shared_lanes + plan.shared_rows + plan.PrivateFloats() * static_cast<size_t>(threads)) * sizeof(float);
}
int64_t BatchElementsOfOut(const int64_t* dims, const double*) { return dims[0] * dims[1] * dims[2] * dims[3] * dims[4]; }
int64_t BatchElementsOfA(const int64_t* dims, const double* scalars) { return BatchesOf(dims, scalars[2]) * dims[3] * dims[5]; }
int64_t BatchElementsOfB(const int64_t* dims, const double* scalars) { return BatchesOf(dims, scalars[3]) * dims[4] * dims[5]; }
constexpr Operand kBatchOperands[] = {
    Write("out", BatchElementsOfOut),
    Read("a", BatchElementsOfA),
    Read("b", BatchElementsOfB),
};
size_t BatchWorkspace(const int64_t* dims, const double* scalars, int threads) {
  const BatchMatmulPlan batch = PlanBatchMatmul(dims, scalars);
  if (batch.count == 0 || batch.m == 0 || batch.n == 0) return 0;
  const size_t floats = batch.together == 0 ? batch.FloatsFor(threads) : batch.FloatsFor(1) * static_cast<size_t>(threads);
  return floats * sizeof(float);
}
}  // namespace
extern const KernelEntry kBatchMatmul;
const KernelEntry kBatchMatmul = {"batchMatmul", kBatchOperands, 3, 6, 4, BatchWorkspace, {EVK_TARGETS(BatchMatmul)}};
extern const KernelEntry kMatmul;
const KernelEntry kMatmul = {"matmul", kOperands, 6, 3, 4, Workspace, {EVK_TARGETS(Matmul)}};
}  // namespace evenkeel
#endif

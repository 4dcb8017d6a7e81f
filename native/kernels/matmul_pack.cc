// matmulPack: constant weights in the order in which matmul reads them on this instruction set.
//
// Block after block of kDepthBlock steps of k; in a block panel after panel, each [k, kPanel]; n rounded up to
// kPackedPanel, the rest zero.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/matmul_pack.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/kernels/matmul_plan.h"
#include "native/simd/matmul-pack-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {

Status MatmulPack(Call& call) {
  const int64_t n = call.dims[0];
  const int64_t depth = call.dims[1];
  const bool rows = call.scalars[0] == 1;
  float* packed = call.Out(0);
  const float* b = call.In(1);
  const int64_t padded = RoundUp(n, kPackedPanel);
  // A panel a chunk: packing happens once, its balance matters little.
  call.parallel.For(padded / kPanel, [=](int64_t panel, int) {
    const int64_t first = panel * kPanel;
    const int64_t width = HWY_MAX(int64_t{0}, HWY_MIN(int64_t{kPanel}, n - first));
    for (int64_t k = 0; k < depth; k += kDepthBlock) {
      const int64_t block = HWY_MIN(kDepthBlock, depth - k);
      float* to = packed + k * padded + panel * block * kPanel;
      if (rows) {
        PackPanelOfRows(b + first * depth + k, depth, width, block, nullptr, to);
      } else {
        PackPanelOfColumns(b + k * n + first, n, width, block, to);
      }
    }
  });
  return Status::kOk;
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evenkeel {
namespace {
int64_t ElementsOfPacked(const int64_t* dims, const double*) { return RoundUp(dims[0], kPackedPanel) * dims[1]; }
constexpr Operand kOperands[] = {
    Write("packed", ElementsOfPacked),
    Read("b", Dim<0, 1>),
};
}  // namespace
extern const KernelEntry kMatmulPack;
const KernelEntry kMatmulPack = {"matmulPack", kOperands, 2, 2, 1, nullptr, {EVK_TARGETS(MatmulPack)}};
}  // namespace evenkeel
#endif

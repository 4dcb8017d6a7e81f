// matmulPack: constant weights in the order in which matmul reads them on this instruction set.
//
// Block after block of k; in a block panel after panel, each [k, kPanel]; n rounded up to
// kPackedPanel, the rest zero.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/matmul_pack.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <cstring>

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
  const int64_t blocks = DepthOfBlocks(depth);
  const int64_t padded = RoundUp(n, kPackedPanel);
  // kPackedPanel columns a chunk: packing happens once, its balance matters little.
  call.parallel.For(padded / kPackedPanel, [=](int64_t chunk, int) {
    const int64_t first = chunk * kPackedPanel;
    const int64_t width = HWY_MIN(kPackedPanel, n - first);
    for (int64_t k = 0; k < depth; k += blocks) {
      const int64_t block = HWY_MIN(blocks, depth - k);
      float* to = packed + k * padded + first * block;
      if (rows) {
        PackRows(b + first * depth + k, depth, width, block, nullptr, to);
      } else {
        PackColumns(b + k * n + first, n, width, block, to);
      }
      const int64_t used = RoundUp(width, kPanel);
      std::memset(to + used * block, 0, static_cast<size_t>((kPackedPanel - used) * block) * sizeof(float));
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

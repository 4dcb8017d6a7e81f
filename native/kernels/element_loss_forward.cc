// elementLossForward: rowLoss[r] = Σ_c loss(prediction, target) / columns, in float64 over fixed lanes, rounded once
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/element_loss_forward.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/simd/element_loss-inl.h"
#include "native/simd/partial-inl.h"
#include "native/simd/sum-lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// 128 KiB of inputs a chunk: below it a second thread costs more than it brings.
constexpr int64_t kElementLossForwardChunk = 16384;

template <int kLoss>
Status MeanLossByRow(Call& call) {
  const int64_t rows = call.dims[0];
  const int64_t columns = call.dims[1];
  float* row_loss = call.Out(0);
  const float* prediction = call.In(1);
  const float* target = call.In(2);
  const float parameter = static_cast<float>(call.scalars[1]);
  const int64_t chunk_rows = HWY_MAX(int64_t{1}, kElementLossForwardChunk / HWY_MAX(int64_t{1}, columns));
  call.parallel.For((rows + chunk_rows - 1) / chunk_rows, [=](int64_t chunk, int) HWY_ATTR {
    const int64_t end = HWY_MIN((chunk + 1) * chunk_rows, rows);
    for (int64_t row = chunk * chunk_rows; row < end; ++row) {
      const float* p = prediction + row * columns;
      const float* t = target + row * columns;
      const double sum = SumOverLanes(columns, [=](auto d, int64_t i, auto access) EVK_LAMBDA {
        return ElementLossOf<kLoss>(d, p + i, t + i, access, parameter);
      });
      row_loss[row] = static_cast<float>(sum / static_cast<double>(columns));
    }
  });
  return Status::kOk;
}

Status ElementLossForward(Call& call) {
  return WithElementLoss(static_cast<int>(call.scalars[0]), [&](auto loss) HWY_ATTR { return MeanLossByRow<decltype(loss)::value>(call); });
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evenkeel {
namespace {
constexpr Operand kOperands[] = {
    Write("rowLoss", Dim<0>),
    Read("prediction", Dim<0, 1>),
    Read("target", Dim<0, 1>),
};
}  // namespace
extern const KernelEntry kElementLossForward;
const KernelEntry kElementLossForward = {"elementLossForward", kOperands, 3, 2, 2, nullptr, {EVK_TARGETS(ElementLossForward)}};
}  // namespace evenkeel
#endif

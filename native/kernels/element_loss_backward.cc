// elementLossBackward: dPrediction = round(dRowLoss[r] / columns) · loss'(prediction, target)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/element_loss_backward.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/simd/element_loss-inl.h"
#include "native/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// 64 KiB of output a chunk: below it a second thread costs more than it brings.
constexpr int64_t kElementLossBackwardChunk = 16384;

template <int kLoss>
Status SlopeByRow(Call& call) {
  const int64_t rows = call.dims[0];
  const int64_t columns = call.dims[1];
  float* d_prediction = call.Out(0);
  const float* d_row_loss = call.In(1);
  const float* prediction = call.In(2);
  const float* target = call.In(3);
  const float parameter_value = static_cast<float>(call.scalars[1]);
  const int64_t chunk_rows = HWY_MAX(int64_t{1}, kElementLossBackwardChunk / HWY_MAX(int64_t{1}, columns));
  call.parallel.For((rows + chunk_rows - 1) / chunk_rows, [=](int64_t chunk, int) HWY_ATTR {
    const hn::ScalableTag<float> d;
    const auto parameter = hn::Set(d, parameter_value);
    const int64_t end = HWY_MIN((chunk + 1) * chunk_rows, rows);
    for (int64_t row = chunk * chunk_rows; row < end; ++row) {
      const auto factor = hn::Set(d, static_cast<float>(static_cast<double>(d_row_loss[row]) / static_cast<double>(columns)));
      ForEachVector(d, row * columns, (row + 1) * columns, [&](int64_t i, auto access) EVK_LAMBDA {
        const auto slope = ElementLossSlope<kLoss>(d, access.Load(d, prediction + i), access.Load(d, target + i), parameter);
        access.Store(hn::Mul(factor, slope), d, d_prediction + i);
      });
    }
  });
  return Status::kOk;
}

Status ElementLossBackward(Call& call) {
  return WithElementLoss(static_cast<int>(call.scalars[0]), [&](auto loss) HWY_ATTR { return SlopeByRow<decltype(loss)::value>(call); });
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evenkeel {
namespace {
constexpr Operand kOperands[] = {
    Write("dPrediction", Dim<0, 1>),
    Read("dRowLoss", Dim<0>),
    Read("prediction", Dim<0, 1>),
    Read("target", Dim<0, 1>),
};
}  // namespace
extern const KernelEntry kElementLossBackward;
const KernelEntry kElementLossBackward = {"elementLossBackward", kOperands, 4, 2, 2, nullptr, {EVK_TARGETS(ElementLossBackward)}};
}  // namespace evenkeel
#endif

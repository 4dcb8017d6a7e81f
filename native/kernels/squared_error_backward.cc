// squaredErrorBackward: dPrediction = round(dRowLoss[r] · 2 / columns) · (prediction − target)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/squared_error_backward.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// 64 KiB of output a chunk: below it a second thread costs more than it brings.
constexpr int64_t kSquaredErrorBackwardChunk = 16384;

Status SquaredErrorBackward(Call& call) {
  const int64_t rows = call.dims[0];
  const int64_t columns = call.dims[1];
  float* d_prediction = call.Out(0);
  const float* d_row_loss = call.In(1);
  const float* prediction = call.In(2);
  const float* target = call.In(3);
  const int64_t chunk_rows = HWY_MAX(int64_t{1}, kSquaredErrorBackwardChunk / HWY_MAX(int64_t{1}, columns));
  call.parallel.For((rows + chunk_rows - 1) / chunk_rows, [=](int64_t chunk, int) HWY_ATTR {
    const hn::ScalableTag<float> d;
    const int64_t end = HWY_MIN((chunk + 1) * chunk_rows, rows);
    for (int64_t row = chunk * chunk_rows; row < end; ++row) {
      const double factor_wide = static_cast<double>(d_row_loss[row]) * 2 / static_cast<double>(columns);
      const auto factor = hn::Set(d, static_cast<float>(factor_wide));
      ForEachVector(d, row * columns, (row + 1) * columns, [&](int64_t i, auto access) EVK_LAMBDA {
        const auto difference = hn::Sub(access.Load(d, prediction + i), access.Load(d, target + i));
        access.Store(hn::Mul(factor, difference), d, d_prediction + i);
      });
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
constexpr Operand kOperands[] = {
    Write("dPrediction", Dim<0, 1>),
    Read("dRowLoss", Dim<0>),
    Read("prediction", Dim<0, 1>),
    Read("target", Dim<0, 1>),
};
}  // namespace
extern const KernelEntry kSquaredErrorBackward;
const KernelEntry kSquaredErrorBackward = {"squaredErrorBackward", kOperands, 4, 2, 0, nullptr, {EVK_TARGETS(SquaredErrorBackward)}};
}  // namespace evenkeel
#endif

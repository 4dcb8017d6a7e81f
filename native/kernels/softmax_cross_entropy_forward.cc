// softmaxCrossEntropyForward: rowLoss[r] = logSumExp[r] − (logits[r, labels[r]] − max[r]), where logSumExp[r] is that of
// logits[r] − max[r], so that neither huge logits nor a confident prediction costs it digits
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/softmax_cross_entropy_forward.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/simd/labels-inl.h"
#include "native/simd/log-sum-exp-inl.h"
#include "native/simd/row-max-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Some 5 µs of exp a chunk: below it a second thread costs more than it brings.
constexpr int64_t kSoftmaxForwardChunk = 4096;

Status SoftmaxCrossEntropyForward(Call& call) {
  const int64_t rows = call.dims[0];
  const int64_t classes = call.dims[1];
  float* row_loss = call.Out(0);
  float* log_sum_exp = call.Out(1);
  const float* logits = call.In(2);
  const int32_t* labels = call.As<const int32_t>(3);
  const int64_t bad = FirstBadLabel(labels, rows, classes);
  if (bad < rows) {
    call.detail = bad;
    return Status::kLabelOutOfRange;
  }
  const int64_t chunk_rows = HWY_MAX(int64_t{1}, kSoftmaxForwardChunk / HWY_MAX(int64_t{1}, classes));
  call.parallel.For((rows + chunk_rows - 1) / chunk_rows, [=](int64_t chunk, int) HWY_ATTR {
    const int64_t end = HWY_MIN((chunk + 1) * chunk_rows, rows);
    for (int64_t r = chunk * chunk_rows; r < end; ++r) {
      const float* row = logits + r * classes;
      const float max = RowMax(row, classes);
      const double log_sum = ShiftedLogSumExp(row, classes, max);
      log_sum_exp[r] = static_cast<float>(log_sum);
      row_loss[r] = static_cast<float>(log_sum + (static_cast<double>(max) - static_cast<double>(row[labels[r]])));
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
    Write("rowLoss", Dim<0>),
    Write("logSumExp", Dim<0>),
    Read("logits", Dim<0, 1>),
    Read("labels", Dim<0>, DType::kInt32),
};
}  // namespace
extern const KernelEntry kSoftmaxCrossEntropyForward;
const KernelEntry kSoftmaxCrossEntropyForward = {"softmaxCrossEntropyForward", kOperands, 4, 2, 0, nullptr, {EVK_TARGETS(SoftmaxCrossEntropyForward)}};
}  // namespace evenkeel
#endif

// softmaxCrossEntropyForward: rowLoss[r] = logSumExp[r] + (1 − smoothing) · (max[r] − logits[r, labels[r]])
// + smoothing · Σ_c (max[r] − logits[r, c]) / classes, where logSumExp[r] is that of logits[r] − max[r], so that neither huge logits
// nor a confident prediction costs it digits. A row whose label is `ignored` has the loss 0.
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
#include "native/simd/sum-lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Some 5 µs of exp a chunk: below it a second thread costs more than it brings.
constexpr int64_t kSoftmaxForwardChunk = 4096;

// Σ (max − logit) over a row.
HWY_INLINE double TotalBelow(const float* row, int64_t classes, float max) {
  return SumOverLanes(classes, [=](auto d, int64_t i, auto access) EVK_LAMBDA {
    const hn::Rebind<float, decltype(d)> narrow;
    const auto logit = access.LoadOr(narrow, row + i, hn::Set(narrow, max));
    return hn::Sub(hn::Set(d, static_cast<double>(max)), hn::PromoteTo(d, logit));
  });
}

Status SoftmaxCrossEntropyForward(Call& call) {
  const int64_t rows = call.dims[0];
  const int64_t classes = call.dims[1];
  float* row_loss = call.Out(0);
  float* log_sum_exp = call.Out(1);
  const float* logits = call.In(2);
  const int32_t* labels = call.As<const int32_t>(3);
  const double smoothing = call.scalars[0];
  const double ignored = call.scalars[1];
  const int64_t bad = FirstBadLabel(labels, rows, classes, ignored);
  if (bad < rows) {
    call.detail = bad;
    return Status::kLabelOutOfRange;
  }
  const int64_t chunk_rows = HWY_MAX(int64_t{1}, kSoftmaxForwardChunk / HWY_MAX(int64_t{1}, classes));
  call.parallel.For((rows + chunk_rows - 1) / chunk_rows, [=](int64_t chunk, int) HWY_ATTR {
    const int64_t end = HWY_MIN((chunk + 1) * chunk_rows, rows);
    for (int64_t r = chunk * chunk_rows; r < end; ++r) {
      if (IsIgnored(labels[r], ignored)) {
        row_loss[r] = log_sum_exp[r] = 0;
        continue;
      }
      const float* row = logits + r * classes;
      const float max = RowMax(row, classes);
      const double log_sum = ShiftedLogSumExp(row, classes, max);
      double below = static_cast<double>(max) - static_cast<double>(row[labels[r]]);
      if (smoothing > 0) below = (1 - smoothing) * below + smoothing * TotalBelow(row, classes, max) / static_cast<double>(classes);
      log_sum_exp[r] = static_cast<float>(log_sum);
      row_loss[r] = static_cast<float>(log_sum + below);
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
const KernelEntry kSoftmaxCrossEntropyForward = {"softmaxCrossEntropyForward", kOperands, 4, 2, 2, nullptr, {EVK_TARGETS(SoftmaxCrossEntropyForward)}};
}  // namespace evenkeel
#endif

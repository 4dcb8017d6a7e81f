// softmaxCrossEntropyBackward: dLogits = dRowLoss[r] · (exp(logits − max[r] − logSumExp[r]) − (1 − smoothing) · [c = labels[r]]
// − smoothing / classes); logSumExp is that of logits − max, as the forward kernel left it. 0 for a row whose label is `ignored`.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/softmax_cross_entropy_backward.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <cmath>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/simd/exp-inl.h"
#include "native/simd/labels-inl.h"
#include "native/simd/partial-inl.h"
#include "native/simd/row-max-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Some 5 µs of exp a chunk: below it a second thread costs more than it brings.
constexpr int64_t kSoftmaxBackwardChunk = 4096;

Status SoftmaxCrossEntropyBackward(Call& call) {
  const int64_t rows = call.dims[0];
  const int64_t classes = call.dims[1];
  float* d_logits = call.Out(0);
  const float* log_sum_exp = call.In(1);
  const float* d_row_loss = call.In(2);
  const float* logits = call.In(3);
  const int32_t* labels = call.As<const int32_t>(4);
  const double smoothing = call.scalars[0];
  const double ignored = call.scalars[1];
  const int64_t bad = FirstBadLabel(labels, rows, classes, ignored);
  if (bad < rows) {
    call.detail = bad;
    return Status::kLabelOutOfRange;
  }
  const double share = smoothing > 0 ? smoothing / static_cast<double>(classes) : 0;
  const int64_t chunk_rows = HWY_MAX(int64_t{1}, kSoftmaxBackwardChunk / HWY_MAX(int64_t{1}, classes));
  call.parallel.For((rows + chunk_rows - 1) / chunk_rows, [=](int64_t chunk, int) HWY_ATTR {
    const hn::ScalableTag<float> d;
    const auto each = hn::Set(d, static_cast<float>(share));
    const int64_t end = HWY_MIN((chunk + 1) * chunk_rows, rows);
    for (int64_t r = chunk * chunk_rows; r < end; ++r) {
      const float* row = logits + r * classes;
      float* out = d_logits + r * classes;
      if (IsIgnored(labels[r], ignored)) {
        ForEachVector(d, 0, classes, [&](int64_t i, auto access) EVK_LAMBDA { access.Store(hn::Zero(d), d, out + i); });
        continue;
      }
      const float max_value = RowMax(row, classes);
      const auto max = hn::Set(d, max_value);
      const auto log_sum = hn::Set(d, log_sum_exp[r]);
      const auto scale = hn::Set(d, d_row_loss[r]);
      ForEachVector(d, 0, classes, [&](int64_t i, auto access) EVK_LAMBDA {
        const auto probability = Exp(d, hn::Sub(hn::Sub(access.Load(d, row + i), max), log_sum));
        access.Store(hn::Mul(hn::Sub(probability, each), scale), d, out + i);
      });
      // p − 1 keeps its digits when the prediction is confident.
      const double log_probability = static_cast<double>(row[labels[r]]) - static_cast<double>(max_value) - static_cast<double>(log_sum_exp[r]);
      double slope = std::expm1(log_probability);
      if (smoothing > 0) slope += smoothing - share;
      out[labels[r]] = static_cast<float>(static_cast<double>(d_row_loss[r]) * slope);
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
    Write("dLogits", Dim<0, 1>),
    Read("logSumExp", Dim<0>),
    Read("dRowLoss", Dim<0>),
    Read("logits", Dim<0, 1>),
    Read("labels", Dim<0>, DType::kInt32),
};
}  // namespace
extern const KernelEntry kSoftmaxCrossEntropyBackward;
const KernelEntry kSoftmaxCrossEntropyBackward = {"softmaxCrossEntropyBackward", kOperands, 5, 2, 2, nullptr, {EVK_TARGETS(SoftmaxCrossEntropyBackward)}};
}  // namespace evenkeel
#endif

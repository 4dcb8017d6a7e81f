// softLabelCrossEntropyBackward: dLogits = dRowLoss[r] · (exp(logits − max[r] − logSumExp[r]) · Σ t − t), with
// t = (1 − smoothing) · target + smoothing / classes; logSumExp is that of logits − max, as the forward kernel left it
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/soft_label_cross_entropy_backward.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <cmath>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/simd/exp-inl.h"
#include "native/simd/partial-inl.h"
#include "native/simd/row-max-inl.h"
#include "native/simd/sum-lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Some 5 µs of exp a chunk: below it a second thread costs more than it brings.
constexpr int64_t kSoftLabelBackwardChunk = 4096;

Status SoftLabelCrossEntropyBackward(Call& call) {
  const int64_t rows = call.dims[0];
  const int64_t classes = call.dims[1];
  float* d_logits = call.Out(0);
  const float* log_sum_exp = call.In(1);
  const float* d_row_loss = call.In(2);
  const float* logits = call.In(3);
  const float* target = call.In(4);
  const double smoothing = call.scalars[0];
  const double share = smoothing > 0 ? smoothing / static_cast<double>(classes) : 0;
  const int64_t chunk_rows = HWY_MAX(int64_t{1}, kSoftLabelBackwardChunk / HWY_MAX(int64_t{1}, classes));
  call.parallel.For((rows + chunk_rows - 1) / chunk_rows, [=](int64_t chunk, int) HWY_ATTR {
    const hn::ScalableTag<float> d;
    const auto kept = hn::Set(d, static_cast<float>(1 - smoothing));
    const auto each = hn::Set(d, static_cast<float>(share));
    const int64_t end = HWY_MIN((chunk + 1) * chunk_rows, rows);
    for (int64_t r = chunk * chunk_rows; r < end; ++r) {
      const float* row = logits + r * classes;
      const float* targets = target + r * classes;
      float* out = d_logits + r * classes;
      const float max_value = RowMax(row, classes);
      const double sum = SumOverLanes(classes, [=](auto wide, int64_t i, auto access) EVK_LAMBDA { return LoadWide(wide, targets + i, access); });
      const double total_value = (1 - smoothing) * sum + smoothing;
      const auto max = hn::Set(d, max_value);
      const auto log_sum = hn::Set(d, log_sum_exp[r]);
      const auto scale = hn::Set(d, d_row_loss[r]);
      const auto total = hn::Set(d, static_cast<float>(total_value));
      ForEachVector(d, 0, classes, [&](int64_t i, auto access) EVK_LAMBDA {
        const auto probability = Exp(d, hn::Sub(hn::Sub(access.Load(d, row + i), max), log_sum));
        const auto t = hn::Add(hn::Mul(kept, access.Load(d, targets + i)), each);
        access.Store(hn::Mul(hn::Sub(hn::Mul(probability, total), t), scale), d, out + i);
      });
      // Where p is near 1, p · Σ t − t keeps its digits as (p − 1) · Σ t + (Σ t − t). That is one class at most.
      if (!(log_sum_exp[r] < 0.5f)) continue;
      int64_t top = 0;
      while (top < classes && row[top] != max_value) ++top;
      // A row of no classes, or of none that is a number.
      if (top == classes) continue;
      const double t = (1 - smoothing) * static_cast<double>(targets[top]) + share;
      const double slope = std::expm1(-static_cast<double>(log_sum_exp[r])) * total_value + (total_value - t);
      out[top] = static_cast<float>(static_cast<double>(d_row_loss[r]) * slope);
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
    Read("target", Dim<0, 1>),
};
}  // namespace
extern const KernelEntry kSoftLabelCrossEntropyBackward;
const KernelEntry kSoftLabelCrossEntropyBackward = {"softLabelCrossEntropyBackward", kOperands, 5, 2, 1, nullptr, {EVK_TARGETS(SoftLabelCrossEntropyBackward)}};
}  // namespace evenkeel
#endif

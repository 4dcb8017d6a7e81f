// softLabelCrossEntropyForward: rowLoss[r] = Σ_c t_c · (logSumExp[r] + max[r] − logits[r, c]), with
// t = (1 − smoothing) · target + smoothing / classes, and the logSumExp of logits − max. A class whose t is 0 adds nothing, not even
// where its logit is −∞.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/soft_label_cross_entropy_forward.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/simd/log-sum-exp-inl.h"
#include "native/simd/row-max-inl.h"
#include "native/simd/sum-lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Some 5 µs of exp a chunk: below it a second thread costs more than it brings.
constexpr int64_t kSoftLabelForwardChunk = 4096;

Status SoftLabelCrossEntropyForward(Call& call) {
  const int64_t rows = call.dims[0];
  const int64_t classes = call.dims[1];
  float* row_loss = call.Out(0);
  float* log_sum_exp = call.Out(1);
  const float* logits = call.In(2);
  const float* target = call.In(3);
  const double smoothing = call.scalars[0];
  const double share = smoothing > 0 ? smoothing / static_cast<double>(classes) : 0;
  const int64_t chunk_rows = HWY_MAX(int64_t{1}, kSoftLabelForwardChunk / HWY_MAX(int64_t{1}, classes));
  call.parallel.For((rows + chunk_rows - 1) / chunk_rows, [=](int64_t chunk, int) HWY_ATTR {
    const int64_t end = HWY_MIN((chunk + 1) * chunk_rows, rows);
    for (int64_t r = chunk * chunk_rows; r < end; ++r) {
      const float* row = logits + r * classes;
      const float* targets = target + r * classes;
      const float max = RowMax(row, classes);
      const double log_sum = ShiftedLogSumExp(row, classes, max);
      const auto smoothed = [=](auto d, int64_t i, auto access) EVK_LAMBDA {
        return hn::Add(hn::Mul(hn::Set(d, 1 - smoothing), LoadWide(d, targets + i, access)), hn::Set(d, share));
      };
      const double sum = SumOverLanes(classes, [=](auto d, int64_t i, auto access) EVK_LAMBDA { return LoadWide(d, targets + i, access); });
      const double below = SumOverLanes(classes, [=](auto d, int64_t i, auto access) EVK_LAMBDA {
        const hn::Rebind<float, decltype(d)> narrow;
        const auto logit = hn::PromoteTo(d, access.LoadOr(narrow, row + i, hn::Set(narrow, max)));
        const auto t = smoothed(d, i, access);
        return hn::IfThenZeroElse(hn::Eq(t, hn::Zero(d)), hn::Mul(t, hn::Sub(hn::Set(d, static_cast<double>(max)), logit)));
      });
      const double total = (1 - smoothing) * sum + smoothing;
      log_sum_exp[r] = static_cast<float>(log_sum);
      row_loss[r] = static_cast<float>(total * log_sum + below);
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
    Read("target", Dim<0, 1>),
};
}  // namespace
extern const KernelEntry kSoftLabelCrossEntropyForward;
const KernelEntry kSoftLabelCrossEntropyForward = {"softLabelCrossEntropyForward", kOperands, 4, 2, 1, nullptr, {EVK_TARGETS(SoftLabelCrossEntropyForward)}};
}  // namespace evenkeel
#endif

// softmaxCrossEntropyForward: rowLoss[r] = logSumExp[r] − (logits[r, labels[r]] − max[r]), where logSumExp[r] is that of
// logits[r] − max[r], so that neither huge logits nor a confident prediction costs it digits
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/softmax_cross_entropy_forward.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <cmath>
#include <limits>

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
constexpr int64_t kSoftmaxForwardChunk = 4096;

// log Σ exp(row − max), as log1p of the sum without one of the largest, whose exp is 1: the loss of a confident
// prediction is that sum itself, and would vanish beside the 1.
HWY_INLINE double ShiftedLogSumExp(const float* row, int64_t classes, float max_value) {
  const hn::ScalableTag<float> d;
  const auto max = hn::Set(d, max_value);
  const auto one = hn::Set(d, 1.0f);
  const auto none = hn::Set(d, -std::numeric_limits<float>::infinity());
  auto sum = hn::Zero(d);
  auto lost = hn::Zero(d);  // what rounding took from `sum`
  auto largest = hn::Zero(d);
  ForEachVector(d, 0, classes, [&](int64_t i, auto access) EVK_LAMBDA {
    const auto logit = access.LoadOr(d, row + i, none);
    const auto is_max = hn::Eq(logit, max);
    largest = hn::Add(largest, hn::IfThenElseZero(is_max, one));
    const auto term = hn::IfThenZeroElse(is_max, Exp(d, hn::Sub(logit, max)));
    const auto next = hn::Add(sum, term);
    const auto part = hn::Sub(next, sum);
    lost = hn::Add(lost, hn::Add(hn::Sub(sum, hn::Sub(next, part)), hn::Sub(term, part)));
    sum = next;
  });
  HWY_ALIGN float sums[hn::MaxLanes(d)], losts[hn::MaxLanes(d)], counts[hn::MaxLanes(d)];
  hn::Store(sum, d, sums);
  hn::Store(lost, d, losts);
  hn::Store(largest, d, counts);
  double others = 0, count = 0;
  for (size_t lane = 0; lane < hn::Lanes(d); ++lane) {
    others += static_cast<double>(sums[lane]) + static_cast<double>(losts[lane]);
    count += static_cast<double>(counts[lane]);
  }
  return std::log1p(others + (count - 1));
}

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

// softmaxForward: y = exp(x − max) / Σ exp(x − max) by rows; log 1: y = (x − max) − log Σ exp(x − max). The sums are
// float64, so a row of any length keeps its digits.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/softmax_forward.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/simd/exp-inl.h"
#include "native/simd/log-sum-exp-inl.h"
#include "native/simd/partial-inl.h"
#include "native/simd/row-max-inl.h"
#include "native/simd/sum-lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Some 5 µs of exp a chunk: below it a second thread costs more than it brings.
constexpr int64_t kSoftmaxRowsChunk = 4096;

HWY_INLINE void SoftmaxRow(const float* x, int64_t columns, float* y) {
  const hn::ScalableTag<float> d;
  const auto max = hn::Set(d, RowMax(x, columns));
  ForEachVector(d, 0, columns, [&](int64_t i, auto access) EVK_LAMBDA {
    access.Store(Exp(d, hn::Sub(access.Load(d, x + i), max)), d, y + i);
  });
  const double sum = SumOverLanes(columns, [=](auto wide, int64_t i, auto access) EVK_LAMBDA { return LoadWide(wide, y + i, access); });
  const auto total = hn::Set(d, static_cast<float>(sum));
  ForEachVector(d, 0, columns, [&](int64_t i, auto access) EVK_LAMBDA {
    access.Store(hn::Div(access.Load(d, y + i), total), d, y + i);
  });
}

HWY_INLINE void LogSoftmaxRow(const float* x, int64_t columns, float* y) {
  const hn::ScalableTag<float> d;
  const float max_value = RowMax(x, columns);
  const auto max = hn::Set(d, max_value);
  const auto log_sum = hn::Set(d, static_cast<float>(ShiftedLogSumExp(x, columns, max_value)));
  ForEachVector(d, 0, columns, [&](int64_t i, auto access) EVK_LAMBDA {
    access.Store(hn::Sub(hn::Sub(access.Load(d, x + i), max), log_sum), d, y + i);
  });
}

Status SoftmaxForward(Call& call) {
  const int64_t rows = call.dims[0];
  const int64_t columns = call.dims[1];
  const bool log = call.scalars[0] != 0;
  float* y = call.Out(0);
  const float* x = call.In(1);
  const int64_t chunk_rows = HWY_MAX(int64_t{1}, kSoftmaxRowsChunk / HWY_MAX(int64_t{1}, columns));
  call.parallel.For((rows + chunk_rows - 1) / chunk_rows, [=](int64_t chunk, int) HWY_ATTR {
    const int64_t end = HWY_MIN((chunk + 1) * chunk_rows, rows);
    for (int64_t r = chunk * chunk_rows; r < end; ++r) {
      if (log) LogSoftmaxRow(x + r * columns, columns, y + r * columns);
      else SoftmaxRow(x + r * columns, columns, y + r * columns);
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
    Write("y", Dim<0, 1>),
    Read("x", Dim<0, 1>),
};
}  // namespace
extern const KernelEntry kSoftmaxForward;
const KernelEntry kSoftmaxForward = {"softmaxForward", kOperands, 2, 2, 1, nullptr, {EVK_TARGETS(SoftmaxForward)}};
}  // namespace evenkeel
#endif

// softmaxBackward: dx = y · (dy − Σ y·dy) by rows, from the output y; log 1: dx = dy − exp(y) · Σ dy. Sums in float64.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/softmax_backward.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/simd/exp-inl.h"
#include "native/simd/partial-inl.h"
#include "native/simd/sum-lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Some 5 µs of exp a chunk: below it a second thread costs more than it brings.
constexpr int64_t kSoftmaxBackwardRowsChunk = 4096;

HWY_INLINE void SoftmaxGradientRow(const float* dy, const float* y, int64_t columns, float* dx) {
  const hn::ScalableTag<float> d;
  const double dot = SumOverLanes(columns, [=](auto wide, int64_t i, auto access) EVK_LAMBDA {
    return hn::Mul(LoadWide(wide, y + i, access), LoadWide(wide, dy + i, access));
  });
  const auto shift = hn::Set(d, static_cast<float>(dot));
  ForEachVector(d, 0, columns, [&](int64_t i, auto access) EVK_LAMBDA {
    access.Store(hn::Mul(access.Load(d, y + i), hn::Sub(access.Load(d, dy + i), shift)), d, dx + i);
  });
}

HWY_INLINE void LogSoftmaxGradientRow(const float* dy, const float* y, int64_t columns, float* dx) {
  const hn::ScalableTag<float> d;
  const double sum = SumOverLanes(columns, [=](auto wide, int64_t i, auto access) EVK_LAMBDA { return LoadWide(wide, dy + i, access); });
  const auto total = hn::Set(d, static_cast<float>(sum));
  ForEachVector(d, 0, columns, [&](int64_t i, auto access) EVK_LAMBDA {
    const auto share = hn::Mul(Exp(d, access.Load(d, y + i)), total);
    access.Store(hn::Sub(access.Load(d, dy + i), share), d, dx + i);
  });
}

Status SoftmaxBackward(Call& call) {
  const int64_t rows = call.dims[0];
  const int64_t columns = call.dims[1];
  const bool log = call.scalars[0] != 0;
  float* dx = call.Out(0);
  const float* dy = call.In(1);
  const float* y = call.In(2);
  const int64_t chunk_rows = HWY_MAX(int64_t{1}, kSoftmaxBackwardRowsChunk / HWY_MAX(int64_t{1}, columns));
  call.parallel.For((rows + chunk_rows - 1) / chunk_rows, [=](int64_t chunk, int) HWY_ATTR {
    const int64_t end = HWY_MIN((chunk + 1) * chunk_rows, rows);
    for (int64_t r = chunk * chunk_rows; r < end; ++r) {
      const int64_t at = r * columns;
      if (log) LogSoftmaxGradientRow(dy + at, y + at, columns, dx + at);
      else SoftmaxGradientRow(dy + at, y + at, columns, dx + at);
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
    Write("dx", Dim<0, 1>),
    Read("dy", Dim<0, 1>),
    Read("y", Dim<0, 1>),
};
}  // namespace
extern const KernelEntry kSoftmaxBackward;
const KernelEntry kSoftmaxBackward = {"softmaxBackward", kOperands, 3, 2, 1, nullptr, {EVK_TARGETS(SoftmaxBackward)}};
}  // namespace evenkeel
#endif

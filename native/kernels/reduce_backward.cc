// reduceBackward: dx[o, f, m, s, i] = dy[o, m, i], the gradient of a sum; of a mean that divided by the number of terms
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/reduce_backward.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/kernels/reduce_plan.h"
#include "native/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// 64 KiB of output a chunk: below it a second thread costs more than it brings.
constexpr int64_t kExpandChunk = 16384;

// to[i] = from[i · step] / divisor, step 0 or 1; rounded once, whether the divisor is a float32 or not.
HWY_INLINE void ExpandRow(const float* from, bool one, int64_t count, double divisor, float* to) {
  constexpr double kLargestExact = 16777216;  // 2^24
  const hn::ScalableTag<float> d;
  if (one) {
    const auto value = hn::Set(d, static_cast<float>(static_cast<double>(*from) / divisor));
    ForEachVector(d, 0, count, [&](int64_t i, auto access) EVK_LAMBDA { access.Store(value, d, to + i); });
  } else if (divisor == 1) {
    ForEachVector(d, 0, count, [&](int64_t i, auto access) EVK_LAMBDA { access.Store(access.Load(d, from + i), d, to + i); });
  } else if (divisor <= kLargestExact) {
    const auto by = hn::Set(d, static_cast<float>(divisor));
    ForEachVector(d, 0, count, [&](int64_t i, auto access) EVK_LAMBDA {
      access.Store(hn::Div(access.Load(d, from + i), by), d, to + i);
    });
  } else {
    for (int64_t i = 0; i < count; ++i) to[i] = static_cast<float>(static_cast<double>(from[i]) / divisor);
  }
}

Status ReduceBackward(Call& call) {
  const int64_t first = call.dims[1];
  const int64_t middle = call.dims[2];
  const int64_t second = call.dims[3];
  const int64_t inner = call.dims[4];
  float* dx = call.Out(0);
  const float* dy = call.In(1);
  const bool one = inner == 1;
  // Rows that get one number each, or a copy of dy's row.
  const int64_t length = one ? second : inner;
  const int64_t rows = call.dims[0] * first * middle * (one ? 1 : second);
  if (rows == 0 || length == 0) return Status::kOk;
  const double divisor = static_cast<int>(call.scalars[0]) == kReduceMean ? static_cast<double>(first * second) : 1;
  const int64_t pieces = (length + kExpandChunk - 1) / kExpandChunk;
  const int64_t together = HWY_MAX(int64_t{1}, kExpandChunk / length);
  call.parallel.For((rows + together - 1) / together * pieces, [=](int64_t chunk, int) HWY_ATTR {
    const int64_t begin = chunk % pieces * kExpandChunk;
    const int64_t count = HWY_MIN(kExpandChunk, length - begin);
    const int64_t row = chunk / pieces * together;
    for (int64_t r = row; r < HWY_MIN(row + together, rows); ++r) {
      const int64_t run = one ? r : r / second;
      const int64_t block = run / (first * middle) * middle + run % middle;
      ExpandRow(dy + block * inner + (one ? 0 : begin), one, count, divisor, dx + r * length + begin);
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
    Write("dx", Dim<0, 1, 2, 3, 4>),
    Read("dy", Dim<0, 2, 4>),
};
}  // namespace
extern const KernelEntry kReduceBackward;
const KernelEntry kReduceBackward = {"reduceBackward", kOperands, 2, 5, 1, nullptr, {EVK_TARGETS(ReduceBackward)}};
}  // namespace evenkeel
#endif

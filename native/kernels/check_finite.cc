// checkFinite: the status says whether all are finite; detail is the index of the first that is not
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/check_finite.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <atomic>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// 64 KiB of input a chunk: below it a second thread costs more than it brings.
constexpr int64_t kCheckFiniteChunk = 16384;

// 0·x is NaN for NaN and infinities only, and a sum keeps it. Four sums: an addition takes four cycles.
HWY_INLINE bool AllFinite(const float* x, int64_t count) {
  const hn::ScalableTag<float> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto zero = hn::Zero(d);
  auto sum0 = zero, sum1 = zero, sum2 = zero, sum3 = zero;
  int64_t i = 0;
  for (; i + 4 * lanes <= count; i += 4 * lanes) {
    sum0 = hn::MulAdd(hn::LoadU(d, x + i), zero, sum0);
    sum1 = hn::MulAdd(hn::LoadU(d, x + i + lanes), zero, sum1);
    sum2 = hn::MulAdd(hn::LoadU(d, x + i + 2 * lanes), zero, sum2);
    sum3 = hn::MulAdd(hn::LoadU(d, x + i + 3 * lanes), zero, sum3);
  }
  ForEachVector(d, i, count, [&](int64_t at, auto access) EVK_LAMBDA { sum0 = hn::MulAdd(access.Load(d, x + at), zero, sum0); });
  return hn::AllTrue(d, hn::Eq(hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3)), zero));
}

Status CheckFinite(Call& call) {
  const int64_t count = call.dims[0];
  const float* x = call.In(0);
  std::atomic<int64_t> first{count};
  call.parallel.For((count + kCheckFiniteChunk - 1) / kCheckFiniteChunk, [&](int64_t chunk, int) HWY_ATTR {
    const int64_t begin = chunk * kCheckFiniteChunk;
    const int64_t end = HWY_MIN(begin + kCheckFiniteChunk, count);
    if (begin >= first.load(std::memory_order_relaxed) || AllFinite(x + begin, end - begin)) return;
    int64_t found = begin;
    while (found < end - 1 && x[found] - x[found] == 0) ++found;
    int64_t lowest = first.load(std::memory_order_relaxed);
    while (found < lowest && !first.compare_exchange_weak(lowest, found, std::memory_order_relaxed)) {
    }
  });
  if (first == count) return Status::kOk;
  call.detail = first;
  return Status::kNonFinite;
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evenkeel {
namespace {
constexpr Operand kOperands[] = {
    Read("x", Dim<0>),
};
}  // namespace
extern const KernelEntry kCheckFinite;
const KernelEntry kCheckFinite = {"checkFinite", kOperands, 1, 1, 0, nullptr, {EVK_TARGETS(CheckFinite)}};
}  // namespace evenkeel
#endif

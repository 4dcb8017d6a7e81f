// checkFractions: the status says whether all are in 0 … 1 and, with `rowSums` 1, whether each row's sum is 1; detail is the index
// of the first that is not, or of the first element of the first such row, whichever row comes first
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/check_fractions.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <cmath>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/simd/partial-inl.h"
#include "native/simd/sum-lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// How far the probabilities of a row may be from a sum of 1: what rounding to float16 may leave.
constexpr double kSlack = 0.01;

HWY_INLINE bool AllFractions(const float* x, int64_t count) {
  const hn::ScalableTag<float> d;
  const auto zero = hn::Zero(d);
  const auto one = hn::Set(d, 1.0f);
  auto inside = one;
  ForEachVector(d, 0, count, [&](int64_t i, auto access) EVK_LAMBDA {
    const auto value = access.Load(d, x + i);
    // Neither comparison holds for NaN.
    inside = hn::IfThenElseZero(hn::And(hn::Ge(value, zero), hn::Le(value, one)), inside);
  });
  return hn::AllTrue(d, hn::Eq(inside, one));
}

// One thread: it reads what the loss reads anyway, at the speed of memory.
Status CheckFractions(Call& call) {
  const int64_t rows = call.dims[0];
  const int64_t columns = call.dims[1];
  const float* x = call.In(0);
  const bool sums = call.scalars[0] == 1;
  if (!sums && AllFractions(x, rows * columns)) return Status::kOk;
  for (int64_t r = 0; r < rows; ++r) {
    const float* row = x + r * columns;
    if (!AllFractions(row, columns)) {
      int64_t at = 0;
      while (row[at] >= 0 && row[at] <= 1) ++at;
      call.detail = r * columns + at;
      return Status::kOutOfRange;
    }
    if (!sums) continue;
    const double sum = SumOverLanes(columns, [=](auto d, int64_t i, auto access) EVK_LAMBDA { return LoadWide(d, row + i, access); });
    if (std::fabs(sum - 1) <= kSlack) continue;
    call.detail = r * columns;
    return Status::kOutOfRange;
  }
  return Status::kOk;
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evenkeel {
namespace {
constexpr Operand kOperands[] = {
    Read("x", Dim<0, 1>),
};
}  // namespace
extern const KernelEntry kCheckFractions;
const KernelEntry kCheckFractions = {"checkFractions", kOperands, 1, 2, 1, nullptr, {EVK_TARGETS(CheckFractions)}};
}  // namespace evenkeel
#endif

// log Σ exp over a row.
#if defined(EVENKEEL_SIMD_LOG_SUM_EXP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EVENKEEL_SIMD_LOG_SUM_EXP_INL_H_
#undef EVENKEEL_SIMD_LOG_SUM_EXP_INL_H_
#else
#define EVENKEEL_SIMD_LOG_SUM_EXP_INL_H_
#endif

#include <cmath>
#include <cstdint>
#include <limits>

#include <hwy/highway.h>

#include "native/simd/exp-inl.h"
#include "native/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

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

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#endif  // EVENKEEL_SIMD_LOG_SUM_EXP_INL_H_

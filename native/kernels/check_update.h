// Whether an optimizer's update leaves finite numbers, told from bounds where that is possible.
//
// Reading all parameters and velocities again would cost 3 to 4 percent of a step of 784-1024-1024-10 at batch 128 (one
// thread); the gradients are read for their finiteness anyway, and bounds of velocities and moments come with the update.
//
// The parameters need no bound: FLT_MAX + x rounds to FLT_MAX for |x| < 2^103, half a unit in its last place, so what is
// finite stays finite where the step is below that; weight decay with 0 ≤ lr·λ·(1 + μ) ≤ 1/2 only shrinks. The thresholds
// leave a factor of two and more for the roundings of the bounds themselves (each below 2^-22 in all).
#ifndef EVENKEEL_KERNELS_CHECK_UPDATE_H_
#define EVENKEEL_KERNELS_CHECK_UPDATE_H_

#include <cmath>
#include <cstdint>

#include "native/kernels/kernel.h"
#include "native/kernels/magnitude.h"
#include "native/kernels/segments.h"

namespace evenkeel {

constexpr double kSmallStep = 0x1p101;
constexpr double kFarFromOverflow = 0x1p126;

// Every comparison is false for NaN, so what cannot be told is not safe.
inline bool SgdStaysFinite(const Call& call, const double* table, double gradient, double velocity) {
  const double momentum = std::fabs(static_cast<double>(static_cast<float>(call.scalars[1])));
  const double sum = momentum * velocity + gradient;
  for (int64_t s = 0; s < call.dims[1]; ++s) {
    Segment segment;
    if (!ReadSegment(table + s * kSegmentColumns, call.dims[0], &segment)) continue;
    const double rate = static_cast<float>(call.scalars[0] * segment.rate_factor);
    const double decay = static_cast<float>(segment.weight_decay);
    const double step = sum * (1 + momentum) * (rate > 1 ? rate : 1);
    if (!(rate >= 0 && decay >= 0 && decay <= 0.25 && rate * decay * (1 + momentum) <= 0.5 && momentum <= 1 && step <= kSmallStep))
      return false;
  }
  return true;
}

inline bool AdamStaysFinite(const Call& call, const double* table, double gradient, double parameter, const float* largest) {
  const double* scalars = call.scalars;
  const bool decoupled = scalars[6] != 0;
  const double b = static_cast<float>(scalars[2]), epsilon = static_cast<float>(scalars[5]);
  const double beta1 = static_cast<float>(scalars[3]), rest1 = static_cast<float>(1 - scalars[3]);
  const double beta2 = static_cast<float>(scalars[4]), rest2 = static_cast<float>(1 - scalars[4]);
  if (!(beta1 >= 0 && rest1 >= 0 && beta2 >= 0 && rest2 >= 0 && b >= 0 && epsilon > 0)) return false;
  for (int64_t s = 0; s < call.dims[1]; ++s) {
    Segment segment;
    if (!ReadSegment(table + s * kSegmentColumns, call.dims[0], &segment)) continue;
    const double a = static_cast<float>(scalars[1] * segment.rate_factor);
    const double decay = static_cast<float>(decoupled ? 1 - scalars[0] * segment.rate_factor * segment.weight_decay : segment.weight_decay);
    const double g = decoupled ? gradient : gradient + std::fabs(decay) * parameter;
    const double m = beta1 * largest[0] + rest1 * g;
    const double v = beta2 * largest[1] + rest2 * g * g;
    if (decoupled && !(std::fabs(decay) <= 1)) return false;
    if (!(a >= 0 && g <= kFarFromOverflow && m <= kFarFromOverflow && v <= kFarFromOverflow)) return false;
    if (!(b * std::sqrt(v) <= kFarFromOverflow && a * m <= kFarFromOverflow && a * m <= kSmallStep * epsilon)) return false;
  }
  return true;
}

inline bool AnyWeightDecay(const Call& call, const double* table) {
  for (int64_t s = 0; s < call.dims[1]; ++s)
    if (table[s * kSegmentColumns + 3] != 0) return true;
  return false;
}

// Where a part of a segment does not pass, its elements are asked one by one: the first of all, whatever the threads.
// -1 where all pass. passes(segment, begin, end)
template <class Passes>
int64_t FirstInSegments(const Call& call, const double* table, Passes passes) {
  std::atomic<int64_t> first{INT64_MAX};
  std::atomic<int64_t>* shared = &first;
  ForEachSegmentPart(call.parallel, call.dims[0], table, call.dims[1], [=](const Segment& segment, int64_t begin, int64_t end) {
    if (begin >= shared->load(std::memory_order_relaxed) || passes(segment, begin, end)) return;
    int64_t at = begin;
    while (at < end - 1 && passes(segment, at, at + 1)) ++at;
    LowerTo(*shared, at);
  });
  return first == INT64_MAX ? -1 : first.load();
}

inline Status NonFiniteGradient(Call& call, const float* gradients, const double* table) {
  call.detail = FirstInSegments(call, table, [=](const Segment&, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      if (!IsFinite(gradients[i])) return false;
    return true;
  });
  return Status::kNonFinite;
}

inline Status Overflow(Call& call, int64_t first) {
  if (first < 0) return Status::kOk;
  call.detail = first;
  return Status::kOverflow;
}

}  // namespace evenkeel

#endif  // EVENKEEL_KERNELS_CHECK_UPDATE_H_

// The optimizers' arithmetic on one vector, rounded after each operation: what updates and what says beforehand whether
// the update stays finite must not differ by a bit.
#if defined(EVENKEEL_SIMD_OPTIMIZER_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EVENKEEL_SIMD_OPTIMIZER_INL_H_
#undef EVENKEEL_SIMD_OPTIMIZER_INL_H_
#else
#define EVENKEEL_SIMD_OPTIMIZER_INL_H_
#endif

#include <atomic>
#include <cstdint>

#include <hwy/highway.h>

#include "native/kernels/magnitude.h"
#include "native/kernels/segments.h"
#include "native/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using FloatVector = hn::Vec<FloatTag>;

enum class Momentum { kNone, kPlain, kNesterov };

// d = g + λp; u ← μu + d; p ← p − lr·u, or with Nesterov p ← p − lr·(d + μu).
template <Momentum kMomentum>
struct SgdStep {
  FloatVector rate, decay, momentum;

  HWY_INLINE SgdStep(const double* scalars, const Segment& segment) {
    const FloatTag d;
    rate = hn::Set(d, static_cast<float>(scalars[0] * segment.rate_factor));
    decay = hn::Set(d, static_cast<float>(segment.weight_decay));
    momentum = hn::Set(d, static_cast<float>(scalars[1]));
  }

  // Gives the new p, and with momentum writes the new u.
  HWY_INLINE FloatVector operator()(FloatVector p, FloatVector g, FloatVector& u) const {
    auto direction = hn::Add(g, hn::Mul(decay, p));
    if constexpr (kMomentum != Momentum::kNone) {
      u = hn::Add(hn::Mul(momentum, u), direction);
      direction = kMomentum == Momentum::kNesterov ? hn::Add(direction, hn::Mul(momentum, u)) : u;
    }
    return hn::Sub(p, hn::Mul(rate, direction));
  }
};

// m ← β₁m + (1−β₁)g; v ← β₂v + ((1−β₂)g)g; p ← p − (a·m)/(b·√v + ε). Decoupled: first p ← p·(1 − lr·λ), else g is g + λp.
template <bool kDecoupled>
struct AdamStep {
  FloatVector decay, a, b, beta1, beta2, rest1, rest2, epsilon;

  // scalars: learningRate, a, b, beta1, beta2, epsilon
  HWY_INLINE AdamStep(const double* scalars, const Segment& segment) {
    decay = Constant(kDecoupled ? 1 - scalars[0] * segment.rate_factor * segment.weight_decay : segment.weight_decay);
    a = Constant(scalars[1] * segment.rate_factor);
    b = Constant(scalars[2]);
    beta1 = Constant(scalars[3]);
    beta2 = Constant(scalars[4]);
    rest1 = Constant(1 - scalars[3]);
    rest2 = Constant(1 - scalars[4]);
    epsilon = Constant(scalars[5]);
  }

  static HWY_INLINE FloatVector Constant(double value) { return hn::Set(FloatTag(), static_cast<float>(value)); }

  // Gives the new p, and writes the new moments.
  HWY_INLINE FloatVector operator()(FloatVector p, FloatVector g, FloatVector& m, FloatVector& v) const {
    if constexpr (kDecoupled) {
      p = hn::Mul(p, decay);
    } else {
      g = hn::Add(g, hn::Mul(decay, p));
    }
    m = hn::Add(hn::Mul(beta1, m), hn::Mul(rest1, g));
    v = hn::Add(hn::Mul(beta2, v), hn::Mul(hn::Mul(rest2, g), g));
    return hn::Sub(p, hn::Div(hn::Mul(a, m), hn::Add(hn::Mul(b, hn::Sqrt(v)), epsilon)));
  }
};

// The largest magnitude of what it was given, as bits: those of magnitudes are ordered as integers, NaN above infinity.
struct LargestVector {
  hn::Vec<hn::ScalableTag<int32_t>> bits;

  HWY_INLINE LargestVector() : bits(hn::Zero(hn::ScalableTag<int32_t>())) {}
  HWY_INLINE void Take(FloatVector x) { bits = hn::Max(bits, hn::BitCast(hn::ScalableTag<int32_t>(), hn::Abs(x))); }
  HWY_INLINE void Take(const LargestVector& other) { bits = hn::Max(bits, other.bits); }
  HWY_INLINE int32_t Bits() const { return hn::GetLane(hn::MaxOfLanes(hn::ScalableTag<int32_t>(), bits)); }
};

// The bits of the largest |x[i]| in [begin, end). Four at once: loads come two a cycle, one chain of maxima only one.
HWY_INLINE int32_t LargestBits(const float* x, int64_t begin, int64_t end) {
  const FloatTag d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  LargestVector first, second, third, fourth;
  int64_t i = begin;
  for (; i + 4 * lanes <= end; i += 4 * lanes) {
    first.Take(hn::LoadU(d, x + i));
    second.Take(hn::LoadU(d, x + i + lanes));
    third.Take(hn::LoadU(d, x + i + 2 * lanes));
    fourth.Take(hn::LoadU(d, x + i + 3 * lanes));
  }
  ForEachVector(d, i, end, [&](int64_t at, auto access) EVK_LAMBDA { first.Take(access.Load(d, x + at)); });
  first.Take(second);
  third.Take(fourth);
  first.Take(third);
  return first.Bits();
}

// Of all elements that lie in segments, on `call`'s threads.
HWY_INLINE int32_t LargestInSegments(const Parallel& parallel, const float* x, int64_t count, const double* table, int64_t segments) {
  std::atomic<int32_t> largest{0};
  std::atomic<int32_t>* shared = &largest;
  ForEachSegmentPart(parallel, count, table, segments, [=](const Segment&, int64_t begin, int64_t end) HWY_ATTR {
    RaiseTo(*shared, LargestBits(x, begin, end));
  });
  return largest;
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#endif  // EVENKEEL_SIMD_OPTIMIZER_INL_H_

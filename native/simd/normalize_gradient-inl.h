// The gradient of normalize-inl.h's expression. dz is dy through dropout and activation, whose output is computed again
// from x; dBeta = Σ dz, dGamma = invStd · Σ dz·(x − mean), dx = ((dz − dBeta/m) − (x − mean)·(invStd·dGamma/m))·scale.
// dx rounds after each operation; the sums are float32 over a block, float64 across blocks in index order.
#if defined(EVENKEEL_SIMD_NORMALIZE_GRADIENT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EVENKEEL_SIMD_NORMALIZE_GRADIENT_INL_H_
#undef EVENKEEL_SIMD_NORMALIZE_GRADIENT_INL_H_
#else
#define EVENKEEL_SIMD_NORMALIZE_GRADIENT_INL_H_
#endif

#include <cmath>

#include "native/simd/normalize-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Channel arrays that only dx needs: the mean of dz, and what x − mean is multiplied by.
struct SlopeArrays {
  const float* offset;
  const float* factor;
};

// One value at a time in float64: for a block whose float32 sums are not finite.
template <int kActivation, bool kMask>
HWY_NOINLINE void ExactSums(const float* dy, const float* x, int64_t element, int64_t stride, int64_t count,
                      const ChannelArrays& arrays, int64_t c, const Epilogue& epilogue, double* sum, double* dot) {
  const hn::ScalableTag<float> d;
  const VectorEpilogue<kActivation, kMask, hn::ScalableTag<float>> finish(d, epilogue);
  const auto channel = SetChannel(d, arrays, c);
  const FirstLanes one{1};
  double total = 0, product = 0;
  for (int64_t i = 0; i < count * stride; i += stride) {
    const auto centered = channel.Center(one.Load(d, x + i));
    const auto z = [&]() EVK_LAMBDA { return channel.Affine(centered); };
    const double dz = hn::GetLane(finish.Backward(one, one.Load(d, dy + i), element + i, z));
    total += dz;
    // Not of the float32 difference: it may have overflowed.
    product += dz * ((static_cast<double>(x[i]) - arrays.mean[c]) - arrays.mean_low[c]);
  }
  *sum = total;
  *dot = product;
}

// Adds kRows rows to the sums of their columns.
template <int kActivation, bool kMask, int kRows>
HWY_INLINE void ReduceRowGroup(const float* dy, const float* x, int64_t element, int64_t stride, int64_t columns,
                               const ChannelArrays& arrays, const Epilogue& epilogue, float* HWY_RESTRICT sum,
                               float* HWY_RESTRICT dot) {
  const hn::ScalableTag<float> d;
  const VectorEpilogue<kActivation, kMask, hn::ScalableTag<float>> finish(d, epilogue);
  ForEachVector(d, 0, columns, [&](int64_t j, auto access) EVK_LAMBDA {
    const auto channel = LoadChannels(d, access, arrays, j);
    auto s = access.Load(d, sum + j), t = access.Load(d, dot + j);
    _Pragma("GCC unroll 16") for (int k = 0; k < kRows; ++k) {
      const int64_t i = k * stride + j;
      const auto centered = channel.Center(access.Load(d, x + i));
      const auto z = [&]() EVK_LAMBDA { return channel.Affine(centered); };
      const auto dz = finish.Backward(access, access.Load(d, dy + i), element + i, z);
      s = hn::Add(s, dz);
      t = hn::MulAdd(dz, centered, t);
    }
    access.Store(s, d, sum + j);
    access.Store(t, d, dot + j);
  });
}

// Σ dz and Σ dz·(x − mean) of each column over `rows` rows, into float64. scratch holds 2 · columns floats.
template <int kActivation, bool kMask>
HWY_NOINLINE void ReduceRows(const float* dy, const float* x, int64_t element, int64_t stride, int64_t rows, int64_t columns,
                           const ChannelArrays& arrays, const Epilogue& epilogue, float* scratch,
                           double* HWY_RESTRICT sums, double* HWY_RESTRICT dots) {
  float* sum = scratch;
  float* dot = scratch + columns;
  for (int64_t j = 0; j < columns; ++j) sums[j] = dots[j] = 0;
  for (int64_t begin = 0; begin < rows; begin += kBlockRows) {
    const int64_t end = Least(rows, begin + kBlockRows);
    int64_t r = begin, at = begin * stride;
    for (int64_t j = 0; j < 2 * columns; ++j) scratch[j] = 0;
    for (; r + kRowGroup <= end; r += kRowGroup, at += kRowGroup * stride)
      ReduceRowGroup<kActivation, kMask, kRowGroup>(dy + at, x + at, element + at, stride, columns, arrays, epilogue, sum, dot);
    for (; r < end; ++r, at += stride)
      ReduceRowGroup<kActivation, kMask, 1>(dy + at, x + at, element + at, stride, columns, arrays, epilogue, sum, dot);
    float check = 0;  // stays 0 while every sum is finite
    for (int64_t j = 0; j < columns; ++j) check += 0.0f * sum[j] + 0.0f * dot[j];
    for (int64_t j = 0; j < columns; ++j) {
      double s = sum[j], t = dot[j];
      if (check != 0 && !std::isfinite(s + t)) {
        const int64_t first = begin * stride + j;
        ExactSums<kActivation, kMask>(dy + first, x + first, element + first, stride, end - begin, arrays, j, epilogue, &s, &t);
      }
      sums[j] += s;
      dots[j] += t;
    }
  }
}

// The same of a run of channel c, added to what is there.
template <int kActivation, bool kMask>
HWY_NOINLINE void ReduceRun(const float* dy, const float* x, int64_t element, int64_t length, const ChannelArrays& arrays,
                          int64_t c, const Epilogue& epilogue, double& sum, double& dot) {
  const hn::ScalableTag<float> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const VectorEpilogue<kActivation, kMask, hn::ScalableTag<float>> finish(d, epilogue);
  const auto channel = SetChannel(d, arrays, c);
  for (int64_t begin = 0; begin < length; begin += kRunBlock) {
    const int64_t end = Least(length, begin + kRunBlock);
    // Two sums, as the chain of one would be the limit.
    auto s0 = hn::Zero(d), s1 = s0, t0 = s0, t1 = s0;
    const auto step = [&](int64_t i, auto access, auto& s, auto& t) EVK_LAMBDA {
      const auto centered = channel.Center(access.Load(d, x + i));
      const auto z = [&]() EVK_LAMBDA { return channel.Affine(centered); };
      const auto dz = finish.Backward(access, access.Load(d, dy + i), element + i, z);
      s = hn::Add(s, dz);
      t = hn::MulAdd(dz, centered, t);
    };
    int64_t i = begin;
    for (; i + 2 * lanes <= end; i += 2 * lanes) {
      step(i, WholeVector{}, s0, t0);
      step(i + lanes, WholeVector{}, s1, t1);
    }
    ForEachVector(d, i, end, [&](int64_t k, auto access) EVK_LAMBDA { step(k, access, s0, t0); });
    double s = hn::GetLane(hn::SumOfLanes(d, hn::Add(s0, s1))), t = hn::GetLane(hn::SumOfLanes(d, hn::Add(t0, t1)));
    if (!std::isfinite(s + t))
      ExactSums<kActivation, kMask>(dy + begin, x + begin, element + begin, 1, end - begin, arrays, c, epilogue, &s, &t);
    sum += s;
    dot += t;
  }
}

// dx. Where the statistics were not those of the batch, offset and factor are 0.
template <int kActivation, bool kMask, int kRows>
HWY_INLINE void GradientRowGroup(const float* dy, const float* x, float* dx, int64_t element, int64_t stride,
                                 int64_t columns, const ChannelArrays& arrays, const SlopeArrays& slopes,
                                 const Epilogue& epilogue) {
  const hn::ScalableTag<float> d;
  const VectorEpilogue<kActivation, kMask, hn::ScalableTag<float>> finish(d, epilogue);
  ForEachVector(d, 0, columns, [&](int64_t j, auto access) EVK_LAMBDA {
    const auto channel = LoadChannels(d, access, arrays, j);
    const auto offset = access.Load(d, slopes.offset + j), factor = access.Load(d, slopes.factor + j);
    _Pragma("GCC unroll 16") for (int k = 0; k < kRows; ++k) {
      const int64_t i = k * stride + j;
      const auto centered = channel.Center(access.Load(d, x + i));
      const auto z = [&]() EVK_LAMBDA { return channel.Affine(centered); };
      const auto dz = finish.Backward(access, access.Load(d, dy + i), element + i, z);
      const auto rest = hn::Sub(hn::Sub(dz, offset), hn::Mul(centered, factor));
      finish.Store(access, hn::Mul(rest, channel.scale), dx + i);
    }
  });
}

template <int kActivation, bool kMask>
HWY_NOINLINE void GradientRows(const float* dy, const float* x, float* dx, int64_t element, int64_t stride, int64_t rows,
                             int64_t columns, const ChannelArrays& arrays, const SlopeArrays& slopes,
                             const Epilogue& epilogue) {
  int64_t at = 0;
  for (; rows >= kRowGroup; rows -= kRowGroup, at += kRowGroup * stride)
    GradientRowGroup<kActivation, kMask, kRowGroup>(dy + at, x + at, dx + at, element + at, stride, columns, arrays,
                                                      slopes, epilogue);
  for (; rows > 0; --rows, at += stride)
    GradientRowGroup<kActivation, kMask, 1>(dy + at, x + at, dx + at, element + at, stride, columns, arrays,
                                                      slopes, epilogue);
}

template <int kActivation, bool kMask>
HWY_NOINLINE void GradientRun(const float* dy, const float* x, float* dx, int64_t element, int64_t length,
                            const ChannelArrays& arrays, const SlopeArrays& slopes, int64_t c, const Epilogue& epilogue) {
  const hn::ScalableTag<float> d;
  const VectorEpilogue<kActivation, kMask, hn::ScalableTag<float>> finish(d, epilogue);
  const auto channel = SetChannel(d, arrays, c);
  const auto offset = hn::Set(d, slopes.offset[c]), factor = hn::Set(d, slopes.factor[c]);
  ForEachVector(d, 0, length, [&](int64_t i, auto access) EVK_LAMBDA {
    const auto centered = channel.Center(access.Load(d, x + i));
    const auto z = [&]() EVK_LAMBDA { return channel.Affine(centered); };
    const auto dz = finish.Backward(access, access.Load(d, dy + i), element + i, z);
    const auto rest = hn::Sub(hn::Sub(dz, offset), hn::Mul(centered, factor));
    finish.Store(access, hn::Mul(rest, channel.scale), dx + i);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#endif  // EVENKEEL_SIMD_NORMALIZE_GRADIENT_INL_H_

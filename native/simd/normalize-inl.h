// y = activation(((x − mean) − meanLow)·scale + beta), through dropout, and the way back. One rounding an operation and
// one expression for forward, backward and inference, so the same bits everywhere.
#if defined(EVENKEEL_SIMD_NORMALIZE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EVENKEEL_SIMD_NORMALIZE_INL_H_
#undef EVENKEEL_SIMD_NORMALIZE_INL_H_
#else
#define EVENKEEL_SIMD_NORMALIZE_INL_H_
#endif

#include <cmath>
#include <cstdint>

#include <hwy/highway.h>

#include "native/kernels/batch_norm.h"
#include "native/simd/activation-inl.h"
#include "native/simd/kept-inl.h"
#include "native/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Arrays of one value a channel.
struct ChannelArrays {
  const float* mean;
  const float* mean_low;
  const float* scale;
  const float* beta;

  ChannelArrays From(int64_t c) const { return {mean + c, mean_low + c, scale + c, beta + c}; }
};

constexpr int kChannelArrayCount = 3;  // that PrepareChannels may fill

// What the scale is made of; absent: null.
struct Affine {
  const float* mean;
  const float* mean_low;
  const float* inv_std;
  const float* gamma;
  const float* beta;
};

// scale = γ·invStd for the channels begin … end-1. An absent meanLow or beta is 0, an absent gamma 1: the expression
// stays the same. `arrays` holds kChannelArrayCount · channels numbers.
inline ChannelArrays PrepareChannels(const Affine& from, float* arrays, int64_t channels, int64_t begin, int64_t end) {
  float* HWY_RESTRICT scale = arrays;
  float* HWY_RESTRICT low = arrays + channels;
  float* HWY_RESTRICT beta = arrays + 2 * channels;
  for (int64_t c = begin; c < end; ++c) scale[c] = from.gamma ? from.gamma[c] * from.inv_std[c] : from.inv_std[c];
  for (int64_t c = begin; c < end && !from.mean_low; ++c) low[c] = 0;
  for (int64_t c = begin; c < end && !from.beta; ++c) beta[c] = 0;
  return {from.mean, from.mean_low ? from.mean_low : low, scale, from.beta ? from.beta : beta};
}

// What lies between normalized values and y: an activation, then dropout by a mask that is there already.
struct Epilogue {
  float slope;
  const uint8_t* mask;  // null: no dropout
  float keep_scale;
};

// Four rows at a time: a channel's four numbers are loaded once for four values. `element` is x's first in the mask.
template <int kActivation, bool kMask>
HWY_INLINE void ApplyRows(const float* x, float* y, int64_t element, int64_t stride, int64_t rows, int64_t columns,
                          ChannelArrays a, Epilogue epilogue) {
  const hn::ScalableTag<float> d;
  const auto slope = hn::Set(d, epilogue.slope), keep_scale = hn::Set(d, epilogue.keep_scale);
  const auto finish = [&](auto z, int64_t offset, auto access) EVK_LAMBDA {
    auto v = Activate<kActivation>(d, z, slope);
    if (kMask) v = Drop(d, access, v, epilogue.mask, element + offset, keep_scale);
    access.Store(v, d, y + offset);
  };
  int64_t base = 0;
  for (; rows >= 4; rows -= 4, base += 4 * stride) {
    ForEachVector(d, 0, columns, [&](int64_t j, auto access) EVK_LAMBDA {
      const float* at = x + base + j;
      const auto mean = access.Load(d, a.mean + j), low = access.Load(d, a.mean_low + j);
      const auto scale = access.Load(d, a.scale + j), beta = access.Load(d, a.beta + j);
      const auto z0 = hn::Mul(hn::Sub(hn::Sub(access.Load(d, at), mean), low), scale);
      const auto z1 = hn::Mul(hn::Sub(hn::Sub(access.Load(d, at + stride), mean), low), scale);
      const auto z2 = hn::Mul(hn::Sub(hn::Sub(access.Load(d, at + 2 * stride), mean), low), scale);
      const auto z3 = hn::Mul(hn::Sub(hn::Sub(access.Load(d, at + 3 * stride), mean), low), scale);
      finish(hn::Add(z0, beta), base + j, access);
      finish(hn::Add(z1, beta), base + stride + j, access);
      finish(hn::Add(z2, beta), base + 2 * stride + j, access);
      finish(hn::Add(z3, beta), base + 3 * stride + j, access);
    });
  }
  for (; rows > 0; --rows, base += stride) {
    ForEachVector(d, 0, columns, [&](int64_t j, auto access) EVK_LAMBDA {
      const auto centred = hn::Sub(hn::Sub(access.Load(d, x + base + j), access.Load(d, a.mean + j)), access.Load(d, a.mean_low + j));
      finish(hn::Add(hn::Mul(centred, access.Load(d, a.scale + j)), access.Load(d, a.beta + j)), base + j, access);
    });
  }
}

// A run of channel c.
template <int kActivation, bool kMask>
HWY_INLINE void ApplyRun(const float* x, float* y, int64_t element, int64_t length, ChannelArrays a, int64_t c,
                         Epilogue epilogue) {
  const hn::ScalableTag<float> d;
  const auto slope = hn::Set(d, epilogue.slope), keep_scale = hn::Set(d, epilogue.keep_scale);
  const auto mean = hn::Set(d, a.mean[c]), low = hn::Set(d, a.mean_low[c]);
  const auto scale = hn::Set(d, a.scale[c]), beta = hn::Set(d, a.beta[c]);
  ForEachVector(d, 0, length, [&](int64_t i, auto access) EVK_LAMBDA {
    const auto z = hn::Add(hn::Mul(hn::Sub(hn::Sub(access.Load(d, x + i), mean), low), scale), beta);
    auto v = Activate<kActivation>(d, z, slope);
    if (kMask) v = Drop(d, access, v, epilogue.mask, element + i, keep_scale);
    access.Store(v, d, y + i);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#endif  // EVENKEEL_SIMD_NORMALIZE_INL_H_

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

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include "native/kernels/batch_norm.h"
#include "native/runtime/cache_size.h"
#include "native/simd/activation-inl.h"
#include "native/simd/partial-inl.h"
#include "native/simd/philox-inl.h"

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

// What lies between normalized values and y: an activation, then dropout by mask bits that are there already.
struct Epilogue {
  float slope;
  const uint8_t* mask;  // null: no dropout
  float keep_scale;
  bool whole_bytes;  // every row and run starts at a whole byte of the mask
  bool streamed;     // results go past the caches; whoever writes them ends with hwy::FlushStream

  // `out` is what is written, by a kernel whose input of the same size may be the same memory.
  Epilogue(double slope, const uint8_t* mask, float keep_scale, const BatchNormPlan& plan, const float* out, const float* in)
      : slope(static_cast<float>(slope)),
        mask(mask),
        keep_scale(keep_scale),
        whole_bytes((plan.inner == 1 ? plan.channels : plan.inner) % 8 == 0),
        // Every row and run must start at a vector, up to 64 bytes of them; what the caches hold anyway stays there.
        streamed(out != in && reinterpret_cast<uintptr_t>(out) % 64 == 0 &&
                 (plan.inner == 1 ? plan.channels : plan.inner) % 16 == 0 &&
                 plan.channels * plan.Values() * int64_t{sizeof(float)} > LastLevelCacheBytes()) {}
};

// Exponentials are called: they are many instructions, and inlining them into every loop takes minutes to compile.
template <int kActivation, class V>
HWY_NOINLINE V Exponential(V z) {
  return Activate<kActivation>(hn::ScalableTag<float>(), z, z);
}

// The Epilogue in vectors.
template <int kActivation, bool kMask, class D, class V = hn::Vec<D>>
struct VectorEpilogue {
  D d;
  V slope, keep_scale;
  const uint8_t* mask;
  bool whole_bytes, streamed;

  HWY_INLINE VectorEpilogue(D d, const Epilogue& from)
      : d(d),
        slope(hn::Set(d, from.slope)),
        keep_scale(hn::Set(d, from.keep_scale)),
        mask(from.mask),
        whole_bytes(from.whole_bytes),
        streamed(from.streamed) {}

  HWY_INLINE void Store(WholeVector, V v, float* to) const { streamed ? hn::Stream(v, d, to) : hn::StoreU(v, d, to); }
  HWY_INLINE void Store(FirstLanes access, V v, float* to) const { access.Store(v, d, to); }

  HWY_INLINE hn::Mask<D> Kept(WholeVector, int64_t element) const {
    return whole_bytes ? KeptLanes(d, mask, element) : KeptLanes(d, mask, element, hn::Lanes(d));
  }
  HWY_INLINE hn::Mask<D> Kept(FirstLanes access, int64_t element) const {
    return KeptLanes(d, mask, element, access.count);
  }

  template <class Access>
  HWY_INLINE V Drop(Access access, V v, int64_t element) const {
    if constexpr (kMask) return hn::IfThenElseZero(Kept(access, element), hn::Mul(v, keep_scale));
    (void)access;
    (void)element;
    return v;
  }
  HWY_INLINE V Output(V z) const {
    if constexpr (kActivation == kSigmoid || kActivation == kTanh) return Exponential<kActivation>(z);
    return Activate<kActivation>(d, z, slope);
  }
  template <class Access>
  HWY_INLINE V Forward(Access access, V z, int64_t element) const {
    return Drop(access, Output(z), element);
  }
  // dz from dy; z is needed only where there is an activation.
  template <class Access, class PreActivation>
  HWY_INLINE V Backward(Access access, V dy, int64_t element, PreActivation&& z) const {
    const V dropped = Drop(access, dy, element);
    if constexpr (kActivation == kIdentity) return dropped;
    return ActivationBackward<kActivation>(d, dropped, Output(z()), slope);
  }
};

// A channel's numbers for one vector of columns, or the same number in every lane for a run of one channel.
template <class V>
struct ChannelVectors {
  V mean, low, scale, beta;

  HWY_INLINE V Center(V x) const { return hn::Sub(hn::Sub(x, mean), low); }
  HWY_INLINE V Affine(V centered) const { return hn::Add(hn::Mul(centered, scale), beta); }
};

template <class D, class Access, class V = hn::Vec<D>>
HWY_INLINE ChannelVectors<V> LoadChannels(D d, Access access, const ChannelArrays& a, int64_t j) {
  return {access.Load(d, a.mean + j), access.Load(d, a.mean_low + j), access.Load(d, a.scale + j), access.Load(d, a.beta + j)};
}
template <class D, class V = hn::Vec<D>>
HWY_INLINE ChannelVectors<V> SetChannel(D d, const ChannelArrays& a, int64_t c) {
  return {hn::Set(d, a.mean[c]), hn::Set(d, a.mean_low[c]), hn::Set(d, a.scale[c]), hn::Set(d, a.beta[c])};
}

// Rows whose columns are worked on together: a channel's numbers are loaded once for four values.
constexpr int kRowGroup = 4;

template <int kActivation, bool kMask, int kRows>
HWY_INLINE void ApplyRowGroup(const float* x, float* y, int64_t element, int64_t stride, int64_t columns,
                              const ChannelArrays& arrays, const Epilogue& epilogue) {
  const hn::ScalableTag<float> d;
  const VectorEpilogue<kActivation, kMask, hn::ScalableTag<float>> finish(d, epilogue);
  ForEachVector(d, 0, columns, [&](int64_t j, auto access) EVK_LAMBDA {
    const auto channel = LoadChannels(d, access, arrays, j);
    _Pragma("GCC unroll 16") for (int k = 0; k < kRows; ++k) {
      const int64_t i = k * stride + j;
      const auto z = channel.Affine(channel.Center(access.Load(d, x + i)));
      finish.Store(access, finish.Forward(access, z, element + i), y + i);
    }
  });
}

// `element` is the place of x's first value in the mask.
template <int kActivation, bool kMask>
HWY_NOINLINE void ApplyRows(const float* x, float* y, int64_t element, int64_t stride, int64_t rows, int64_t columns,
                            const ChannelArrays& arrays, const Epilogue& epilogue) {
  int64_t at = 0;
  for (; rows >= kRowGroup; rows -= kRowGroup, at += kRowGroup * stride)
    ApplyRowGroup<kActivation, kMask, kRowGroup>(x + at, y + at, element + at, stride, columns, arrays, epilogue);
  for (; rows > 0; --rows, at += stride)
    ApplyRowGroup<kActivation, kMask, 1>(x + at, y + at, element + at, stride, columns, arrays, epilogue);
}

// A run of channel c.
template <int kActivation, bool kMask>
HWY_NOINLINE void ApplyRun(const float* x, float* y, int64_t element, int64_t length, const ChannelArrays& arrays, int64_t c,
                         const Epilogue& epilogue) {
  const hn::ScalableTag<float> d;
  const VectorEpilogue<kActivation, kMask, hn::ScalableTag<float>> finish(d, epilogue);
  const auto channel = SetChannel(d, arrays, c);
  ForEachVector(d, 0, length, [&](int64_t i, auto access) EVK_LAMBDA {
    const auto z = channel.Affine(channel.Center(access.Load(d, x + i)));
    finish.Store(access, finish.Forward(access, z, element + i), y + i);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#endif  // EVENKEEL_SIMD_NORMALIZE_INL_H_

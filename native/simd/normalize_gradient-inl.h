// The gradient of normalize-inl.h's expression. dz is dy through dropout and activation, whose output is recomputed
// from x; dBeta = Σ dz, dGamma = invStd · Σ dz·(x − mean), dx = ((dz − dBeta/m) − (x − mean)·(invStd·dGamma/m))·scale.
#if defined(EVENKEEL_SIMD_NORMALIZE_GRADIENT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EVENKEEL_SIMD_NORMALIZE_GRADIENT_INL_H_
#undef EVENKEEL_SIMD_NORMALIZE_GRADIENT_INL_H_
#else
#define EVENKEEL_SIMD_NORMALIZE_GRADIENT_INL_H_
#endif

#include "native/simd/normalize-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The arrays that the way back adds: the mean of dz, and what x − mean is multiplied by.
struct GradientArrays {
  ChannelArrays forward;
  const float* offset;
  const float* factor;
};

// One vector of channel numbers, or one number of one channel in every lane.
template <class V>
struct ChannelVectors {
  V mean, low, scale, beta, offset, factor;
};

template <int kActivation, bool kMask, class D, class V = hn::Vec<D>>
struct Gradient {
  D d;
  V slope, keep_scale;
  const uint8_t* mask;

  explicit Gradient(const Epilogue& e) : slope(hn::Set(d, e.slope)), keep_scale(hn::Set(d, e.keep_scale)), mask(e.mask) {}

  template <class Access>
  HWY_INLINE V Dz(Access access, V dy, V centred, V scale, V beta, int64_t element) const {
    if (kMask) dy = Drop(d, access, dy, mask, element, keep_scale);
    if (kActivation == kIdentity) return dy;
    const V y = Activate<kActivation>(d, hn::Add(hn::Mul(centred, scale), beta), slope);
    return ActivationBackward<kActivation>(d, dy, y, slope);
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#endif  // EVENKEEL_SIMD_NORMALIZE_GRADIENT_INL_H_

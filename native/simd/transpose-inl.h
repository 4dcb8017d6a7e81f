// Transposes in registers: the columns of a row-major matrix as vectors.
#if defined(EVENKEEL_SIMD_TRANSPOSE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EVENKEEL_SIMD_TRANSPOSE_INL_H_
#undef EVENKEEL_SIMD_TRANSPOSE_INL_H_
#else
#define EVENKEEL_SIMD_TRANSPOSE_INL_H_
#endif

#include <cstdint>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int64_t kTransposeColumns = 4;

#if HWY_TARGET != HWY_SCALAR
// Block b of the vector = from[b · 4 · stride + 0 … 3]. Combining halves from memory costs no shuffle on x86.
template <class D>
HWY_INLINE hn::Vec<D> LoadBlocks(D d, const float* from, int64_t stride) {
  if constexpr (hn::MaxLanes(D()) > 4) {
    const hn::Half<D> half;
    const auto upper = LoadBlocks(half, from + static_cast<int64_t>(hn::MaxLanes(half)) * stride, stride);
    return hn::Combine(d, upper, LoadBlocks(half, from, stride));
  } else {
    return hn::LoadU(d, from);
  }
}
#endif

// to[c] = column c of the matrix of Lanes(d) rows and four columns at `from`.
template <class D>
HWY_INLINE void TransposeColumns(D d, const float* from, int64_t stride, hn::Vec<D> (&to)[kTransposeColumns]) {
#if HWY_TARGET == HWY_SCALAR
  (void)stride;
  for (int c = 0; c < kTransposeColumns; ++c) to[c] = hn::LoadU(d, from + c);
#else
  const hn::RepartitionToWide<D> wide;
  const auto row0 = LoadBlocks(d, from, stride);
  const auto row1 = LoadBlocks(d, from + stride, stride);
  const auto row2 = LoadBlocks(d, from + 2 * stride, stride);
  const auto row3 = LoadBlocks(d, from + 3 * stride, stride);
  const auto low01 = hn::BitCast(wide, hn::InterleaveLower(d, row0, row1));
  const auto high01 = hn::BitCast(wide, hn::InterleaveUpper(d, row0, row1));
  const auto low23 = hn::BitCast(wide, hn::InterleaveLower(d, row2, row3));
  const auto high23 = hn::BitCast(wide, hn::InterleaveUpper(d, row2, row3));
  to[0] = hn::BitCast(d, hn::InterleaveLower(wide, low01, low23));
  to[1] = hn::BitCast(d, hn::InterleaveUpper(wide, low01, low23));
  to[2] = hn::BitCast(d, hn::InterleaveLower(wide, high01, high23));
  to[3] = hn::BitCast(d, hn::InterleaveUpper(wide, high01, high23));
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#endif

// Rows of floats from one place to another, cut into fixed chunks.
#if defined(EVENKEEL_SIMD_COPY_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EVENKEEL_SIMD_COPY_ROWS_INL_H_
#undef EVENKEEL_SIMD_COPY_ROWS_INL_H_
#else
#define EVENKEEL_SIMD_COPY_ROWS_INL_H_
#endif

#include <cstdint>

#include <hwy/highway.h>

#include "native/runtime/parallel.h"
#include "native/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// 64 KiB a chunk: below it a second thread costs more than it brings.
constexpr int64_t kCopyChunk = 16384;

HWY_INLINE void CopyFloats(const float* from, int64_t count, float* to) {
  const hn::ScalableTag<float> d;
  ForEachVector(d, 0, count, [&](int64_t i, auto access) EVK_LAMBDA { access.Store(access.Load(d, from + i), d, to + i); });
}

// place(row, from, to) sets where row `row` of `length` floats comes from and goes to.
template <class Place>
HWY_INLINE void CopyEachRow(const Parallel& parallel, int64_t rows, int64_t length, Place place) {
  if (rows == 0 || length == 0) return;
  const int64_t pieces = (length + kCopyChunk - 1) / kCopyChunk;
  const int64_t together = HWY_MAX(int64_t{1}, kCopyChunk / length);
  parallel.For((rows + together - 1) / together * pieces, [=](int64_t chunk, int) HWY_ATTR {
    const int64_t begin = chunk % pieces * kCopyChunk;
    const int64_t count = HWY_MIN(kCopyChunk, length - begin);
    const int64_t first = chunk / pieces * together;
    for (int64_t row = first; row < HWY_MIN(first + together, rows); ++row) {
      const float* from;
      float* to;
      place(row, from, to);
      CopyFloats(from + begin, count, to + begin);
    }
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#endif  // EVENKEEL_SIMD_COPY_ROWS_INL_H_

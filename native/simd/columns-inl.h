// A loop over [rows, columns] for operations that hold one parameter a column.
#if defined(EVENKEEL_SIMD_COLUMNS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EVENKEEL_SIMD_COLUMNS_INL_H_
#undef EVENKEEL_SIMD_COLUMNS_INL_H_
#else
#define EVENKEEL_SIMD_COLUMNS_INL_H_
#endif

#include <cstdint>

#include <hwy/highway.h>

#include "native/runtime/parallel.h"
#include "native/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// 64 KiB of output a chunk: below it a second thread costs more than it brings.
constexpr int64_t kColumnsChunk = 16384;

// body(i, column, access): the elements from i = row · columns + column on.
template <class Body>
HWY_INLINE void ForEachColumnVector(const Parallel& parallel, int64_t rows, int64_t columns, Body body) {
  if (rows == 0 || columns == 0) return;
  const int64_t chunk_rows = HWY_MAX(int64_t{1}, kColumnsChunk / columns);
  const int64_t chunk_columns = HWY_MIN(columns, kColumnsChunk);
  const int64_t stripes = (columns + chunk_columns - 1) / chunk_columns;
  parallel.For((rows + chunk_rows - 1) / chunk_rows * stripes, [=](int64_t chunk, int) HWY_ATTR {
    const hn::ScalableTag<float> d;
    const int64_t first_row = chunk / stripes * chunk_rows;
    const int64_t last_row = HWY_MIN(first_row + chunk_rows, rows);
    const int64_t begin = chunk % stripes * chunk_columns;
    const int64_t end = HWY_MIN(begin + chunk_columns, columns);
    for (int64_t row = first_row; row < last_row; ++row) {
      const int64_t start = row * columns;
      ForEachVector(d, begin, end, [&](int64_t column, auto access) EVK_LAMBDA { body(start + column, column, access); });
    }
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#endif  // EVENKEEL_SIMD_COLUMNS_INL_H_

// What the weight normalization kernels share.
#ifndef EVENKEEL_KERNELS_WEIGHT_NORM_H_
#define EVENKEEL_KERNELS_WEIGHT_NORM_H_

#include <cstdint>

#include "native/kernels/kernel.h"

namespace evenkeel {

// s = g/‖v‖, one rounding; 0 for a row of zeros.
inline float WeightNormScaleOf(float g, float norm) { return norm == 0.0f ? 0.0f : g / norm; }

// 64 KiB of output a chunk: below it a second thread costs more than it brings. Rows are whole.
constexpr int64_t kWeightNormChunk = 16384;

// body(row) for every row, in chunks of about kWeightNormChunk elements; after(…) once a chunk.
template <class Body, class After>
void ForEachWeightRow(const Parallel& parallel, int64_t rows, int64_t columns, Body body, After after) {
  const int64_t wanted = columns > 0 ? kWeightNormChunk / columns : kWeightNormChunk;
  const int64_t rows_per_chunk = wanted < 1 ? 1 : wanted;
  parallel.For((rows + rows_per_chunk - 1) / rows_per_chunk, [=](int64_t chunk, int) {
    const int64_t begin = chunk * rows_per_chunk;
    const int64_t end = rows < begin + rows_per_chunk ? rows : begin + rows_per_chunk;
    for (int64_t row = begin; row < end; ++row) body(row);
    after();
  });
}

}  // namespace evenkeel

#endif  // EVENKEEL_KERNELS_WEIGHT_NORM_H_

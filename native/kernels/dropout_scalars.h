// The dropout group of scalars, as lib/kernels/table.ts lists it: which elements are kept, and the factor of those.
#ifndef EVENKEEL_KERNELS_DROPOUT_SCALARS_H_
#define EVENKEEL_KERNELS_DROPOUT_SCALARS_H_

#include <cstdint>

namespace evenkeel {

struct DropoutScalars {
  uint32_t threshold;  // 0 (no dropout) … 65536 (nothing is kept)
  uint32_t key_low;
  uint32_t key_high;
  uint32_t repeat;
  uint32_t step;
  uint32_t stream;
  uint32_t first_block;
  float scale;  // 65536/(65536 − threshold), rounded once; 0 where nothing is kept
};

inline float DropoutScale(uint32_t threshold) {
  return threshold > 65535 ? 0.0f : static_cast<float>(65536.0 / (65536.0 - static_cast<double>(threshold)));
}

// A counter modulo 2^32, as `>>> 0` gives it: steps and keys are whole numbers below 2^53.
inline uint32_t CounterWord(double value) { return static_cast<uint32_t>(static_cast<int64_t>(value)); }

inline DropoutScalars ReadDropoutScalars(const double* scalars) {
  const uint32_t threshold = CounterWord(scalars[0]);
  return {threshold,
          CounterWord(scalars[1]),
          CounterWord(scalars[2]),
          CounterWord(scalars[3]),
          CounterWord(scalars[4]),
          CounterWord(scalars[5]),
          CounterWord(scalars[6]),
          DropoutScale(threshold)};
}

}  // namespace evenkeel

#endif  // EVENKEEL_KERNELS_DROPOUT_SCALARS_H_

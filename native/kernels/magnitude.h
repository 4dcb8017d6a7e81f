// Magnitudes of float32 as the integers of their bits, which have the same order; NaN stands above infinity.
#ifndef EVENKEEL_KERNELS_MAGNITUDE_H_
#define EVENKEEL_KERNELS_MAGNITUDE_H_

#include <atomic>
#include <cstdint>
#include <cstring>

namespace evenkeel {

constexpr int32_t kInfinityBits = 0x7f800000;
constexpr int32_t kNaNBits = 0x7fc00000;

inline float FloatOfBits(int32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

inline int32_t MagnitudeBits(float value) {
  int32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits & 0x7fffffff;
}

inline bool IsFinite(float value) { return MagnitudeBits(value) < kInfinityBits; }

// Maxima and minima do not depend on the order in which threads come.
inline void RaiseTo(std::atomic<int32_t>& largest, int32_t value) {
  int32_t before = largest.load(std::memory_order_relaxed);
  while (before < value && !largest.compare_exchange_weak(before, value, std::memory_order_relaxed)) {
  }
}
inline void LowerTo(std::atomic<int64_t>& least, int64_t value) {
  int64_t before = least.load(std::memory_order_relaxed);
  while (before > value && !least.compare_exchange_weak(before, value, std::memory_order_relaxed)) {
  }
}

// Raises the magnitude that `largest` holds; all NaN are one.
inline void RaiseLargest(float* largest, int32_t bits) {
  const int32_t before = MagnitudeBits(*largest);
  const int32_t top = bits > before ? bits : before;
  *largest = FloatOfBits(top > kInfinityBits ? kNaNBits : top);
}

}  // namespace evenkeel

#endif  // EVENKEEL_KERNELS_MAGNITUDE_H_

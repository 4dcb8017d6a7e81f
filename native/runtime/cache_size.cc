#include "native/runtime/cache_size.h"

#include <hwy/detect_compiler_arch.h>

#if HWY_ARCH_X86
#if HWY_COMPILER_MSVC
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#endif

namespace evenkeel {
namespace {

constexpr int64_t kDefaultBytes = int64_t{32} << 20;

#if HWY_ARCH_X86

struct Registers {
  uint32_t a, b, c, d;
};

Registers CpuId(uint32_t leaf, uint32_t subleaf) {
  Registers r{};
#if HWY_COMPILER_MSVC
  int words[4];
  __cpuidex(words, static_cast<int>(leaf), static_cast<int>(subleaf));
  r = {static_cast<uint32_t>(words[0]), static_cast<uint32_t>(words[1]), static_cast<uint32_t>(words[2]),
       static_cast<uint32_t>(words[3])};
#else
  __cpuid_count(leaf, subleaf, r.a, r.b, r.c, r.d);
#endif
  return r;
}

// The largest cache of a leaf in the layout of Intel's leaf 4, which AMD's 0x8000001D shares; 0 for none. Asked of the
// processor and not of the system: the same code serves every system, and musl's sysconf knows no caches.
int64_t LargestCache(uint32_t leaf) {
  int64_t largest = 0;
  for (uint32_t index = 0; index < 16; ++index) {
    const Registers r = CpuId(leaf, index);
    if ((r.a & 31) == 0) break;
    const int64_t ways = (r.b >> 22) + 1;
    const int64_t partitions = ((r.b >> 12) & 1023) + 1;
    const int64_t line = (r.b & 4095) + 1;
    const int64_t bytes = ways * partitions * line * (static_cast<int64_t>(r.c) + 1);
    if (bytes > largest) largest = bytes;
  }
  return largest;
}

int64_t Measure() {
  int64_t bytes = CpuId(0, 0).a >= 4 ? LargestCache(4) : 0;
  if (bytes == 0 && CpuId(0x80000000u, 0).a >= 0x8000001Du) bytes = LargestCache(0x8000001Du);
  return bytes > 0 ? bytes : kDefaultBytes;
}

#else

int64_t Measure() { return kDefaultBytes; }

#endif

}  // namespace

int64_t LastLevelCacheBytes() {
  static const int64_t bytes = Measure();
  return bytes;
}

}  // namespace evenkeel

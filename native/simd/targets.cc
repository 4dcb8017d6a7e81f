#include "native/simd/targets.h"

#if HWY_ARCH_X86
#if defined(_MSC_VER)
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#endif

#include <cstdint>
#include <initializer_list>

namespace evenkeel {
namespace {

#if HWY_ARCH_X86
struct Registers {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Registers Cpuid(uint32_t leaf, uint32_t subleaf) {
  Registers r;
#if defined(_MSC_VER)
  int out[4];
  __cpuidex(out, static_cast<int>(leaf), static_cast<int>(subleaf));
  r.eax = out[0], r.ebx = out[1], r.ecx = out[2], r.edx = out[3];
#else
  __cpuid_count(leaf, subleaf, r.eax, r.ebx, r.ecx, r.edx);
#endif
  return r;
}

// Which register files the operating system saves (XCR0).
uint64_t SavedState() {
#if defined(_MSC_VER)
  return _xgetbv(0);
#else
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<uint64_t>(high) << 32) | low;
#endif
}

bool AllBits(uint32_t value, std::initializer_list<int> bits) {
  for (int bit : bits)
    if ((value & (1u << bit)) == 0) return false;
  return true;
}

struct Support {
  bool targets[kTargetCount] = {};

  Support() {
    targets[3] = true;
    const uint32_t most = Cpuid(0, 0).eax;
    const uint32_t most_extended = Cpuid(0x80000000u, 0).eax;
    if (most < 1) return;
    const Registers one = Cpuid(1, 0);
    // SSSE3, SSE4.1, SSE4.2; Highway's HWY_SSE4 also uses PCLMULQDQ and AES.
    targets[2] = AllBits(one.ecx, {9, 19, 20, 1, 25});
    // OSXSAVE and AVX, and the YMM state saved (bits 1 and 2).
    if (most < 7 || most_extended < 0x80000001u || !AllBits(one.ecx, {27, 28}) || (SavedState() & 6) != 6) return;
    const Registers seven = Cpuid(7, 0);
    const Registers extended = Cpuid(0x80000001u, 0);
    // FMA, MOVBE is not used; F16C; AVX2, BMI1, BMI2; LZCNT.
    targets[1] = targets[2] && AllBits(one.ecx, {12, 29}) && AllBits(seven.ebx, {5, 3, 8}) && AllBits(extended.ecx, {5});
    // AVX-512 F, DQ, CD, BW, VL, and opmask and ZMM state saved (bits 5, 6, 7).
    targets[0] = targets[1] && AllBits(seven.ebx, {16, 17, 28, 30, 31}) && (SavedState() & 0xE0) == 0xE0;
  }
};
#else
struct Support {
  bool targets[kTargetCount] = {};
  Support() {
    for (bool& target : targets) target = true;
  }
};
#endif

}  // namespace

bool TargetSupported(int target) {
  static const Support support;
  return target >= 0 && target < kTargetCount && support.targets[target];
}

}  // namespace evenkeel

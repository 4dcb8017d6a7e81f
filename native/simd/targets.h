// The instruction sets, best first, and how a kernel file lists its function for each of them.
//
// Highway compiles a kernel file once for every target (foreach_target.h); our own table of pointers picks one when
// the library is loaded, so nothing of Highway needs linking.
#ifndef EVENKEEL_SIMD_TARGETS_H_
#define EVENKEEL_SIMD_TARGETS_H_

// AVX3_DL adds nothing that these kernels use, SSSE3 machines without SSE4.1 are gone.
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL)
#endif
#ifndef HWY_COMPILE_ALL_ATTAINABLE
#define HWY_COMPILE_ALL_ATTAINABLE
#endif
#include <hwy/detect_targets.h>

namespace evenkeel {

#if HWY_ARCH_X86
constexpr int kTargetCount = 4;
constexpr const char* kTargetNames[kTargetCount] = {"avx512", "avx2", "sse4", "baseline"};
#elif HWY_ARCH_ARM
constexpr int kTargetCount = 2;
constexpr const char* kTargetNames[kTargetCount] = {"neon", "baseline"};
#else
constexpr int kTargetCount = 1;
constexpr const char* kTargetNames[kTargetCount] = {"baseline"};
#endif

// Whether this processor and operating system run kTargetNames[target]. Cheap after the first call.
bool TargetSupported(int target);

}  // namespace evenkeel

#if HWY_TARGETS & HWY_AVX3
#define EVK_AVX3(Fn) &N_AVX3::Fn
#else
#define EVK_AVX3(Fn) nullptr
#endif
#if HWY_TARGETS & HWY_AVX2
#define EVK_AVX2(Fn) &N_AVX2::Fn
#else
#define EVK_AVX2(Fn) nullptr
#endif
#if HWY_TARGETS & HWY_SSE4
#define EVK_SSE4(Fn) &N_SSE4::Fn
#else
#define EVK_SSE4(Fn) nullptr
#endif
#if HWY_TARGETS & HWY_NEON
#define EVK_NEON(Fn) &N_NEON::Fn
#else
#define EVK_NEON(Fn) nullptr
#endif
#if HWY_TARGETS & HWY_EMU128
#define EVK_BASELINE(Fn) &N_EMU128::Fn
#elif HWY_TARGETS & HWY_SCALAR
#define EVK_BASELINE(Fn) &N_SCALAR::Fn
#else
#define EVK_BASELINE(Fn) nullptr
#endif

// The last member of a KernelEntry: { EVK_TARGETS(Add) }
#if HWY_ARCH_X86
#define EVK_TARGETS(Fn) EVK_AVX3(Fn), EVK_AVX2(Fn), EVK_SSE4(Fn), EVK_BASELINE(Fn)
#elif HWY_ARCH_ARM
#define EVK_TARGETS(Fn) EVK_NEON(Fn), EVK_BASELINE(Fn)
#else
#define EVK_TARGETS(Fn) EVK_BASELINE(Fn)
#endif

#endif  // EVENKEEL_SIMD_TARGETS_H_

// dropoutForward: y = kept ? x · 65536/(65536 − threshold) : +0, one rounding; mask: bit i%8 of byte i/8, 1 = kept.
// A dropped element is +0 whatever x is, NaN and infinities too. y may be x.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/dropout_forward.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/simd/partial-inl.h"
#include "native/simd/philox-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// About 5 µs of work: below it a second thread costs more than it brings. A multiple of 8: chunks share no mask byte.
constexpr int64_t kDropoutForwardChunk = 16384;
// 64 bytes of mask at a time: they and their elements stay in the first-level cache between the two loops.
constexpr int64_t kDropoutForwardStretch = 2048;

Status DropoutForward(Call& call) {
  const int64_t count = call.dims[0];
  float* y = call.Out(0);
  uint8_t* mask = call.As<uint8_t>(1);
  const float* x = call.In(2);
  const DropoutScalars dropout = ReadDropoutScalars(call.scalars);
  call.parallel.For((count + kDropoutForwardChunk - 1) / kDropoutForwardChunk, [=](int64_t chunk, int) HWY_ATTR {
    const hn::ScalableTag<float> d;
    const auto scale = hn::Set(d, dropout.scale);
    const int64_t chunk_end = HWY_MIN((chunk + 1) * kDropoutForwardChunk, count);
    for (int64_t begin = chunk * kDropoutForwardChunk; begin < chunk_end; begin += kDropoutForwardStretch) {
      const int64_t end = HWY_MIN(begin + kDropoutForwardStretch, chunk_end);
      KeepBits(dropout, begin, end, mask);
      ForEachKept(d, begin, end, mask, [=](int64_t i, auto access, auto kept) EVK_LAMBDA {
        access.Store(hn::IfThenElseZero(kept, hn::Mul(access.Load(d, x + i), scale)), d, y + i);
      });
    }
  });
  return Status::kOk;
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evenkeel {
namespace {
constexpr Operand kOperands[] = {
    Write("y", Dim<0>),
    Write("mask", MaskBytes<0>, DType::kUint8),
    Read("x", Dim<0>),
};
}  // namespace
extern const KernelEntry kDropoutForward;
const KernelEntry kDropoutForward = {"dropoutForward", kOperands, 3, 1, 7, nullptr, {EVK_TARGETS(DropoutForward)}};
}  // namespace evenkeel
#endif

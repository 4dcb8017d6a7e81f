// dropoutBackward: dx = kept ? dy · 65536/(65536 − threshold) : +0, by the mask bits of dropoutForward. dx may be dy.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/dropout_backward.cc"
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

// 64 KiB of output a chunk: below it a second thread costs more than it brings.
constexpr int64_t kDropoutBackwardChunk = 16384;

Status DropoutBackward(Call& call) {
  const int64_t count = call.dims[0];
  float* dx = call.Out(0);
  const float* dy = call.In(1);
  const uint8_t* mask = call.As<const uint8_t>(2);
  const float factor = DropoutScale(CounterWord(call.scalars[0]));
  call.parallel.For((count + kDropoutBackwardChunk - 1) / kDropoutBackwardChunk, [=](int64_t chunk, int) HWY_ATTR {
    const hn::ScalableTag<float> d;
    const auto scale = hn::Set(d, factor);
    const int64_t begin = chunk * kDropoutBackwardChunk;
    const int64_t end = HWY_MIN(begin + kDropoutBackwardChunk, count);
    ForEachKept(d, begin, end, mask, [=](int64_t i, auto access, auto kept) EVK_LAMBDA {
      access.Store(hn::IfThenElseZero(kept, hn::Mul(access.Load(d, dy + i), scale)), d, dx + i);
    });
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
    Write("dx", Dim<0>),
    Read("dy", Dim<0>),
    Read("mask", MaskBytes<0>, DType::kUint8),
};
}  // namespace
extern const KernelEntry kDropoutBackward;
const KernelEntry kDropoutBackward = {"dropoutBackward", kOperands, 3, 1, 1, nullptr, {EVK_TARGETS(DropoutBackward)}};
}  // namespace evenkeel
#endif

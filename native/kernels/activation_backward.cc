// activationBackward: dx = dy · activation'(x), the derivative taken from the output y
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/activation_backward.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/simd/activation-inl.h"
#include "native/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// 64 KiB of output a chunk: below it a second thread costs more than it brings.
constexpr int64_t kActivationBackwardChunk = 16384;

Status ActivationBackward(Call& call) {
  const int64_t count = call.dims[0];
  float* dx = call.Out(0);
  const float* dy = call.In(1);
  const float* y = call.In(2);
  const float slope_value = static_cast<float>(call.scalars[1]);
  return WithActivation(static_cast<int>(call.scalars[0]), [&](auto activation) EVK_LAMBDA {
    constexpr int kActivation = decltype(activation)::value;
    call.parallel.For((count + kActivationBackwardChunk - 1) / kActivationBackwardChunk, [=](int64_t chunk, int) HWY_ATTR {
      const hn::ScalableTag<float> d;
      const auto slope = hn::Set(d, slope_value);
      const int64_t begin = chunk * kActivationBackwardChunk;
      const int64_t end = HWY_MIN(begin + kActivationBackwardChunk, count);
      ForEachVector(d, begin, end, [&](int64_t i, auto access) EVK_LAMBDA {
        const auto gradient = access.Load(d, dy + i);
        access.Store(ActivationBackward<kActivation>(d, gradient, access.Load(d, y + i), slope), d, dx + i);
      });
    });
    return Status::kOk;
  });
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
    Read("y", Dim<0>),
};
}  // namespace
extern const KernelEntry kActivationBackward;
const KernelEntry kActivationBackward = {"activationBackward", kOperands, 3, 1, 2, nullptr, {EVK_TARGETS(ActivationBackward)}};
}  // namespace evenkeel
#endif

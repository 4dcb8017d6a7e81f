// activationForward: y = activation(x)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/activation_forward.cc"
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

// 64 KiB of output, or some 10 µs of exp: below it a second thread costs more than it brings.
constexpr int64_t kActivationForwardChunk = 16384;

Status ActivationForward(Call& call) {
  const int64_t count = call.dims[0];
  float* y = call.Out(0);
  const float* x = call.In(1);
  const float slope_value = static_cast<float>(call.scalars[1]);
  return WithActivation(static_cast<int>(call.scalars[0]), [&](auto activation) EVK_LAMBDA {
    constexpr int kActivation = decltype(activation)::value;
    call.parallel.For((count + kActivationForwardChunk - 1) / kActivationForwardChunk, [=](int64_t chunk, int) HWY_ATTR {
      const hn::ScalableTag<float> d;
      const auto slope = hn::Set(d, slope_value);
      const int64_t begin = chunk * kActivationForwardChunk;
      const int64_t end = HWY_MIN(begin + kActivationForwardChunk, count);
      ForEachVector(d, begin, end, [&](int64_t i, auto access) EVK_LAMBDA {
        access.Store(Activate<kActivation>(d, access.Load(d, x + i), slope), d, y + i);
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
    Write("y", Dim<0>),
    Read("x", Dim<0>),
};
}  // namespace
extern const KernelEntry kActivationForward;
const KernelEntry kActivationForward = {"activationForward", kOperands, 2, 1, 2, nullptr, {EVK_TARGETS(ActivationForward)}};
}  // namespace evenkeel
#endif

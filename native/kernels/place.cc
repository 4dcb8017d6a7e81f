// place: the middle of out[outer, before + length + after] = x[outer, length]; what lies around it stays
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/place.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/simd/copy-rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

Status Place(Call& call) {
  const int64_t before = call.dims[1];
  const int64_t length = call.dims[2];
  const int64_t stride = before + length + call.dims[3];
  float* out = call.Out(0);
  const float* x = call.In(1);
  CopyEachRow(call.parallel, call.dims[0], length, [=](int64_t row, const float*& from, float*& to) EVK_LAMBDA {
    from = x + row * length;
    to = out + row * stride + before;
  });
  return Status::kOk;
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evenkeel {
namespace {
int64_t Whole(const int64_t* dims, const double*) { return dims[0] * (dims[1] + dims[2] + dims[3]); }
constexpr Operand kOperands[] = {
    Update("out", Whole),
    Read("x", Dim<0, 2>),
};
}  // namespace
extern const KernelEntry kPlace;
const KernelEntry kPlace = {"place", kOperands, 2, 4, 0, nullptr, {EVK_TARGETS(Place)}};
}  // namespace evenkeel
#endif

// layerNormBackward: by row, dx = invStd · ((g − a) − x̂ · b), g = dy · gamma, a = Σ g / columns, b = Σ g · x̂ / columns.
// The sums in float64 over 16 fixed lanes: the same bits everywhere.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/layer_norm_backward.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/simd/layer_norm-inl.h"
#include "native/simd/partial-inl.h"
#include "native/simd/sum-lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// dy · gamma as float64; `gamma` null: ones.
template <class D, class Access>
HWY_INLINE hn::Vec<D> WideGradient(D d, const float* dy, const float* gamma, int64_t i, Access access) {
  const auto wide = LoadWide(d, dy + i, access);
  return gamma ? hn::Mul(wide, LoadWide(d, gamma + i, access)) : wide;
}

void BackwardRow(float* dx, const float* dy, const float* x, const float* gamma, int64_t columns, float mean, float mean_low, float inv_std) {
  const double count = static_cast<double>(columns);
  const double center = static_cast<double>(mean) + static_cast<double>(mean_low);
  const double sum = SumOverLanes(columns, [=](auto d, int64_t i, auto access) EVK_LAMBDA { return WideGradient(d, dy, gamma, i, access); });
  const double products = SumOverLanes(columns, [=](auto d, int64_t i, auto access) EVK_LAMBDA {
    return hn::Mul(WideGradient(d, dy, gamma, i, access), hn::Sub(LoadWide(d, x + i, access), hn::Set(d, center)));
  });
  const hn::ScalableTag<float> d;
  const LayerNormRow<decltype(d)> row(d, mean, mean_low, inv_std);
  const auto a = hn::Set(d, static_cast<float>(sum / count));
  const auto b = hn::Set(d, static_cast<float>(products * static_cast<double>(inv_std) / count));
  ForEachVector(d, 0, columns, [&](int64_t i, auto access) EVK_LAMBDA {
    auto g = access.Load(d, dy + i);
    if (gamma) g = hn::Mul(g, access.Load(d, gamma + i));
    const auto normalized = row.Normalize(access.Load(d, x + i));
    access.Store(hn::Mul(row.inv_std, hn::Sub(hn::Sub(g, a), hn::Mul(normalized, b))), d, dx + i);
  });
}

Status LayerNormBackward(Call& call) {
  const int64_t rows = call.dims[0];
  const int64_t columns = call.dims[1];
  float* dx = call.Out(0);
  const float* dy = call.In(1);
  const float* x = call.In(2);
  const float* mean = call.In(3);
  const float* mean_low = call.In(4);
  const float* inv_std = call.In(5);
  const float* gamma = call.In(6);
  const int64_t together = LayerNormRows(columns);
  call.parallel.For((rows + together - 1) / together, [=](int64_t chunk, int) HWY_ATTR {
    for (int64_t row = chunk * together; row < HWY_MIN((chunk + 1) * together, rows); ++row) {
      const int64_t start = row * columns;
      BackwardRow(dx + start, dy + start, x + start, gamma, columns, mean[row], mean_low[row], inv_std[row]);
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
    Write("dx", Dim<0, 1>), Read("dy", Dim<0, 1>), Read("x", Dim<0, 1>),           Read("mean", Dim<0>),
    Read("meanLow", Dim<0>), Read("invStd", Dim<0>), OptionalRead("gamma", Dim<1>),
};
}  // namespace
extern const KernelEntry kLayerNormBackward;
const KernelEntry kLayerNormBackward = {"layerNormBackward", kOperands, 7, 2, 0, nullptr, {EVK_TARGETS(LayerNormBackward)}};
}  // namespace evenkeel
#endif

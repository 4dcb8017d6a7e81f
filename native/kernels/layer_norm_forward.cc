// layerNormForward: by row, y = x̂ · gamma + beta, x̂ = ((x − mean) − meanLow) · invStd, invStd = 1/√(variance + epsilon).
// Mean and variance in float64 over 16 fixed lanes: the same bits everywhere.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/layer_norm_forward.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <cmath>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/simd/layer_norm-inl.h"
#include "native/simd/partial-inl.h"
#include "native/simd/sum-lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Into [0] the mean, [1] its rest, [2] 1/√(variance + epsilon). The variance is taken about the float32 next to the
// mean and corrected: lanes that memory does not fill are that float32, and add nothing.
void RowStatistics(const float* x, int64_t columns, double epsilon, float* statistics) {
  const double count = static_cast<double>(columns);
  const double mean = SumOverLanes(columns, [=](auto d, int64_t i, auto access) EVK_LAMBDA { return LoadWide(d, x + i, access); }) / count;
  const float near = static_cast<float>(mean);
  const double squares = SumOverLanes(columns, [=](auto d, int64_t i, auto access) EVK_LAMBDA {
    const hn::Rebind<float, decltype(d)> narrow;
    const auto wide = hn::PromoteTo(d, access.LoadOr(narrow, x + i, hn::Set(narrow, near)));
    const auto difference = hn::Sub(wide, hn::Set(d, static_cast<double>(near)));
    return hn::Mul(difference, difference);
  });
  const double rest = mean - static_cast<double>(near);
  const double variance = squares / count - rest * rest;
  statistics[0] = near;
  statistics[1] = static_cast<float>(rest);
  // Not (variance < 0): NaN stays.
  statistics[2] = static_cast<float>(1.0 / std::sqrt((variance <= 0 ? 0.0 : variance) + epsilon));
}

void NormalizeRow(float* y, const float* x, int64_t columns, const float* statistics, const float* gamma, const float* beta) {
  const hn::ScalableTag<float> d;
  const LayerNormRow<decltype(d)> row(d, statistics[0], statistics[1], statistics[2]);
  ForEachVector(d, 0, columns, [&](int64_t i, auto access) EVK_LAMBDA {
    auto value = row.Normalize(access.Load(d, x + i));
    if (gamma) value = hn::Mul(value, access.Load(d, gamma + i));
    if (beta) value = hn::Add(value, access.Load(d, beta + i));
    access.Store(value, d, y + i);
  });
}

Status LayerNormForward(Call& call) {
  const int64_t rows = call.dims[0];
  const int64_t columns = call.dims[1];
  const double epsilon = call.scalars[0];
  float* y = call.Out(0);
  float* mean = call.Out(1);
  float* mean_low = call.Out(2);
  float* inv_std = call.Out(3);
  const float* x = call.In(4);
  const float* gamma = call.In(5);
  const float* beta = call.In(6);
  const int64_t together = LayerNormRows(columns);
  call.parallel.For((rows + together - 1) / together, [=](int64_t chunk, int) HWY_ATTR {
    for (int64_t row = chunk * together; row < HWY_MIN((chunk + 1) * together, rows); ++row) {
      float statistics[3];
      RowStatistics(x + row * columns, columns, epsilon, statistics);
      NormalizeRow(y + row * columns, x + row * columns, columns, statistics, gamma, beta);
      mean[row] = statistics[0];
      mean_low[row] = statistics[1];
      inv_std[row] = statistics[2];
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
    Write("y", Dim<0, 1>),   Write("mean", Dim<0>),        Write("meanLow", Dim<0>),     Write("invStd", Dim<0>),
    Read("x", Dim<0, 1>),    OptionalRead("gamma", Dim<1>), OptionalRead("beta", Dim<1>),
};
}  // namespace
extern const KernelEntry kLayerNormForward;
const KernelEntry kLayerNormForward = {"layerNormForward", kOperands, 7, 2, 1, nullptr, {EVK_TARGETS(LayerNormForward)}};
}  // namespace evenkeel
#endif

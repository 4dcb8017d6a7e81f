// layerNormBackwardReduce: dGamma[c] = Σ_r dy · x̂, dBeta[c] = Σ_r dy. Float64: within groups of 512 rows one chain a
// column, then the groups in order. Nothing depends on the width of a vector: the same bits everywhere.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/layer_norm_backward_reduce.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/simd/partial-inl.h"
#include "native/simd/sum-lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int64_t kGroupRows = 512;
// Two totals of a stripe are 4 KiB of L1; 1 KiB of a row is enough of a stream for the prefetcher.
constexpr int64_t kStripeColumns = 256;
inline int64_t RowGroups(int64_t rows) { return rows <= kGroupRows ? 1 : (rows + kGroupRows - 1) / kGroupRows; }

struct Stripe {
  const float* dy;
  const float* x;
  int64_t columns, width;
  double* gamma;
  double* beta;
};

// Adds kRows rows from `row` on, one after the other; centers and inv_stds are theirs.
template <int kRows>
HWY_INLINE void AddRows(const Stripe& stripe, int64_t row, const double* centers, const double* inv_stds) {
  const hn::ScalableTag<double> d;
  ForEachVector(d, 0, stripe.width, [&](int64_t i, auto access) EVK_LAMBDA {
    auto gamma = access.Load(d, stripe.gamma + i);
    auto beta = access.Load(d, stripe.beta + i);
    _Pragma("GCC unroll 8") for (int k = 0; k < kRows; ++k) {
      const int64_t at = (row + k) * stripe.columns + i;
      const auto dy = LoadWide(d, stripe.dy + at, access);
      const auto normalized = hn::Mul(hn::Sub(LoadWide(d, stripe.x + at, access), hn::Set(d, centers[k])), hn::Set(d, inv_stds[k]));
      gamma = hn::Add(gamma, hn::Mul(dy, normalized));
      beta = hn::Add(beta, dy);
    }
    access.Store(gamma, d, stripe.gamma + i);
    access.Store(beta, d, stripe.beta + i);
  });
}

void AddGroup(const Stripe& stripe, int64_t first, int64_t end, const float* mean, const float* mean_low, const float* inv_std) {
  for (int64_t c = 0; c < stripe.width; ++c) stripe.gamma[c] = stripe.beta[c] = 0;
  for (int64_t row = first; row < end;) {
    // Four rows a pass: the totals in L1 are then loaded and stored once for four rows.
    const int64_t count = end - row >= 4 ? 4 : 1;
    double centers[4], inv_stds[4];
    for (int64_t k = 0; k < count; ++k) {
      centers[k] = static_cast<double>(mean[row + k]) + static_cast<double>(mean_low[row + k]);
      inv_stds[k] = static_cast<double>(inv_std[row + k]);
    }
    if (count == 4) AddRows<4>(stripe, row, centers, inv_stds);
    else AddRows<1>(stripe, row, centers, inv_stds);
    row += count;
  }
}

Status LayerNormBackwardReduce(Call& call) {
  const int64_t rows = call.dims[0];
  const int64_t columns = call.dims[1];
  const int64_t groups = RowGroups(rows);
  const int64_t stripes = (columns + kStripeColumns - 1) / kStripeColumns;
  const float* dy = call.In(2);
  const float* x = call.In(3);
  const float* mean = call.In(4);
  const float* mean_low = call.In(5);
  const float* inv_std = call.In(6);
  double* gamma = static_cast<double*>(call.workspace);
  double* beta = gamma + groups * columns;
  call.parallel.For(groups * stripes, [=](int64_t chunk, int) HWY_ATTR {
    const int64_t group = chunk / stripes;
    const int64_t column = chunk % stripes * kStripeColumns;
    const int64_t total = group * columns + column;
    const Stripe stripe = {dy + column, x + column, columns, HWY_MIN(kStripeColumns, columns - column), gamma + total, beta + total};
    AddGroup(stripe, group * kGroupRows, HWY_MIN((group + 1) * kGroupRows, rows), mean, mean_low, inv_std);
  });
  for (int64_t group = 1; group < groups; ++group) {
    for (int64_t c = 0; c < columns; ++c) {
      gamma[c] += gamma[group * columns + c];
      beta[c] += beta[group * columns + c];
    }
  }
  float* d_gamma = call.Out(0);
  float* d_beta = call.Out(1);
  for (int64_t c = 0; c < columns; ++c) {
    d_gamma[c] = static_cast<float>(gamma[c]);
    d_beta[c] = static_cast<float>(beta[c]);
  }
  return Status::kOk;
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evenkeel {
namespace {
constexpr Operand kOperands[] = {
    Write("dGamma", Dim<1>), Write("dBeta", Dim<1>),  Read("dy", Dim<0, 1>),  Read("x", Dim<0, 1>),
    Read("mean", Dim<0>),    Read("meanLow", Dim<0>), Read("invStd", Dim<0>),
};
size_t Workspace(const int64_t* dims, const double*, int) {
  return static_cast<size_t>(2 * HWY_NAMESPACE::RowGroups(dims[0]) * dims[1]) * sizeof(double);
}
}  // namespace
extern const KernelEntry kLayerNormBackwardReduce;
const KernelEntry kLayerNormBackwardReduce = {"layerNormBackwardReduce", kOperands, 7, 2, 0, Workspace,
                                              {EVK_TARGETS(LayerNormBackwardReduce)}};
}  // namespace evenkeel
#endif

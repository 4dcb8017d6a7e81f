// sumRows: out[c] = Σ_r x[r, c], the gradient of a bias. Float32 sums within blocks of 64 rows, float64 across blocks
// in order, and across groups of 8 blocks in order. Nothing depends on the width of a vector: the same bits everywhere.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/sum_rows.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int64_t kBlockRows = 64;
constexpr int64_t kGroupRows = 512;
// Sums and totals of a stripe are 3 KiB of L1; 1 KiB of a row is enough of a stream for the prefetcher.
constexpr int64_t kStripeColumns = 256;
// One even for no rows: its totals are zeros.
inline int64_t RowGroups(int64_t rows) { return rows <= kGroupRows ? 1 : (rows + kGroupRows - 1) / kGroupRows; }

// out[c] += the sum of the next kRows rows, one after the other.
template <int kRows>
HWY_INLINE void AddRows(const float* x, int64_t columns, int64_t width, float* HWY_RESTRICT out) {
  const hn::ScalableTag<float> d;
  ForEachVector(d, 0, width, [&](int64_t i, auto access) EVK_LAMBDA {
    auto sum = access.Load(d, out + i);
    _Pragma("GCC unroll 8") for (int row = 0; row < kRows; ++row)
      sum = hn::Add(sum, access.Load(d, x + row * columns + i));
    access.Store(sum, d, out + i);
  });
}

// totals[c] = Σ of `rows` rows, at most kGroupRows, of a stripe of `width` columns.
void SumGroup(const float* x, int64_t rows, int64_t columns, int64_t width, double* HWY_RESTRICT totals) {
  HWY_ALIGN float sums[kStripeColumns];
  for (int64_t c = 0; c < width; ++c) totals[c] = 0;
  for (int64_t first = 0; first < rows; first += kBlockRows) {
    for (int64_t c = 0; c < width; ++c) sums[c] = 0;
    const int64_t end = HWY_MIN(first + kBlockRows, rows);
    int64_t row = first;
    // Four rows a pass: the sums in L1 are then loaded and stored once for four loads of x.
    for (; row + 4 <= end; row += 4) AddRows<4>(x + row * columns, columns, width, sums);
    for (; row < end; ++row) AddRows<1>(x + row * columns, columns, width, sums);
    for (int64_t c = 0; c < width; ++c) totals[c] += static_cast<double>(sums[c]);
  }
}

Status SumRows(Call& call) {
  const int64_t rows = call.dims[0];
  const int64_t columns = call.dims[1];
  const int64_t groups = RowGroups(rows);
  const int64_t stripes = (columns + kStripeColumns - 1) / kStripeColumns;
  const float* x = call.In(1);
  double* totals = static_cast<double*>(call.workspace);
  call.parallel.For(groups * stripes, [=](int64_t chunk, int) HWY_ATTR {
    const int64_t group = chunk / stripes;
    const int64_t column = chunk % stripes * kStripeColumns;
    const int64_t first = group * kGroupRows;
    SumGroup(x + first * columns + column, HWY_MIN(kGroupRows, rows - first), columns,
             HWY_MIN(kStripeColumns, columns - column), totals + group * columns + column);
  });
  for (int64_t group = 1; group < groups; ++group)
    for (int64_t c = 0; c < columns; ++c) totals[c] += totals[group * columns + c];
  float* out = call.Out(0);
  for (int64_t c = 0; c < columns; ++c) out[c] = static_cast<float>(totals[c]);
  return Status::kOk;
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evenkeel {
namespace {
constexpr Operand kOperands[] = {
    Write("out", Dim<1>),
    Read("x", Dim<0, 1>),
};
size_t SumRowsWorkspace(const int64_t* dims, const double*, int) {
  return static_cast<size_t>(HWY_NAMESPACE::RowGroups(dims[0]) * dims[1]) * sizeof(double);
}
}  // namespace
extern const KernelEntry kSumRows;
const KernelEntry kSumRows = {"sumRows", kOperands, 2, 2, 0, SumRowsWorkspace, {EVK_TARGETS(SumRows)}};
}  // namespace evenkeel
#endif

#include "native/kernels/matmul_plan.h"

#include <algorithm>

namespace evenkeel {
namespace {

// Shared packings stay below 4 MiB.
constexpr int64_t kSharedFloats = int64_t{1} << 20;
// An operand this small is read from L2 at any stride.
constexpr int64_t kDirectFloats = 16384;

// x·Wᵀ: either operand must be transposed into lanes. The smaller one costs less; and weights are then read where they
// stand, once. With many rows packing the weights is nothing, and no result needs transposing.
bool Swapped(int64_t m, int64_t n, int64_t k, bool transpose_a, int layout_b) {
  constexpr int64_t kMostLanes = 192;
  return layout_b == 1 && !transpose_a && m < n && m <= kMostLanes && RoundUp(m, kWidestPanel) * k <= kSharedFloats;
}

LaneSource ChooseLanes(int64_t rows, int64_t lanes, int64_t depth, int layout_b) {
  constexpr int64_t kFewRows = 12;    // two tiles: packing would cost as much as computing
  constexpr int64_t kShallow = 16;    // a panel is a few cache lines
  constexpr int64_t kFewLanes = 128;  // chunks are blocks of rows
  if (layout_b == 2) return LaneSource::kGiven;
  if (layout_b == 0 && (rows <= kFewRows || depth <= kShallow || lanes * depth <= kDirectFloats)) return LaneSource::kDirect;
  return lanes <= kFewLanes ? LaneSource::kShared : LaneSource::kPrivate;
}

}  // namespace

MatmulPlan PlanMatmul(int64_t m, int64_t n, int64_t k, bool transpose_a, int layout_b) {
  MatmulPlan plan = {};
  plan.swapped = Swapped(m, n, k, transpose_a, layout_b);
  plan.rows = plan.swapped ? n : m;
  plan.lanes = plan.swapped ? m : n;
  plan.depth = k;
  plan.lane_source = plan.swapped ? LaneSource::kShared : ChooseLanes(m, n, k, layout_b);
  plan.row_source = !transpose_a ? RowSource::kRows : m * k <= kDirectFloats ? RowSource::kColumns : RowSource::kPacked;
  const int64_t padded_lanes = RoundUp(plan.lanes, kWidestPanel);
  const int64_t shared_each =
      (plan.lane_source == LaneSource::kShared ? padded_lanes : 0) + (plan.row_source == RowSource::kPacked ? plan.rows : 0);
  plan.block = DepthOfBlocks(k);
  plan.slab = k;
  if (shared_each > 0 && !plan.swapped) {
    plan.slab = std::min(k, std::max(int64_t{1}, kSharedFloats / (shared_each * kDepthBlock)) * plan.block);
  }
  if (plan.lane_source == LaneSource::kShared) plan.shared_lanes = static_cast<size_t>(RoundUp(padded_lanes * plan.slab, 16));
  if (plan.row_source == RowSource::kPacked) plan.shared_rows = static_cast<size_t>(RoundUp(plan.rows * plan.slab, 16));
  if (plan.lane_source == LaneSource::kPrivate) {
    plan.private_lanes = static_cast<size_t>(plan.block * std::min(padded_lanes, kLaneBlock + kWidestPanel));
  }
  if (plan.lane_source == LaneSource::kDirect) plan.private_lanes = static_cast<size_t>(plan.block * kWidestPanel);
  plan.private_rows = static_cast<size_t>(RoundUp(plan.block * kTallestTile, 16));
  if (plan.swapped) plan.private_out = static_cast<size_t>(kSwappedRows * padded_lanes);
  return plan;
}

namespace {

// Multiply-adds from which a product keeps all threads busy by itself (about 100 µs).
constexpr int64_t kLargeProduct = int64_t{1} << 22;

bool Lacks(double lacking, int dim) { return ((static_cast<int>(lacking) >> dim) & 1) != 0; }

void SetStrides(const int64_t* dims, double lacking, int64_t elements, int64_t* strides) {
  for (int i = kBatchDims - 1; i >= 0; --i) {
    strides[i] = Lacks(lacking, i) ? 0 : elements;
    elements *= Lacks(lacking, i) ? 1 : dims[i];
  }
}

}  // namespace

int64_t BatchesOf(const int64_t* dims, double lacking) {
  int64_t count = 1;
  for (int i = 0; i < kBatchDims; ++i) count *= Lacks(lacking, i) ? 1 : dims[i];
  return count;
}

int64_t BatchMatmulPlan::OffsetOf(int64_t index, const int64_t* strides) const {
  int64_t offset = 0;
  for (int i = kBatchDims - 1; i >= 0; --i) {
    offset += index % sizes[i] * strides[i];
    index /= sizes[i];
  }
  return offset;
}

size_t BatchMatmulPlan::FloatsFor(int threads) const {
  const size_t floats = plan.shared_lanes + plan.shared_rows + plan.PrivateFloats() * static_cast<size_t>(threads);
  return (floats + 15) / 16 * 16;
}

BatchMatmulPlan PlanBatchMatmul(const int64_t* dims, const double* scalars) {
  BatchMatmulPlan batch = {};
  batch.m = dims[kBatchDims];
  batch.n = dims[kBatchDims + 1];
  const int64_t k = dims[kBatchDims + 2];
  batch.layout_b = scalars[1] != 0 ? 1 : 0;
  batch.plan = PlanMatmul(batch.m, batch.n, k, scalars[0] != 0, batch.layout_b);
  batch.count = dims[0] * dims[1] * dims[2];
  std::copy(dims, dims + kBatchDims, batch.sizes);
  SetStrides(dims, scalars[2], batch.m * k, batch.a_strides);
  SetStrides(dims, scalars[3], batch.n * k, batch.b_strides);
  const int64_t work = std::max(int64_t{1}, batch.m * batch.n * std::max(int64_t{1}, k));
  batch.together = batch.count == 1 || work >= kLargeProduct ? 0 : std::max(int64_t{1}, kSmallWork / work);
  return batch;
}

}  // namespace evenkeel

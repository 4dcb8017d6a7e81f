// How a matrix product is cut: the same for every instruction set and thread count, so that the workspace rule and the
// kernel agree. `out` is [rows, lanes], or its transpose where the roles are swapped.
#ifndef EVENKEEL_KERNELS_MATMUL_PLAN_H_
#define EVENKEEL_KERNELS_MATMUL_PLAN_H_

#include <cstddef>
#include <cstdint>

namespace evenkeel {

// The most steps of k that one tile runs: a panel of 16 lanes is then 25 KiB of L1. From 256 to 512 the figures lie
// within 5 percent of each other; longer blocks take up and put down the sums less often, shorter ones spare L1.
constexpr int64_t kDepthBlock = 400;
// Lanes that one chunk packs for itself: with kDepthBlock 200 KiB of L2.
constexpr int64_t kLaneBlock = 128;
// The widest panel and the tallest tile of any instruction set.
constexpr int64_t kWidestPanel = 32;
constexpr int64_t kTallestTile = 12;
// lib/kernels/table.ts rounds packed operands up to it.
constexpr int64_t kPackedPanel = 64;
// Columns that one chunk of a swapped product computes before it transposes them into place.
constexpr int64_t kSwappedRows = 48;
// Rows that share one packing of a lane block: it costs them less than one percent.
constexpr int64_t kRowBlock = 1024;
// Multiply-adds below which a second thread costs more than it brings (about 10 µs).
constexpr int64_t kSmallWork = int64_t{1} << 19;

enum class LaneSource {
  kGiven,    // packed ahead by matmulPack
  kDirect,   // read where it stands
  kShared,   // packed once, for all chunks
  kPrivate,  // packed by each chunk, for itself
};
enum class RowSource {
  kRows,     // read where it stands, k contiguous
  kColumns,  // read where it stands, rows contiguous
  kPacked,   // packed once, for all chunks
};

struct MatmulPlan {
  bool swapped;  // a has the lanes, b the rows
  LaneSource lane_source;
  RowSource row_source;
  int64_t rows;
  int64_t lanes;
  int64_t depth;
  int64_t block;  // steps of k that one tile runs
  int64_t slab;   // steps of k between two packings of what is shared; a multiple of block, or all
  // Floats.
  size_t shared_lanes;
  size_t shared_rows;
  size_t private_lanes;
  size_t private_rows;
  size_t private_out;

  size_t PrivateFloats() const { return private_lanes + private_rows + private_out; }
};

constexpr int64_t RoundUp(int64_t value, int64_t unit) { return (value + unit - 1) / unit * unit; }

// Blocks of equal depth: a last one of few steps would cost more than it computes.
constexpr int64_t DepthOfBlocks(int64_t k) {
  const int64_t blocks = (k + kDepthBlock - 1) / kDepthBlock;
  return blocks <= 1 ? k : RoundUp((k + blocks - 1) / blocks, 8);
}

MatmulPlan PlanMatmul(int64_t m, int64_t n, int64_t k, bool transpose_a, int layout_b);

// Batches of an operand that lacks the dimensions whose bits are set.
constexpr int kBatchDims = 3;
int64_t BatchesOf(const int64_t* dims, double lacking);

// Many products of one size.
struct BatchMatmulPlan {
  MatmulPlan plan;
  int64_t count, m, n;
  int layout_b;
  int64_t together;  // products that one chunk computes; 0: one after the other, each on all threads
  // By batch dimension.
  int64_t sizes[kBatchDims];
  int64_t a_strides[kBatchDims];
  int64_t b_strides[kBatchDims];

  int64_t OffsetOf(int64_t index, const int64_t* strides) const;
  size_t FloatsFor(int threads) const;
};

// dims: three of the batch, m, n, k; scalars: transposeA, transposeB, lackingA, lackingB.
BatchMatmulPlan PlanBatchMatmul(const int64_t* dims, const double* scalars);

}  // namespace evenkeel

#endif  // EVENKEEL_KERNELS_MATMUL_PLAN_H_

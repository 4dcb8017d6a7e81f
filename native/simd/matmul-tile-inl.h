// The register tile of a matrix product: rows of one operand, broadcast, times lanes of the other.
//
// Every element of the result is one chain of MulAdd over k, started at +0 or resumed from what the tile before
// stored. So its bits depend neither on the shape of the tile nor on where k is cut nor on which operand has the lanes.
#if defined(EVENKEEL_SIMD_MATMUL_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EVENKEEL_SIMD_MATMUL_TILE_INL_H_
#undef EVENKEEL_SIMD_MATMUL_TILE_INL_H_
#else
#define EVENKEEL_SIMD_MATMUL_TILE_INL_H_
#endif

#include <cstdint>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using LanesTag = hn::ScalableTag<float>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(LanesTag()));
// Two vectors a panel and as many rows as registers allow: rows · 2 accumulators, two vectors, one broadcast. On 16
// registers 6 × 2 leaves none idle (and hides 2 FMA a cycle × 4 cycles of latency), on 32 it is 12 × 2.
constexpr int kPanelVectors = 2;
constexpr int kPanel = kPanelVectors * kLanes;
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM
constexpr int kRegisters = 32;
#else
constexpr int kRegisters = 16;
#endif
// Without FMA the product needs a register of its own.
constexpr int kTileRows = (kRegisters - kPanelVectors - 2) / kPanelVectors / 6 * 6;
static_assert(kTileRows >= 6, "the loops below count on it");

struct Tile {
  const float* rows;      // element (row, k) at row · row_stride + k, or, by columns, at k · row_stride + row
  int64_t row_stride;
  const float* lanes;     // vector v of step k at (v / 2) · panel_stride + k · lane_stride + (v % 2) · kLanes
  int64_t lane_stride;
  int64_t panel_stride;
  int64_t depth;          // steps of k
  float* out;             // row-major, whole vectors
  int64_t out_stride;
  bool resume;            // go on from what is in out
};

template <int kRows, int kVectors, bool kByColumns>
HWY_NOINLINE void ComputeTile(const Tile& tile) {
  const LanesTag d;
  // Copies: the compiler must assume that a store to out changes the struct.
  float* out = tile.out;
  const int64_t out_stride = tile.out_stride;
  const bool resume = tile.resume;
  hn::Vec<LanesTag> sum[kRows][kVectors];
  _Pragma("GCC unroll 16") for (int r = 0; r < kRows; ++r) {
    _Pragma("GCC unroll 16") for (int v = 0; v < kVectors; ++v) {
      sum[r][v] = resume ? hn::LoadU(d, out + r * out_stride + v * kLanes) : hn::Zero(d);
    }
  }
  const float* HWY_RESTRICT lanes = tile.lanes;
  const float* HWY_RESTRICT rows = tile.rows;
  const int64_t row_stride = tile.row_stride;
  const int64_t lane_stride = tile.lane_stride;
  const int64_t panel_stride = tile.panel_stride;
  for (int64_t k = tile.depth; k > 0; --k) {
    hn::Vec<LanesTag> lane[kVectors];
    _Pragma("GCC unroll 16") for (int v = 0; v < kVectors; ++v) {
      lane[v] = hn::LoadU(d, lanes + (v / kPanelVectors) * panel_stride + (v % kPanelVectors) * kLanes);
    }
    _Pragma("GCC unroll 16") for (int r = 0; r < kRows; ++r) {
      const auto row = hn::Set(d, kByColumns ? rows[r] : rows[r * row_stride]);
      _Pragma("GCC unroll 16") for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::MulAdd(row, lane[v], sum[r][v]);
    }
    lanes += lane_stride;
    rows += kByColumns ? row_stride : 1;
  }
  _Pragma("GCC unroll 16") for (int r = 0; r < kRows; ++r) {
    _Pragma("GCC unroll 16") for (int v = 0; v < kVectors; ++v) {
      hn::StoreU(sum[r][v], d, out + r * out_stride + v * kLanes);
    }
  }
}

template <int kVectors, bool kByColumns, int kRows = kTileRows>
HWY_INLINE void ComputeRows(const Tile& tile, int64_t rows) {
  if constexpr (kRows > 0) {
    if (rows == kRows) return ComputeTile<kRows, kVectors, kByColumns>(tile);
    return ComputeRows<kVectors, kByColumns, kRows - 1>(tile, rows);
  }
}

// rows: 1 … kTileRows. vectors: 1 or 2; or, to give few rows chains enough, 4 with two rows and 8 with one.
template <bool kByColumns>
HWY_INLINE void ComputeTile(const Tile& tile, int64_t rows, int64_t vectors) {
  if (vectors == 2) return ComputeRows<2, kByColumns>(tile, rows);
  if (vectors == 1) return ComputeRows<1, kByColumns>(tile, rows);
  if (vectors == 4) return ComputeTile<2, 4, kByColumns>(tile);
  ComputeTile<1, 8, kByColumns>(tile);
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#endif

// Puts the operands of a matrix product into the order in which register tiles read them.
//
// Lanes: panel after panel, each [k, kPanel]. Rows: tile after tile, each [k, rows of the tile]. What a panel lacks at
// the edge is zero; those lanes are computed and never stored.
#if defined(EVENKEEL_SIMD_MATMUL_PACK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EVENKEEL_SIMD_MATMUL_PACK_INL_H_
#undef EVENKEEL_SIMD_MATMUL_PACK_INL_H_
#else
#define EVENKEEL_SIMD_MATMUL_PACK_INL_H_
#endif

#include <cstdint>
#include <cstring>

#include <hwy/highway.h>

#include "native/simd/matmul-tile-inl.h"
#include "native/simd/transpose-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// One panel from a matrix [k, lanes]: `width` neighbouring columns of each of its rows.
inline void PackPanelOfColumns(const float* from, int64_t stride, int64_t width, int64_t depth, float* panel) {
  const LanesTag d;
  if (width == kPanel) {
    for (int64_t k = 0; k < depth; ++k, from += stride, panel += kPanel) {
      _Pragma("GCC unroll 16") for (int v = 0; v < kPanelVectors; ++v) {
        hn::StoreU(hn::LoadU(d, from + v * kLanes), d, panel + v * kLanes);
      }
    }
    return;
  }
  for (int64_t k = 0; k < depth; ++k, from += stride, panel += kPanel) {
    for (int64_t c = 0; c < kPanel; ++c) panel[c] = c < width ? from[c] : 0.0f;
  }
}

// One panel from a matrix [lanes, k]: `width` of its rows, transposed. scale, if any: one factor for each k.
inline void PackPanelOfRows(const float* from, int64_t stride, int64_t width, int64_t depth, const float* scale,
                            float* panel) {
  const LanesTag d;
  for (int64_t first = 0; first < kPanel; first += kLanes) {
    float* to = panel + first;
    int64_t k = 0;
    if (first + kLanes <= width) {
      const float* rows = from + first * stride;
      for (; k + kTransposeColumns <= depth; k += kTransposeColumns) {
        hn::Vec<LanesTag> column[kTransposeColumns];
        TransposeColumns(d, rows + k, stride, column);
        _Pragma("GCC unroll 4") for (int64_t c = 0; c < kTransposeColumns; ++c) {
          if (scale) column[c] = hn::Mul(column[c], hn::Set(d, scale[k + c]));
          hn::StoreU(column[c], d, to + (k + c) * kPanel);
        }
      }
    }
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      const float* row = from + (first + lane) * stride;
      const bool present = first + lane < width;
      for (int64_t i = k; i < depth; ++i) {
        to[i * kPanel + lane] = !present ? 0.0f : scale ? row[i] * scale[i] : row[i];
      }
    }
  }
}

// One tile from a matrix [k, rows]: `rows` neighbouring columns of each of its rows, times scale[k].
template <int kRows>
HWY_INLINE void PackTileOfColumns(const float* from, int64_t stride, int64_t rows, int64_t depth, const float* scale,
                                  float* tile) {
  const int64_t count = kRows > 0 ? kRows : rows;
  for (int64_t k = 0; k < depth; ++k, from += stride, tile += count) {
    if (scale) {
      for (int64_t r = 0; r < count; ++r) tile[r] = from[r] * scale[k];
    } else {
      for (int64_t r = 0; r < count; ++r) tile[r] = from[r];
    }
  }
}

inline void PackTile(const float* from, int64_t stride, int64_t rows, int64_t depth, const float* scale, float* tile) {
  if (rows == kTileRows) return PackTileOfColumns<kTileRows>(from, stride, rows, depth, scale, tile);
  PackTileOfColumns<0>(from, stride, rows, depth, scale, tile);
}

// The rows of a tile of a matrix [rows, k], each times scale[k]; row r goes to to + r · to_stride.
inline void ScaleRows(const float* from, int64_t stride, int64_t rows, int64_t depth, const float* scale, float* to,
                      int64_t to_stride) {
  const LanesTag d;
  for (int64_t r = 0; r < rows; ++r, from += stride, to += to_stride) {
    int64_t k = 0;
    for (; k + kLanes <= depth; k += kLanes) hn::StoreU(hn::Mul(hn::LoadU(d, from + k), hn::LoadU(d, scale + k)), d, to + k);
    for (; k < depth; ++k) to[k] = from[k] * scale[k];
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#endif

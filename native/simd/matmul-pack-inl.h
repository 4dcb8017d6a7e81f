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

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include "native/simd/matmul-tile-inl.h"
#include "native/simd/transpose-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// kPanels whole panels from a matrix [k, lanes].
template <int kPanels>
HWY_INLINE void PackPanelsOfColumns(const float* from, int64_t stride, int64_t depth, float* to) {
  // Rows are often pages apart, which no hardware prefetcher follows.
  constexpr int64_t kAhead = 16;
  const LanesTag d;
  for (int64_t k = 0; k < depth; ++k, from += stride, to += kPanel) {
    if (k + kAhead < depth) {
      _Pragma("GCC unroll 16") for (int c = 0; c < kPanels * kPanel; c += 16) hwy::Prefetch(from + kAhead * stride + c);
    }
    _Pragma("GCC unroll 16") for (int v = 0; v < kPanels * kPanelVectors; ++v) {
      float* panel = to + (v / kPanelVectors) * depth * kPanel;
      hn::StoreU(hn::LoadU(d, from + v * kLanes), d, panel + (v % kPanelVectors) * kLanes);
    }
  }
}

// Panels from a matrix [k, lanes]: `width` neighbouring columns of each of its rows.
inline void PackColumns(const float* from, int64_t stride, int64_t width, int64_t depth, float* to) {
  // Together, so that a row gives whole cache lines; more than four would meet in one set of L1.
  constexpr int kTogether = 4;
  int64_t c = 0;
  for (; c + kTogether * kPanel <= width; c += kTogether * kPanel) {
    PackPanelsOfColumns<kTogether>(from + c, stride, depth, to + c * depth);
  }
  for (; c + kPanel <= width; c += kPanel) PackPanelsOfColumns<1>(from + c, stride, depth, to + c * depth);
  if (c == width) return;
  float* panel = to + c * depth;
  for (int64_t k = 0; k < depth; ++k, from += stride, panel += kPanel) {
    for (int64_t i = 0; i < kPanel; ++i) panel[i] = c + i < width ? from[c + i] : 0.0f;
  }
}

// One panel from a matrix [lanes, k]: `width` of its rows, transposed. scale, if any: one factor for each k.
HWY_INLINE void PackPanelOfRows(const float* from, int64_t stride, int64_t width, int64_t depth, const float* scale,
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

// Panels from a matrix [lanes, k]: `width` of its rows.
inline void PackRows(const float* from, int64_t stride, int64_t width, int64_t depth, const float* scale, float* to) {
  for (int64_t c = 0; c < width; c += kPanel) {
    PackPanelOfRows(from + c * stride, stride, HWY_MIN(kPanel, width - c), depth, scale, to + c * depth);
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

// The rows of a tile of a matrix [rows, k], times scale[k] if any; row r goes to to + r · to_stride.
inline void CopyRows(const float* from, int64_t stride, int64_t rows, int64_t depth, const float* scale, float* to,
                      int64_t to_stride) {
  const LanesTag d;
  for (int64_t r = 0; r < rows; ++r, from += stride, to += to_stride) {
    int64_t k = 0;
    for (; k + kLanes <= depth; k += kLanes) {
      auto x = hn::LoadU(d, from + k);
      if (scale) x = hn::Mul(x, hn::LoadU(d, scale + k));
      hn::StoreU(x, d, to + k);
    }
    for (; k < depth; ++k) to[k] = scale ? from[k] * scale[k] : from[k];
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#endif

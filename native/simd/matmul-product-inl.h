// One matrix product, cut into chunks: packs what its plan says, then runs register tiles and the epilogue.
#if defined(EVENKEEL_SIMD_MATMUL_PRODUCT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EVENKEEL_SIMD_MATMUL_PRODUCT_INL_H_
#undef EVENKEEL_SIMD_MATMUL_PRODUCT_INL_H_
#else
#define EVENKEEL_SIMD_MATMUL_PRODUCT_INL_H_
#endif

#include <cstdint>

#include <hwy/highway.h>

#include "native/kernels/matmul_plan.h"
#include "native/runtime/parallel.h"
#include "native/simd/activation-inl.h"
#include "native/simd/matmul-pack-inl.h"
#include "native/simd/matmul-tile-inl.h"
#include "native/simd/partial-inl.h"
#include "native/simd/transpose-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

struct Product {
  MatmulPlan plan;
  int layout_b;
  float* out;
  const float* a;
  const float* b;
  const float* bias;
  const float* scale;
  const float* a_scale;
  int64_t n;
  int activation;
  float slope;
  float* shared_lanes;
  float* shared_rows;
  float* private_memory;

  const float* Rows() const { return plan.swapped ? b : a; }
  const float* RowScale() const { return plan.swapped ? nullptr : a_scale; }
  int64_t Panels() const { return (plan.lanes + kPanel - 1) / kPanel; }
  int64_t Tiles() const { return (plan.rows + kTileRows - 1) / kTileRows; }
};

struct Span {
  int64_t first;
  int64_t count;
};

// The last two tiles share what is left: a tile of few rows cannot keep the multipliers busy.
inline Span TileAt(const Product& p, int64_t index) {
  const int64_t before = p.Tiles() - 2;
  if (index < before || before < 0) return {index * kTileRows, HWY_MIN(kTileRows, p.plan.rows - index * kTileRows)};
  const int64_t left = p.plan.rows - before * kTileRows;
  const int64_t upper = (left + 1) / 2;
  return index == before ? Span{before * kTileRows, upper} : Span{before * kTileRows + upper, left - upper};
}

inline void PackPanels(const Product& p, Span panels, int64_t k, int64_t depth, float* to) {
  const int64_t first = panels.first * kPanel;
  const int64_t width = HWY_MIN(panels.count * kPanel, p.plan.lanes - first);
  const int64_t stride = p.plan.depth;
  if (p.plan.swapped) {
    PackRows(p.a + first * stride + k, stride, width, depth, p.a_scale ? p.a_scale + k : nullptr, to);
  } else if (p.layout_b == 1) {
    PackRows(p.b + first * stride + k, stride, width, depth, nullptr, to);
  } else {
    PackColumns(p.b + k * p.n + first, p.n, width, depth, to);
  }
}

// One block of k, for one block of panels and tiles.
struct Step {
  int64_t k;
  int64_t depth;
  int64_t slab;  // where the slab of the shared packings begins
  Span panels;
  Span tiles;
  float* out;  // of the block's first tile and of panel 0
  int64_t out_stride;
};

// Where the lanes of a step are; packs them if they are the chunk's own.
inline const float* FindLanes(const Product& p, const Step& s, float* own) {
  const int64_t size = s.depth * kPanel;
  switch (p.plan.lane_source) {
    case LaneSource::kGiven:
      return p.b + s.k * RoundUp(p.n, kPackedPanel) + s.panels.first * size;
    case LaneSource::kShared:
      return p.shared_lanes + (s.k - s.slab) * p.Panels() * kPanel + s.panels.first * size;
    case LaneSource::kDirect:
      // A whole vector at the ragged edge would read beyond the operand.
      if ((s.panels.first + s.panels.count) * kPanel > p.n) PackPanels(p, {p.Panels() - 1, 1}, s.k, s.depth, own);
      return p.b + s.k * p.n + s.panels.first * kPanel;
    default:
      PackPanels(p, s.panels, s.k, s.depth, own);
      return own;
  }
}

// Sets the tile's rows; says whether they stand by columns.
inline bool FindRows(const Product& p, const Step& s, Span rows, float* own, Tile& tile) {
  const float* scale = p.RowScale() ? p.RowScale() + s.k : nullptr;
  if (p.plan.row_source == RowSource::kRows) {
    tile.rows = p.Rows() + rows.first * p.plan.depth + s.k;
    tile.row_stride = p.plan.depth;
    if (!scale) return false;
    CopyRows(tile.rows, tile.row_stride, rows.count, s.depth, scale, own, s.depth);
    tile.rows = own;
    tile.row_stride = s.depth;
    return false;
  }
  if (p.plan.row_source == RowSource::kPacked) {
    tile.rows = p.shared_rows + (s.k - s.slab) * p.plan.rows + rows.first * s.depth;
    tile.row_stride = rows.count;
    return true;
  }
  tile.rows = p.a + s.k * p.plan.rows + rows.first;
  tile.row_stride = p.plan.rows;
  if (!scale) return true;
  PackTile(tile.rows, tile.row_stride, rows.count, s.depth, scale, own);
  tile.rows = own;
  tile.row_stride = rows.count;
  return true;
}

template <bool kByColumns>
void ComputePanels(const Product& p, const Step& s, Tile tile, int64_t rows, const float* lanes, const float* edge) {
  const bool direct = p.plan.lane_source == LaneSource::kDirect;
  const int64_t together = rows == 1 ? 4 : rows == 2 ? 2 : 1;
  float* out = tile.out;
  for (int64_t i = 0; i < s.panels.count;) {
    const int64_t first = (s.panels.first + i) * kPanel;
    const int64_t width = p.plan.lanes - first;
    const bool group = width >= together * kPanel && s.panels.count - i >= together;
    tile.lanes = lanes + i * tile.panel_stride;
    tile.out = out + first;
    tile.out_stride = s.out_stride;
    if (direct && width < kPanel) {
      tile.lanes = edge;
      tile.lane_stride = kPanel;
    }
    const int64_t vectors = group ? together * kPanelVectors : width >= kPanel ? kPanelVectors : (width + kLanes - 1) / kLanes;
    i += group ? together : 1;
    if (p.plan.swapped || width >= vectors * kLanes) {
      ComputeTile<kByColumns>(tile, rows, vectors);
      continue;
    }
    // The ragged edge goes through memory of our own.
    HWY_ALIGN float bounce[kTileRows * kPanel] = {};
    for (int64_t r = 0; tile.resume && r < rows; ++r) {
      for (int64_t c = 0; c < width; ++c) bounce[r * kPanel + c] = tile.out[r * s.out_stride + c];
    }
    tile.out = bounce;
    tile.out_stride = kPanel;
    ComputeTile<kByColumns>(tile, rows, vectors);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < width; ++c) out[first + r * s.out_stride + c] = bounce[r * kPanel + c];
    }
  }
}

// Scale, bias and activation over `rows` rows of `out`, at columns first … first + count − 1, while they are in L1.
void Finish(const Product& p, Span rows, Span columns) {
  if (!p.scale && !p.bias && p.activation == kIdentity) return;
  WithActivation(p.activation, [&](auto activation) EVK_LAMBDA {
    constexpr int kActivation = decltype(activation)::value;
    const LanesTag d;
    const auto slope = hn::Set(d, p.slope);
    for (int64_t r = rows.first; r < rows.first + rows.count; ++r) {
      float* out = p.out + r * p.n;
      ForEachVector(d, columns.first, columns.first + columns.count, [&](int64_t i, auto access) EVK_LAMBDA {
        auto x = access.Load(d, out + i);
        if (p.scale) x = hn::Mul(x, access.Load(d, p.scale + i));
        if (p.bias) x = hn::Add(x, access.Load(d, p.bias + i));
        access.Store(Activate<kActivation>(d, x, slope), d, out + i);
      });
    }
    return Status::kOk;
  });
}

inline void ComputeStep(const Product& p, const Step& s, float* own_lanes, float* own_rows) {
  Tile tile;
  const float* lanes = FindLanes(p, s, own_lanes);
  const bool direct = p.plan.lane_source == LaneSource::kDirect;
  tile.lane_stride = direct ? p.n : kPanel;
  tile.panel_stride = direct ? kPanel : s.depth * kPanel;
  tile.depth = s.depth;
  tile.resume = s.k > 0;
  const int64_t first = TileAt(p, s.tiles.first).first;
  for (int64_t t = s.tiles.first; t < s.tiles.first + s.tiles.count; ++t) {
    const Span rows = TileAt(p, t);
    const bool by_columns = FindRows(p, s, rows, own_rows, tile);
    tile.out = s.out + (rows.first - first) * s.out_stride;
    if (by_columns) {
      ComputePanels<true>(p, s, tile, rows.count, lanes, own_lanes);
    } else {
      ComputePanels<false>(p, s, tile, rows.count, lanes, own_lanes);
    }
    if (!p.plan.swapped && s.k + s.depth == p.plan.depth) {
      const int64_t column = s.panels.first * kPanel;
      Finish(p, rows, {column, HWY_MIN(s.panels.count * kPanel, p.n - column)});
    }
  }
}

// Puts a chunk of a swapped product, [rows, padded lanes], into out[lane, row].
inline void StoreTransposed(const Product& p, Span rows, const float* from, int64_t stride) {
  const LanesTag d;
  for (int64_t lane = 0; lane < p.plan.lanes; lane += kTransposeColumns) {
    const int64_t lanes = HWY_MIN(kTransposeColumns, p.plan.lanes - lane);
    float* out = p.out + lane * p.n + rows.first;
    int64_t r = 0;
    for (; r + kLanes <= rows.count; r += kLanes) {
      hn::Vec<LanesTag> column[kTransposeColumns];
      TransposeColumns(d, from + r * stride + lane, stride, column);
      for (int64_t c = 0; c < lanes; ++c) hn::StoreU(column[c], d, out + c * p.n + r);
    }
    for (; r < rows.count; ++r) {
      for (int64_t c = 0; c < lanes; ++c) out[c * p.n + r] = from[r * stride + lane + c];
    }
    Finish(p, {lane, lanes}, rows);
  }
}

// Everything that a slab contributes to one block of the result.
void ComputeBlock(const Product& p, Span slab, Span panels, Span tiles, int slot) {
  float* own_lanes = p.private_memory + static_cast<size_t>(slot) * p.plan.PrivateFloats();
  float* own_rows = own_lanes + p.plan.private_lanes;
  float* own_out = own_rows + p.plan.private_rows;
  const int64_t first = TileAt(p, tiles.first).first;
  const Span last = TileAt(p, tiles.first + tiles.count - 1);
  float* out = p.plan.swapped ? own_out : p.out + first * p.n;
  const int64_t out_stride = p.plan.swapped ? p.Panels() * kPanel : p.n;
  int64_t k = slab.first;
  do {
    const int64_t depth = HWY_MIN(p.plan.block, slab.first + slab.count - k);
    ComputeStep(p, {k, depth, slab.first, panels, tiles, out, out_stride}, own_lanes, own_rows);
    k += p.plan.block;
  } while (k < slab.first + slab.count);
  if (p.plan.swapped) StoreTransposed(p, {first, last.first + last.count - first}, own_out, out_stride);
}

// Packs what all chunks of a slab share: first the panels, then tiles in groups.
void PackShared(const Product& p, Span slab, const Parallel& parallel) {
  constexpr int64_t kTilesTogether = 8;
  const int64_t panels = p.plan.lane_source == LaneSource::kShared ? p.Panels() : 0;
  const int64_t groups = p.plan.row_source == RowSource::kPacked ? (p.Tiles() + kTilesTogether - 1) / kTilesTogether : 0;
  if (panels + groups == 0) return;
  parallel.For(panels + groups, [&](int64_t chunk, int) {
    for (int64_t k = slab.first; k < slab.first + slab.count; k += p.plan.block) {
      const int64_t depth = HWY_MIN(p.plan.block, slab.first + slab.count - k);
      if (chunk < panels) {
        PackPanels(p, {chunk, 1}, k, depth, p.shared_lanes + (k - slab.first) * panels * kPanel + chunk * depth * kPanel);
        continue;
      }
      const int64_t begin = (chunk - panels) * kTilesTogether;
      for (int64_t t = begin; t < HWY_MIN(begin + kTilesTogether, p.Tiles()); ++t) {
        const Span rows = TileAt(p, t);
        PackTile(p.a + k * p.plan.rows + rows.first, p.plan.rows, rows.count, depth, p.a_scale ? p.a_scale + k : nullptr,
                 p.shared_rows + (k - slab.first) * p.plan.rows + rows.first * depth);
      }
    }
  });
}

inline Span Part(int64_t total, int64_t parts, int64_t index) {
  const int64_t begin = total * index / parts;
  return {begin, total * (index + 1) / parts - begin};
}

void ComputeSlab(const Product& p, Span slab, const Parallel& parallel) {
  const MatmulPlan& plan = p.plan;
  const bool small = plan.rows * plan.lanes * HWY_MAX(plan.depth, 1) < kSmallWork;
  // An even number: two threads then end together.
  const int64_t least = (p.Panels() * kPanel + kLaneBlock - 1) / kLaneBlock;
  const int64_t lane_blocks = plan.swapped || least == 1 ? 1 : HWY_MIN(p.Panels(), (least + 1) / 2 * 2);
  const int64_t block_rows = plan.swapped                                   ? kSwappedRows
                             : plan.lane_source == LaneSource::kPrivate ? kRowBlock
                             : HWY_MAX(plan.lane_source == LaneSource::kGiven ? 96 : 24,
                                       kSmallWork * 2 / (HWY_MIN(plan.lanes, kLaneBlock) * HWY_MAX(slab.count, 1)));
  const int64_t row_blocks = HWY_MIN(p.Tiles(), (plan.rows + block_rows - 1) / block_rows);
  const int64_t blocks = lane_blocks * row_blocks;
  const int64_t chunks = small ? 1 : blocks;
  parallel.For(chunks, [&](int64_t chunk, int slot) {
    const Span part = Part(blocks, chunks, chunk);
    for (int64_t i = part.first; i < part.first + part.count; ++i) {
      ComputeBlock(p, slab, Part(p.Panels(), lane_blocks, i / row_blocks), Part(p.Tiles(), row_blocks, i % row_blocks), slot);
    }
  });
}

// The whole product; `memory` holds what the plan says, for as many threads as `parallel` has.
inline void MultiplyAll(Product& p, float* memory, const Parallel& parallel) {
  p.shared_lanes = memory;
  p.shared_rows = p.shared_lanes + p.plan.shared_lanes;
  p.private_memory = p.shared_rows + p.plan.shared_rows;
  int64_t begin = 0;
  do {
    const Span slab = {begin, HWY_MIN(p.plan.slab, p.plan.depth - begin)};
    PackShared(p, slab, parallel);
    ComputeSlab(p, slab, parallel);
    begin += p.plan.slab;
  } while (begin < p.plan.depth);
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#endif  // EVENKEEL_SIMD_MATMUL_PRODUCT_INL_H_

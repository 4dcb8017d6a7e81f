// The stages of batch normalization over the chunks of a BatchNormPlan; a kernel is one or two of them.
#if defined(EVENKEEL_SIMD_BATCH_NORM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EVENKEEL_SIMD_BATCH_NORM_INL_H_
#undef EVENKEEL_SIMD_BATCH_NORM_INL_H_
#else
#define EVENKEEL_SIMD_BATCH_NORM_INL_H_
#endif

#include <cmath>
#include <cstdint>

#include "native/kernels/batch_norm.h"
#include "native/simd/moments-inl.h"
#include "native/simd/normalize-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

struct Statistics {
  float* mean;
  float* mean_low;
  float* variance;
  float* inv_std;
  double epsilon;

  // mean and squares of the channels begin … end-1, over `count` values.
  void Store(const double* means, const double* squares, int64_t count, int64_t begin, int64_t end) const {
    const double n = static_cast<double>(count > 0 ? count : 1);
    for (int64_t c = begin; c < end; ++c) {
      mean[c] = static_cast<float>(means[c]);
      mean_low[c] = static_cast<float>(means[c] - mean[c]);
      // Rounding may leave a few units below zero; a NaN stays one.
      const double v = squares[c] < 0 ? 0 : squares[c] / n;
      variance[c] = static_cast<float>(v);
      inv_std[c] = static_cast<float>(1 / std::sqrt(v + epsilon));
    }
  }
};

// The moments of one chunk; for the cuts of one pass they are the statistics.
inline void ChunkMoments(const BatchNormPlan& plan, const float* x, const BatchNormWorkspace& workspace,
                         const Statistics& statistics, int64_t chunk, int slot) {
  const int64_t channels = plan.channels, row = channels * plan.inner;
  double* means = workspace.partials;
  double* squares = means + channels;
  if (plan.cut == Cut::kRows) {
    const int64_t begin = chunk * plan.size;
    double* partial = means + chunk * 2 * channels;
    ColumnMoments(x + begin * channels, channels, Least(plan.size, plan.outer - begin), channels,
                  workspace.sums + slot * 3 * channels, partial, partial + channels);
    return;
  }
  if (plan.cut == Cut::kSegments) {
    const int64_t c = chunk / plan.parts, part = chunk % plan.parts;
    Moments moments;
    RunMoments(x + c * plan.inner, plan.inner, row, part * plan.size, Least(plan.Values(), (part + 1) * plan.size), moments);
    means[part * 2 * channels + c] = moments.mean;
    squares[part * 2 * channels + c] = moments.squares;
    return;
  }
  const int64_t begin = chunk * plan.size, end = Least(channels, begin + plan.size);
  if (plan.Values() == 0) {
    for (int64_t c = begin; c < end; ++c) means[c] = squares[c] = 0;
  } else if (plan.cut == Cut::kStripes) {
    ColumnMoments(x + begin, channels, plan.outer, end - begin, workspace.sums + slot * 3 * channels, means + begin,
                  squares + begin);
  } else {
    for (int64_t c = begin; c < end; ++c) {
      Moments moments;
      RunMoments(x + c * plan.inner, plan.inner, row, 0, plan.Values(), moments);
      means[c] = moments.mean;
      squares[c] = moments.squares;
    }
  }
  statistics.Store(means, squares, plan.Values(), begin, end);
}

// Merges the parts of the channels begin … end-1 in index order into the first, and makes statistics of them.
inline void MergeParts(const BatchNormPlan& plan, const BatchNormWorkspace& workspace, const Statistics& statistics,
                       int64_t begin, int64_t end) {
  const int64_t channels = plan.channels;
  const int64_t part_values = plan.cut == Cut::kRows ? plan.size * plan.inner : plan.size;
  double* HWY_RESTRICT means = workspace.partials;
  double* HWY_RESTRICT squares = means + channels;
  for (int64_t part = 1; part < plan.parts; ++part) {
    const double before = static_cast<double>(part * part_values);
    const double n = static_cast<double>(Least(plan.Values() - part * part_values, part_values));
    const double share = n / (before + n), weight = before * n / (before + n);
    const double* HWY_RESTRICT other = means + part * 2 * channels;
    for (int64_t c = begin; c < end; ++c) {
      const double delta = other[c] - means[c];
      means[c] += delta * share;
      squares[c] += other[channels + c] + delta * delta * weight;
    }
  }
  statistics.Store(means, squares, plan.Values(), begin, end);
}

// Whether statistics are there only when every chunk of a pass is through.
inline bool TwoPasses(const BatchNormPlan& plan) { return plan.cut == Cut::kRows || plan.cut == Cut::kSegments; }

// Channels that one chunk of the merging pass takes: its loops run over columns of the partial results.
constexpr int64_t kMergeChannels = 512;

inline void ComputeStatistics(const BatchNormPlan& plan, const Parallel& parallel, const float* x,
                              const BatchNormWorkspace& workspace, const Statistics& statistics) {
  parallel.For(plan.chunks, [&](int64_t chunk, int slot) HWY_ATTR { ChunkMoments(plan, x, workspace, statistics, chunk, slot); });
  if (!TwoPasses(plan)) return;
  parallel.For(CeilDiv(plan.channels, kMergeChannels), [&](int64_t chunk, int) HWY_ATTR {
    MergeParts(plan, workspace, statistics, chunk * kMergeChannels, Least(plan.channels, (chunk + 1) * kMergeChannels));
  });
}

// Mask bytes that one chunk of a pass of their own makes: about 5 µs, whole bytes.
constexpr int64_t kMaskChunk = 16384;
// Elements whose bits are made just before they are used: the bytes are then still in the first-level cache.
constexpr int64_t kMaskStretch = 512;

// Whether ApplyChunk makes the mask itself: its chunks start and end at whole bytes.
inline bool MaskWithinChunk(const BatchNormPlan& plan) {
  return plan.cut == Cut::kRows || (plan.cut == Cut::kStripes && plan.chunks == 1);
}

inline void MakeMask(const Parallel& parallel, const BatchNormPlan& plan, const DropoutScalars& dropout, uint8_t* mask) {
  const int64_t count = plan.channels * plan.Values();
  parallel.For(CeilDiv(count, kMaskChunk), [&](int64_t chunk, int) HWY_ATTR {
    KeepBits(dropout, chunk * kMaskChunk, Least(count, (chunk + 1) * kMaskChunk), mask);
  });
}

// Rows begin … end-1, whole. With dropout their mask bits are made first, eight rows or more at a time: whole bytes.
template <int kActivation, bool kMask>
HWY_INLINE void ApplyWholeRows(const BatchNormPlan& plan, const float* x, float* y, const ChannelArrays& arrays,
                               const Epilogue& epilogue, const DropoutScalars& dropout, uint8_t* mask, int64_t begin,
                               int64_t end) {
  const int64_t channels = plan.channels;
  const int64_t stretch = kMask ? 8 * CeilDiv(kMaskStretch, 8 * channels) : end - begin;
  for (int64_t row = begin; row < end; row += stretch) {
    const int64_t rows = Least(stretch, end - row), first = row * channels;
    if (kMask) KeepBits(dropout, first, first + rows * channels, mask);
    ApplyRows<kActivation, kMask>(x + first, y + first, first, channels, rows, channels, arrays, epilogue);
  }
}

// y of one chunk.
template <int kActivation, bool kMask>
HWY_INLINE void ApplyChunk(const BatchNormPlan& plan, const float* x, float* y, const ChannelArrays& arrays,
                           const Epilogue& epilogue, const DropoutScalars& dropout, uint8_t* mask, int64_t chunk) {
  const int64_t channels = plan.channels;
  if (plan.Values() == 0) return;
  if (MaskWithinChunk(plan)) {
    const int64_t size = plan.cut == Cut::kRows ? plan.size : plan.outer;
    ApplyWholeRows<kActivation, kMask>(plan, x, y, arrays, epilogue, dropout, mask, chunk * size,
                                       Least(plan.outer, (chunk + 1) * size));
  } else if (plan.cut == Cut::kStripes) {
    const int64_t begin = chunk * plan.size, columns = Least(plan.size, channels - begin);
    ApplyRows<kActivation, kMask>(x + begin, y + begin, begin, channels, plan.outer, columns, arrays.From(begin), epilogue);
  } else {
    plan.ForEachRange(chunk, [&](int64_t c, int64_t begin, int64_t end) HWY_ATTR {
      ForEachPiece(plan, c, begin, end, [&](RunPiece piece) HWY_ATTR {
        ApplyRun<kActivation, kMask>(x + piece.first, y + piece.first, piece.first, piece.length, arrays, c, epilogue);
      });
    });
  }
  if (epilogue.streamed) hwy::FlushStream();
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#endif  // EVENKEEL_SIMD_BATCH_NORM_INL_H_

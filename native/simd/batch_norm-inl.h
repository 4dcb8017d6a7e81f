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
  parallel.For(plan.chunks, [&](int64_t chunk, int slot) { ChunkMoments(plan, x, workspace, statistics, chunk, slot); });
  if (!TwoPasses(plan)) return;
  parallel.For(CeilDiv(plan.channels, kMergeChannels), [&](int64_t chunk, int) {
    MergeParts(plan, workspace, statistics, chunk * kMergeChannels, Least(plan.channels, (chunk + 1) * kMergeChannels));
  });
}

// y of one chunk.
template <int kActivation, bool kMask>
HWY_INLINE void ApplyChunk(const BatchNormPlan& plan, const float* x, float* y, const ChannelArrays& arrays,
                           const Epilogue& epilogue, int64_t chunk) {
  const int64_t channels = plan.channels, inner = plan.inner;
  if (plan.Values() == 0) return;
  if (plan.cut == Cut::kRows) {
    const int64_t begin = chunk * plan.size, first = begin * channels;
    ApplyRows<kActivation, kMask>(x + first, y + first, first, channels, Least(plan.size, plan.outer - begin), channels,
                                  arrays, epilogue);
  } else if (plan.cut == Cut::kStripes) {
    const int64_t begin = chunk * plan.size, columns = Least(plan.size, channels - begin);
    ApplyRows<kActivation, kMask>(x + begin, y + begin, begin, channels, plan.outer, columns, arrays.From(begin), epilogue);
  } else if (plan.cut == Cut::kChannels) {
    for (int64_t run = 0; run < plan.outer; ++run)
      for (int64_t c = chunk * plan.size; c < Least(channels, (chunk + 1) * plan.size); ++c) {
        const int64_t first = (run * channels + c) * inner;
        ApplyRun<kActivation, kMask>(x + first, y + first, first, inner, arrays, c, epilogue);
      }
  } else {
    const int64_t c = chunk / plan.parts, part = chunk % plan.parts;
    const int64_t end = Least(plan.Values(), (part + 1) * plan.size);
    for (int64_t at = part * plan.size; at < end;) {
      const int64_t run = at / inner, from = at - run * inner, length = Least(inner - from, end - at);
      const int64_t first = (run * channels + c) * inner + from;
      ApplyRun<kActivation, kMask>(x + first, y + first, first, length, arrays, c, epilogue);
      at += length;
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#endif  // EVENKEEL_SIMD_BATCH_NORM_INL_H_

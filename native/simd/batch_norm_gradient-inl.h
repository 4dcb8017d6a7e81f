// The stages of batch normalization's backward pass over the chunks of a BatchNormPlan.
#if defined(EVENKEEL_SIMD_BATCH_NORM_GRADIENT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EVENKEEL_SIMD_BATCH_NORM_GRADIENT_INL_H_
#undef EVENKEEL_SIMD_BATCH_NORM_GRADIENT_INL_H_
#else
#define EVENKEEL_SIMD_BATCH_NORM_GRADIENT_INL_H_
#endif

#include "native/simd/batch_norm-inl.h"
#include "native/simd/normalize_gradient-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// What the backward kernels share. `offset` and `factor` are read once dGamma and dBeta are there.
struct GradientCall {
  BatchNormPlan plan;
  BatchNormWorkspace workspace;
  const float* dy;
  const float* x;
  const float* inv_std;
  ChannelArrays arrays;
  Epilogue epilogue;

  float* Offset() const { return workspace.arrays + kChannelArrayCount * plan.channels; }
  float* Factor() const { return Offset() + plan.channels; }
};

constexpr int kGradientArrayCount = kChannelArrayCount + 2;

// Σ dz and Σ dz·(x − mean) of one chunk into its partial results.
template <int kActivation, bool kMask>
HWY_INLINE void ReduceChunk(const GradientCall& g, int64_t chunk, int slot) {
  const BatchNormPlan& plan = g.plan;
  const int64_t channels = plan.channels;
  double* sums = g.workspace.partials;
  double* dots = sums + channels;
  float* scratch = g.workspace.sums + slot * 3 * channels;
  if (plan.cut == Cut::kRows) {
    const int64_t begin = chunk * plan.size, first = begin * channels;
    double* partial = sums + chunk * 2 * channels;
    ReduceRows<kActivation, kMask>(g.dy + first, g.x + first, first, channels, Least(plan.size, plan.outer - begin),
                                   channels, g.arrays, g.epilogue, scratch, partial, partial + channels);
  } else if (plan.cut == Cut::kStripes) {
    const int64_t begin = chunk * plan.size, columns = Least(plan.size, channels - begin);
    ReduceRows<kActivation, kMask>(g.dy + begin, g.x + begin, begin, channels, plan.Values() == 0 ? 0 : plan.outer, columns,
                                   g.arrays.From(begin), g.epilogue, scratch, sums + begin, dots + begin);
  } else {
    plan.ForEachRange(chunk, [&](int64_t c, int64_t begin, int64_t end) HWY_ATTR {
      double sum = 0, dot = 0;
      ForEachPiece(plan, c, begin, end, [&](RunPiece piece) HWY_ATTR {
        ReduceRun<kActivation, kMask>(g.dy + piece.first, g.x + piece.first, piece.first, piece.length, g.arrays, c,
                                      g.epilogue, sum, dot);
      });
      const int64_t at = begin / plan.size * (plan.cut == Cut::kSegments ? 2 * channels : 0) + c;
      sums[at] = sum;
      dots[at] = dot;
    });
  }
}

// dGamma and dBeta of the channels begin … end-1 from the parts, in index order.
inline void FinishReduce(const GradientCall& g, float* d_gamma, float* d_beta, int64_t begin, int64_t end) {
  const int64_t channels = g.plan.channels;
  double* HWY_RESTRICT sums = g.workspace.partials;
  double* HWY_RESTRICT dots = sums + channels;
  for (int64_t part = 1; part < g.plan.parts; ++part) {
    const double* HWY_RESTRICT other = sums + part * 2 * channels;
    for (int64_t c = begin; c < end; ++c) {
      sums[c] += other[c];
      dots[c] += other[channels + c];
    }
  }
  for (int64_t c = begin; c < end; ++c) {
    d_beta[c] = static_cast<float>(sums[c]);
    d_gamma[c] = static_cast<float>(dots[c] * g.inv_std[c]);
  }
}

template <int kActivation, bool kMask>
HWY_INLINE void ReduceAll(const GradientCall& g, const Parallel& parallel, float* d_gamma, float* d_beta) {
  const bool two_passes = TwoPasses(g.plan);
  parallel.For(g.plan.chunks, [&](int64_t chunk, int slot) HWY_ATTR {
    ReduceChunk<kActivation, kMask>(g, chunk, slot);
    if (!two_passes) FinishReduce(g, d_gamma, d_beta, chunk * g.plan.size, Least(g.plan.channels, (chunk + 1) * g.plan.size));
  });
  if (!two_passes) return;
  parallel.For(CeilDiv(g.plan.channels, kMergeChannels), [&](int64_t chunk, int) HWY_ATTR {
    FinishReduce(g, d_gamma, d_beta, chunk * kMergeChannels, Least(g.plan.channels, (chunk + 1) * kMergeChannels));
  });
}

// offset = dBeta/m and factor = invStd·dGamma/m, each rounded once; both 0 with running statistics, which are constants.
inline void PrepareSlopes(const GradientCall& g, const float* d_gamma, const float* d_beta, int64_t begin, int64_t end,
                          bool running = false) {
  float* HWY_RESTRICT offset = g.Offset();
  float* HWY_RESTRICT factor = g.Factor();
  const double m = static_cast<double>(g.plan.Values());
  for (int64_t c = begin; c < end; ++c) {
    offset[c] = running ? 0 : static_cast<float>(d_beta[c] / m);
    factor[c] = running ? 0 : static_cast<float>(static_cast<double>(g.inv_std[c]) * d_gamma[c] / m);
  }
}

// dx of one chunk.
template <int kActivation, bool kMask>
HWY_INLINE void GradientChunk(const GradientCall& g, float* dx, int64_t chunk) {
  const BatchNormPlan& plan = g.plan;
  const int64_t channels = plan.channels;
  const SlopeArrays slopes = {g.Offset(), g.Factor()};
  if (plan.Values() == 0) return;
  if (plan.cut == Cut::kRows) {
    const int64_t begin = chunk * plan.size, first = begin * channels;
    GradientRows<kActivation, kMask>(g.dy + first, g.x + first, dx + first, first, channels,
                                               Least(plan.size, plan.outer - begin), channels, g.arrays, slopes, g.epilogue);
  } else if (plan.cut == Cut::kStripes) {
    const int64_t begin = chunk * plan.size;
    GradientRows<kActivation, kMask>(g.dy + begin, g.x + begin, dx + begin, begin, channels, plan.outer,
                                               Least(plan.size, channels - begin), g.arrays.From(begin),
                                               {slopes.offset + begin, slopes.factor + begin}, g.epilogue);
  } else {
    plan.ForEachRange(chunk, [&](int64_t c, int64_t begin, int64_t end) HWY_ATTR {
      ForEachPiece(plan, c, begin, end, [&](RunPiece piece) HWY_ATTR {
        GradientRun<kActivation, kMask>(g.dy + piece.first, g.x + piece.first, dx + piece.first, piece.first,
                                                  piece.length, g.arrays, slopes, c, g.epilogue);
      });
    });
  }
  if (g.epilogue.streamed) hwy::FlushStream();
}

// Operands mask, dy, x, mean, meanLow, invStd, gamma, beta from position `at` on; scalars activation, slope, threshold.
// `dx` is null where only sums are written.
inline GradientCall ReadGradientCall(Call& call, int at, const float* dx) {
  const BatchNormPlan plan(call.dims);
  const BatchNormWorkspace workspace(call.workspace, plan, kGradientArrayCount);
  const Affine affine = {call.In(at + 3), call.In(at + 4), call.In(at + 5), call.In(at + 6), call.In(at + 7)};
  const Epilogue epilogue(call.scalars[1], call.As<const uint8_t>(at), DropoutScale(CounterWord(call.scalars[2])), plan, dx,
                          call.In(at + 1));
  return {plan, workspace, call.In(at + 1), call.In(at + 2), call.In(at + 5),
          PrepareChannels(affine, workspace.arrays, plan.channels, 0, plan.channels), epilogue};
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#endif  // EVENKEEL_SIMD_BATCH_NORM_GRADIENT_INL_H_

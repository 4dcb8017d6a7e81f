// Mean and sum of squared deviations: float32 sums of shifted values over a block, blocks merged in float64 in index
// order (Chan, Golub, LeVeque 1979). 
#if defined(EVENKEEL_SIMD_MOMENTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EVENKEEL_SIMD_MOMENTS_INL_H_
#undef EVENKEEL_SIMD_MOMENTS_INL_H_
#else
#define EVENKEEL_SIMD_MOMENTS_INL_H_
#endif

#include <cmath>
#include <cstdint>

#include <hwy/highway.h>

#include "native/kernels/batch_norm.h"
#include "native/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

struct Moments {
  double count = 0;
  double mean = 0;
  double squares = 0;  // Σ(x − mean)²

  void Merge(double n, double block_mean, double block_squares) {
    const double total = count + n;
    const double delta = block_mean - mean;
    // The first block is taken as it is: 0 · ∞ would make NaN of an infinite mean.
    mean = count == 0 ? block_mean : mean + delta * (n / total);
    squares = count == 0 ? block_squares : squares + block_squares + delta * delta * (count * n / total);
    count = total;
  }
};

// ---- columns of a row-major matrix ------------------------------------------------------------------------------

// Eight rows at a time: the sums of a column are loaded and stored once for eight values. The shift is the mean of the
// block's first eight rows, so that (shift − mean)² is at most 15 times the block's variance.
template <bool kFirst>
HWY_INLINE void AddEightRows(const float* HWY_RESTRICT x, int64_t stride, int64_t columns, float* HWY_RESTRICT shift,
                             float* HWY_RESTRICT sum, float* HWY_RESTRICT squares) {
  const hn::ScalableTag<float> d;
  ForEachVector(d, 0, columns, [&](int64_t j, auto access) EVK_LAMBDA {
    const float* at = x + j;
    const auto x0 = access.Load(d, at), x1 = access.Load(d, at + stride);
    const auto x2 = access.Load(d, at + 2 * stride), x3 = access.Load(d, at + 3 * stride);
    const auto x4 = access.Load(d, at + 4 * stride), x5 = access.Load(d, at + 5 * stride);
    const auto x6 = access.Load(d, at + 6 * stride), x7 = access.Load(d, at + 7 * stride);
    auto s = hn::Zero(d);
    if (kFirst) {
      const auto low = hn::Add(hn::Add(x0, x1), hn::Add(x2, x3));
      const auto high = hn::Add(hn::Add(x4, x5), hn::Add(x6, x7));
      s = hn::Mul(hn::Add(low, high), hn::Set(d, 0.125f));
      access.Store(s, d, shift + j);
    } else {
      s = access.Load(d, shift + j);
    }
    const auto d0 = hn::Sub(x0, s), d1 = hn::Sub(x1, s), d2 = hn::Sub(x2, s), d3 = hn::Sub(x3, s);
    const auto d4 = hn::Sub(x4, s), d5 = hn::Sub(x5, s), d6 = hn::Sub(x6, s), d7 = hn::Sub(x7, s);
    const auto t = hn::Add(hn::Add(hn::Add(d0, d1), hn::Add(d2, d3)), hn::Add(hn::Add(d4, d5), hn::Add(d6, d7)));
    const auto q0 = hn::MulAdd(d3, d3, hn::MulAdd(d2, d2, hn::MulAdd(d1, d1, hn::Mul(d0, d0))));
    const auto q1 = hn::MulAdd(d7, d7, hn::MulAdd(d6, d6, hn::MulAdd(d5, d5, hn::Mul(d4, d4))));
    const auto q = hn::Add(q0, q1);
    access.Store(kFirst ? t : hn::Add(access.Load(d, sum + j), t), d, sum + j);
    access.Store(kFirst ? q : hn::Add(access.Load(d, squares + j), q), d, squares + j);
  });
}

template <bool kFirst>
HWY_INLINE void AddRow(const float* HWY_RESTRICT x, int64_t columns, float* HWY_RESTRICT shift, float* HWY_RESTRICT sum,
                       float* HWY_RESTRICT squares) {
  const hn::ScalableTag<float> d;
  ForEachVector(d, 0, columns, [&](int64_t j, auto access) EVK_LAMBDA {
    const auto v = access.Load(d, x + j);
    if (kFirst) access.Store(v, d, shift + j);
    const auto t = hn::Sub(v, kFirst ? v : access.Load(d, shift + j));
    access.Store(kFirst ? t : hn::Add(access.Load(d, sum + j), t), d, sum + j);
    access.Store(kFirst ? t : hn::MulAdd(t, t, access.Load(d, squares + j)), d, squares + j);
  });
}

// Shifted sums of at most kBlockRows rows.
inline void SumBlock(const float* x, int64_t stride, int64_t rows, int64_t columns, float* shift, float* sum,
                     float* squares) {
  int64_t r = 0;
  if (rows >= 8) {
    AddEightRows<true>(x, stride, columns, shift, sum, squares);
    for (r = 8; r + 8 <= rows; r += 8) AddEightRows<false>(x + r * stride, stride, columns, shift, sum, squares);
  } else {
    AddRow<true>(x, columns, shift, sum, squares);
    r = 1;
  }
  for (; r < rows; ++r) AddRow<false>(x + r * stride, columns, shift, sum, squares);
}

// A column whose float32 sums overflowed, or that holds NaN or infinity: two passes in float64.
inline void ExactColumn(const float* x, int64_t stride, int64_t rows, double* mean, double* squares) {
  double sum = 0;
  for (int64_t r = 0; r < rows; ++r) sum += x[r * stride];
  const double m = sum / static_cast<double>(rows);
  double q = 0;
  for (int64_t r = 0; r < rows; ++r) q += (x[r * stride] - m) * (x[r * stride] - m);
  *mean = m;
  *squares = q;
}

// Merges the shifted sums of one block of `n` rows into the moments of the `before` rows above it.
inline void MergeColumn(double before, double n, double block_mean, double block_squares, double* mean, double* squares) {
  const double delta = block_mean - *mean;
  // The first block is taken as it is: 0 · ∞ would make NaN of an infinite mean.
  *mean = before == 0 ? block_mean : *mean + delta * (n / (before + n));
  *squares = before == 0 ? block_squares : *squares + (block_squares + delta * delta * (before * n / (before + n)));
}

// mean and squares of each column over `rows` rows (at least one). scratch holds 3 · columns floats.
inline void ColumnMoments(const float* x, int64_t stride, int64_t rows, int64_t columns, float* HWY_RESTRICT scratch,
                          double* HWY_RESTRICT mean, double* HWY_RESTRICT squares) {
  float* shift = scratch;
  float* sum = scratch + columns;
  float* square = scratch + 2 * columns;
  for (int64_t begin = 0; begin < rows; begin += kBlockRows) {
    const float* block = x + begin * stride;
    const int64_t block_rows = Least(kBlockRows, rows - begin);
    SumBlock(block, stride, block_rows, columns, shift, sum, square);
    const double before = static_cast<double>(begin), n = static_cast<double>(block_rows);
    // Plain loops: the compiler makes float64 vectors of them.
    float check = 0;  // stays 0 while every sum is finite
    for (int64_t j = 0; j < columns; ++j) check += 0.0f * square[j];
    const bool finite = check == 0;
    const double inverse = 1 / n, share = n / (before + n), weight = before * n / (before + n);
    if (finite && begin == 0) {
      for (int64_t j = 0; j < columns; ++j) {
        mean[j] = shift[j] + sum[j] * inverse;
        squares[j] = square[j] - static_cast<double>(sum[j]) * sum[j] * inverse;
      }
    } else if (finite) {
      for (int64_t j = 0; j < columns; ++j) {
        const double delta = shift[j] + sum[j] * inverse - mean[j];
        mean[j] += delta * share;
        squares[j] += square[j] - static_cast<double>(sum[j]) * sum[j] * inverse + delta * delta * weight;
      }
    } else {
      for (int64_t j = 0; j < columns; ++j) {
        double block_mean = shift[j] + sum[j] * inverse;
        double block_squares = square[j] - static_cast<double>(sum[j]) * sum[j] * inverse;
        if (!std::isfinite(square[j])) ExactColumn(block + j, stride, block_rows, &block_mean, &block_squares);
        MergeColumn(before, n, block_mean, block_squares, mean + j, squares + j);
      }
    }
  }
}

// ---- one channel, runs of `inner` values that lie `stride` apart --------------------------------------------------

// Values a block: 64 to 128 sums a lane. It stays in L1 for a second look.
constexpr int64_t kRunBlock = 4096;

struct RunSums {
  double sum;
  double squares;
};

// Σ(x − shift) and Σ(x − shift)² over `runs` runs of `length` values.
inline RunSums SumRuns(const float* x, int64_t stride, int64_t runs, int64_t length, float shift) {
  const hn::ScalableTag<float> d;
  const int64_t lanes = hn::Lanes(d);
  const auto s = hn::Set(d, shift);
  auto t0 = hn::Zero(d), t1 = t0, t2 = t0, t3 = t0, q0 = t0, q1 = t0, q2 = t0, q3 = t0;
  float tail_sum = 0, tail_squares = 0;
  for (int64_t run = 0; run < runs; ++run, x += stride) {
    int64_t i = 0;
    for (; i + 4 * lanes <= length; i += 4 * lanes) {
      const auto d0 = hn::Sub(hn::LoadU(d, x + i), s), d1 = hn::Sub(hn::LoadU(d, x + i + lanes), s);
      const auto d2 = hn::Sub(hn::LoadU(d, x + i + 2 * lanes), s), d3 = hn::Sub(hn::LoadU(d, x + i + 3 * lanes), s);
      t0 = hn::Add(t0, d0);
      t1 = hn::Add(t1, d1);
      t2 = hn::Add(t2, d2);
      t3 = hn::Add(t3, d3);
      q0 = hn::MulAdd(d0, d0, q0);
      q1 = hn::MulAdd(d1, d1, q1);
      q2 = hn::MulAdd(d2, d2, q2);
      q3 = hn::MulAdd(d3, d3, q3);
    }
    for (; i + lanes <= length; i += lanes) {
      const auto d0 = hn::Sub(hn::LoadU(d, x + i), s);
      t0 = hn::Add(t0, d0);
      q0 = hn::MulAdd(d0, d0, q0);
    }
    for (; i < length; ++i) {
      const float v = x[i] - shift;
      tail_sum += v;
      tail_squares += v * v;
    }
  }
  const auto t = hn::Add(hn::Add(t0, t1), hn::Add(t2, t3));
  const auto q = hn::Add(hn::Add(q0, q1), hn::Add(q2, q3));
  return {static_cast<double>(hn::GetLane(hn::SumOfLanes(d, t))) + tail_sum,
          static_cast<double>(hn::GetLane(hn::SumOfLanes(d, q))) + tail_squares};
}

// Mean of a few values spread over the block. Far from the block's mean it costs a second look, never the accuracy.
inline float SampleShift(const float* x, int64_t stride, int64_t runs, int64_t length) {
  const int64_t a_run = runs > 16 ? 1 : Least(length, 16);
  const int64_t step = length / a_run;
  float sum = 0;
  for (int64_t run = 0; run < runs; ++run)
    for (int64_t k = 0; k < a_run; ++k) sum += x[run * stride + k * step + step / 2];
  return sum / static_cast<float>(runs * a_run);
}

inline void MergeBlock(const float* x, int64_t stride, int64_t runs, int64_t length, Moments& moments) {
  const double n = static_cast<double>(runs * length);
  float shift = SampleShift(x, stride, runs, length);
  RunSums sums = SumRuns(x, stride, runs, length, shift);
  double correction = sums.sum * sums.sum / n;
  if (16 * correction > 15 * sums.squares && std::isfinite(sums.squares)) {
    // The shift was so far off that four bits would cancel: once more with the mean itself, rounded.
    shift = static_cast<float>(shift + sums.sum / n);
    sums = SumRuns(x, stride, runs, length, shift);
    correction = sums.sum * sums.sum / n;
  }
  double mean = shift + sums.sum / n;
  double squares = sums.squares - correction;
  if (!std::isfinite(sums.squares)) {
    double sum = 0;
    for (int64_t run = 0; run < runs; ++run)
      for (int64_t i = 0; i < length; ++i) sum += x[run * stride + i];
    mean = sum / n;
    squares = 0;
    for (int64_t run = 0; run < runs; ++run)
      for (int64_t i = 0; i < length; ++i) {
        const double delta = x[run * stride + i] - mean;
        squares += delta * delta;
      }
  }
  moments.Merge(n, mean, squares);
}

// Values begin … end-1 of a channel, counted along its runs; x is its first value.
inline void RunMoments(const float* x, int64_t inner, int64_t stride, int64_t begin, int64_t end, Moments& moments) {
  while (begin < end) {
    const int64_t run = begin / inner, from = begin - run * inner;
    const float* start = x + run * stride + from;
    const int64_t whole = from == 0 ? Least(kRunBlock / inner, (end - begin) / inner) : 0;
    if (whole > 0) {
      MergeBlock(start, stride, whole, inner, moments);
      begin += whole * inner;
    } else {
      const int64_t length = Least(Least(kRunBlock, inner - from), end - begin);
      MergeBlock(start, stride, 1, length, moments);
      begin += length;
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#endif  // EVENKEEL_SIMD_MOMENTS_INL_H_

// reduce: out[outer, middle, inner] = sum, mean, max or min over x[outer, *, middle, *, inner].
//
// An output's terms are taken in index order and cut into groups of fixed size: within a group one float64 chain, then
// the groups in order. Runs along the last dimension (inner 1) go through 16 fixed lanes (sum-lanes-inl.h). Nothing
// depends on the width of a vector or the number of threads: the same bits everywhere.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/reduce.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <limits>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/kernels/reduce_plan.h"
#include "native/simd/partial-inl.h"
#include "native/simd/sum-lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Sums in float64: rounded once, at the end.
struct SumTerms {
  using Total = double;
  static double Empty() { return 0; }
  static double Merge(double a, double b) { return a + b; }

  static double Run(const float* x, int64_t count) {
    return SumOverLanes(count, [=](auto d, int64_t i, auto access) EVK_LAMBDA { return LoadWide(d, x + i, access); });
  }
  template <int kRows>
  static HWY_INLINE void AddRows(const float* x, int64_t stride, int64_t width, double* HWY_RESTRICT totals) {
    const hn::ScalableTag<double> d;
    ForEachVector(d, 0, width, [&](int64_t i, auto access) EVK_LAMBDA {
      auto total = access.Load(d, totals + i);
      _Pragma("GCC unroll 8") for (int row = 0; row < kRows; ++row)
        total = hn::Add(total, LoadWide(d, x + row * stride + i, access));
      access.Store(total, d, totals + i);
    });
  }
};

template <bool kMax>
struct ExtremeTerms {
  using Total = float;
  static float Empty() { return kMax ? -std::numeric_limits<float>::infinity() : std::numeric_limits<float>::infinity(); }
  // b where it is beyond a or NaN; a NaN in a stays.
  template <class D, class V>
  static HWY_INLINE V Better(D, V a, V b) {
    return hn::IfThenElse(hn::Or(kMax ? hn::Gt(b, a) : hn::Lt(b, a), hn::IsNaN(b)), b, a);
  }
  static float Merge(float a, float b) { return (kMax ? b > a : b < a) || b != b ? b : a; }

  static float Run(const float* x, int64_t count) {
    const hn::ScalableTag<float> d;
    constexpr int kVectors = 4;  // a comparison and a selection take seven cycles, one after the other
    const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
    if (count <= lanes) return RunOfFew(x, count);
    hn::Vec<decltype(d)> best[kVectors];
    _Pragma("GCC unroll 16") for (int k = 0; k < kVectors; ++k) best[k] = hn::Set(d, Empty());
    int64_t i = 0;
    for (; i + kVectors * lanes <= count; i += kVectors * lanes) {
      _Pragma("GCC unroll 16") for (int k = 0; k < kVectors; ++k)
        best[k] = Better(d, best[k], hn::LoadU(d, x + i + k * lanes));
    }
    auto all = Better(d, Better(d, best[0], best[1]), Better(d, best[2], best[3]));
    const auto none = hn::Set(d, Empty());
    ForEachVector(d, i, count, [&](int64_t at, auto access) EVK_LAMBDA { all = Better(d, all, access.LoadOr(d, x + at, none)); });
    HWY_ALIGN float last[hn::MaxLanes(d)];
    hn::Store(all, d, last);
    return RunOfFew(last, lanes);
  }
  // Without branches, which would be mistaken every other time.
  static float RunOfFew(const float* x, int64_t count) {
    float best = Empty();
    bool nan = false;
    for (int64_t i = 0; i < count; ++i) {
      nan |= x[i] != x[i];
      best = (kMax ? x[i] > best : x[i] < best) ? x[i] : best;
    }
    return nan ? std::numeric_limits<float>::quiet_NaN() : best;
  }
  template <int kRows>
  static HWY_INLINE void AddRows(const float* x, int64_t stride, int64_t width, float* HWY_RESTRICT totals) {
    const hn::ScalableTag<float> d;
    ForEachVector(d, 0, width, [&](int64_t i, auto access) EVK_LAMBDA {
      auto best = access.Load(d, totals + i);
      _Pragma("GCC unroll 8") for (int row = 0; row < kRows; ++row)
        best = Better(d, best, access.Load(d, x + row * stride + i));
      access.Store(best, d, totals + i);
    });
  }
};

// One group of one output whose terms lie in runs along the last dimension.
template <class Terms>
typename Terms::Total ReduceRuns(const ReducePlan& p, const float* x, int64_t block, int64_t group) {
  const float* from = x + p.BlockStart(block);
  if (p.pieces > 1) {
    const int64_t start = group % p.pieces * kReducePiece;
    return Terms::Merge(Terms::Empty(), Terms::Run(from + group / p.pieces * p.run_stride + start,
                                                   HWY_MIN(kReducePiece, p.second - start)));
  }
  typename Terms::Total total = Terms::Empty();
  const int64_t end = HWY_MIN((group + 1) * p.group, p.first);
  for (int64_t run = group * p.group; run < end; ++run) total = Terms::Merge(total, Terms::Run(from + run * p.run_stride, p.second));
  return total;
}

// One group of a stripe of outputs that are neighbours; a row of terms for each (first, second).
template <class Terms>
void ReduceRows(const ReducePlan& p, const float* x, int64_t block, int64_t group, int64_t column, int64_t width,
                typename Terms::Total* HWY_RESTRICT totals) {
  for (int64_t c = 0; c < width; ++c) totals[c] = Terms::Empty();
  const int64_t end = HWY_MIN((group + 1) * p.group, p.first * p.second);
  for (int64_t row = group * p.group; row < end;) {
    const int64_t within = row % p.second;
    const int64_t count = HWY_MIN(p.second - within, end - row);
    const float* from = x + p.BlockStart(block) + row / p.second * p.run_stride + within * p.inner + column;
    int64_t i = 0;
    // Four rows a pass: the totals in L1 are then loaded and stored once for four loads of x.
    for (; i + 4 <= count; i += 4) Terms::template AddRows<4>(from + i * p.inner, p.inner, width, totals);
    for (; i < count; ++i) Terms::template AddRows<1>(from + i * p.inner, p.inner, width, totals);
    row += count;
  }
}

template <class Terms, class Finish>
void Reduce(const Call& call, const ReducePlan& p, Finish finish) {
  using Total = typename Terms::Total;
  const float* x = call.In(1);
  float* out = call.Out(0);
  Total* partial = static_cast<Total*>(call.workspace);
  const int64_t units = p.blocks * p.groups * p.stripes;
  call.parallel.For((units + p.units_together - 1) / p.units_together, [&](int64_t chunk, int) HWY_ATTR {
    if (p.inner == 1 && p.groups == 1 && p.middle == 1) {
      // Many short runs, one behind the other: what a unit of the general case costs would be most of the work.
      for (int64_t block = chunk * p.units_together; block < HWY_MIN((chunk + 1) * p.units_together, units); ++block)
        out[block] = finish(Terms::Merge(Terms::Empty(), Terms::Run(x + block * p.second, p.second)));
      return;
    }
    HWY_ALIGN Total totals[kReduceStripe];
    for (int64_t unit = chunk * p.units_together; unit < HWY_MIN((chunk + 1) * p.units_together, units); ++unit) {
      const int64_t stripe = unit % p.stripes;
      const int64_t group = unit / p.stripes % p.groups;
      const int64_t block = unit / p.stripes / p.groups;
      const int64_t column = stripe * kReduceStripe;
      const int64_t width = HWY_MIN(kReduceStripe, p.inner - column);
      if (p.inner == 1) {
        totals[0] = ReduceRuns<Terms>(p, x, block, group);
      } else {
        ReduceRows<Terms>(p, x, block, group, column, width, totals);
      }
      Total* to = partial + (block * p.groups + group) * p.inner + column;
      for (int64_t c = 0; c < width; ++c) {
        if (p.groups == 1) out[block * p.inner + column + c] = finish(totals[c]);
        else to[c] = totals[c];
      }
    }
  });
  if (p.groups == 1) return;
  for (int64_t block = 0; block < p.blocks; ++block) {
    Total* first = partial + block * p.groups * p.inner;
    for (int64_t group = 1; group < p.groups; ++group)
      for (int64_t c = 0; c < p.inner; ++c) first[c] = Terms::Merge(first[c], first[group * p.inner + c]);
    for (int64_t c = 0; c < p.inner; ++c) out[block * p.inner + c] = finish(first[c]);
  }
}

Status ReduceKernel(Call& call) {
  const ReducePlan p = PlanReduce(call.dims);
  const double count = static_cast<double>(p.first * p.second);
  // + 0: a zero of either sign is +0, whichever of them came first.
  const auto exact = [](float best) { return best + 0.0f; };
  switch (static_cast<int>(call.scalars[0])) {
    case kReduceMean:
      Reduce<SumTerms>(call, p, [=](double total) { return static_cast<float>(total / count); });
      return Status::kOk;
    case kReduceMax:
      Reduce<ExtremeTerms<true>>(call, p, exact);
      return Status::kOk;
    case kReduceMin:
      Reduce<ExtremeTerms<false>>(call, p, exact);
      return Status::kOk;
    default:
      Reduce<SumTerms>(call, p, [](double total) { return static_cast<float>(total); });
      return Status::kOk;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evenkeel {
namespace {
constexpr Operand kOperands[] = {
    Write("out", Dim<0, 2, 4>),
    Read("x", Dim<0, 1, 2, 3, 4>),
};
size_t Workspace(const int64_t* dims, const double*, int) {
  const ReducePlan p = PlanReduce(dims);
  return p.groups == 1 ? 0 : static_cast<size_t>(p.blocks * p.groups * p.inner) * sizeof(double);
}
}  // namespace
extern const KernelEntry kReduce;
const KernelEntry kReduce = {"reduce", kOperands, 2, 5, 1, Workspace, {EVK_TARGETS(ReduceKernel)}};
}  // namespace evenkeel
#endif

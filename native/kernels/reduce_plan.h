// How a reduction is cut: the same for every instruction set and thread count, and part of the result's definition
// (lib/kernels/reduce.ts does the same).
#ifndef EVENKEEL_KERNELS_REDUCE_PLAN_H_
#define EVENKEEL_KERNELS_REDUCE_PLAN_H_

#include <algorithm>
#include <cstdint>

namespace evenkeel {

enum ReductionCode : int { kReduceSum = 0, kReduceMean = 1, kReduceMax = 2, kReduceMin = 3 };

// Elements of a run that one group takes: 64 KiB, below which a second thread costs more than it brings.
constexpr int64_t kReducePiece = 16384;
// Rows of a group where the outputs are neighbours.
constexpr int64_t kReduceRows = 512;
// The totals of a stripe are 2 KiB of L1; 1 KiB of a row is enough of a stream for the prefetcher.
constexpr int64_t kReduceStripe = 256;

struct ReducePlan {
  int64_t first, middle, second, inner;
  int64_t blocks;          // outer · middle
  int64_t pieces;          // groups that a run is cut into; inner 1 only
  int64_t group;           // runs of a group where inner is 1, else rows
  int64_t groups;          // of an output; at least 1
  int64_t stripes;
  int64_t units_together;  // of a chunk
  int64_t run_stride;      // from one `first` to the next

  int64_t BlockStart(int64_t block) const { return (block / middle * first * middle + block % middle) * second * inner; }
};

inline ReducePlan PlanReduce(const int64_t* dims) {
  const auto parts = [](int64_t total, int64_t size) { return (total + size - 1) / size; };
  ReducePlan p = {};
  p.first = dims[1];
  p.middle = dims[2];
  p.second = dims[3];
  p.inner = dims[4];
  if (p.middle == 1) {
    p.second *= p.first;
    p.first = 1;
  }
  p.blocks = dims[0] * p.middle;
  p.run_stride = p.middle * p.second * p.inner;
  p.pieces = 1;
  const bool runs = p.inner == 1;
  if (runs) p.pieces = std::max(int64_t{1}, parts(p.second, kReducePiece));
  p.group = runs ? (p.pieces > 1 ? 1 : std::max(int64_t{1}, kReducePiece / std::max(int64_t{1}, p.second))) : kReduceRows;
  const int64_t terms = runs ? p.first : p.first * p.second;
  p.groups = std::max(int64_t{1}, parts(terms, p.group) * p.pieces);
  p.stripes = parts(p.inner, kReduceStripe);
  const int64_t rows = std::max(int64_t{1}, std::min(p.group * (runs ? p.second : 1), p.first * p.second));
  const int64_t unit = std::min(rows, kReducePiece) * std::min(std::max(int64_t{1}, p.inner), kReduceStripe);
  p.units_together = std::max(int64_t{1}, kReducePiece / unit);
  return p;
}

}  // namespace evenkeel

#endif  // EVENKEEL_KERNELS_REDUCE_PLAN_H_

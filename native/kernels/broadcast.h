// How an element-wise kernel walks operands of which each may be repeated along some of the six dims. A bit k in an
// operand's mask (a scalar of the call) says that it has one element along dim k; an operand that is absent is a number.
#ifndef EVENKEEL_KERNELS_BROADCAST_H_
#define EVENKEEL_KERNELS_BROADCAST_H_

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "native/kernels/kernel.h"

namespace evenkeel {

constexpr int kBroadcastDims = 6;
// 64 KiB of output a chunk: below it a second thread costs more than it brings.
constexpr int64_t kBroadcastChunk = 16384;
// Repeated operands of short rows are written out into a stretch of this many elements first: 2 KiB, so that three of
// them stay in L1 beside what the loop reads and writes.
constexpr int64_t kBroadcastStretch = 512;
// Rows from this length on are run over where they stand: the turn of a row costs about 5 ns, writing out about half
// a ns an element.
constexpr int64_t kBroadcastLongRow = 32;

inline int BroadcastMask(double scalar) { return static_cast<int>(scalar); }

// Elements of the operand whose mask is scalar `kScalar`.
template <int kScalar>
int64_t BroadcastElements(const int64_t* dims, const double* scalars) {
  int64_t count = 1;
  for (int k = 0; k < kBroadcastDims; ++k)
    if (!(BroadcastMask(scalars[kScalar]) >> k & 1)) count *= dims[k];
  return count;
}

// out[i] from the operands' from[k][i * steps[k]], for i below `length`; a step is 0 or 1. By pointer: the walk is compiled
// once, not for each operation and instruction set.
using BroadcastRun = void (*)(float* out, int64_t length, const float* const* from, const int64_t* steps);

// Where a chunk stands: the place in each dim, and the offset in each operand.
template <int kOperands>
class BroadcastWalk {
 public:
  void SetSizes(const int64_t* dims) {
    std::copy(dims, dims + kBroadcastDims, sizes_);
    count_ = 1;
    for (int64_t size : sizes_) count_ *= size;
  }
  // `number` stands for an operand that is absent; it must outlive the walk.
  void SetOperand(int operand, const float* data, double mask_scalar, const float* number) {
    const int every = (1 << kBroadcastDims) - 1;
    const int mask = data ? BroadcastMask(mask_scalar) & every : every;
    data_[operand] = data ? data : number;
    int64_t stride = 1;
    bool dense = true, single = true;
    for (int k = kBroadcastDims - 1; k >= 0; --k) {
      const bool repeated = mask >> k & 1;
      strides_[operand][k] = repeated ? 0 : stride;
      if (!repeated) stride *= sizes_[k];
      if (sizes_[k] != 1) (repeated ? dense : single) = false;
    }
    reach_[operand] = single ? Reach::kSingle : dense ? Reach::kDense : Reach::kRepeated;
  }
  int64_t count() const { return count_; }
  int64_t chunks() const { return (count_ + kBroadcastChunk - 1) / kBroadcastChunk; }

  // The runs of a chunk, in order.
  void Chunk(int64_t chunk, float* out, BroadcastRun run) const {
    const int64_t begin = chunk * kBroadcastChunk;
    const int64_t end = std::min(begin + kBroadcastChunk, count_);
    if (sizes_[kBroadcastDims - 1] < kBroadcastLongRow) {
      Stretches(begin, end, out, run);
    } else {
      Rows(begin, end, out, run);
    }
  }

 private:
  static constexpr int kLast = kBroadcastDims - 1;
  // Beyond a stretch: repeating writes eight at a time.
  static constexpr int64_t kSlack = 8;
  // One element for all outputs, one for each, or something between.
  enum class Reach { kSingle, kDense, kRepeated };

  // A place in the dims before `kWithin`, the operand's offset there, and how far the output is into the dims from it on.
  template <int kWithin>
  struct Place {
    int64_t at[kWithin];
    int64_t offset;
    int64_t within;
  };

  template <int kWithin>
  int64_t WithinSize() const {
    int64_t size = 1;
    for (int k = kWithin; k < kBroadcastDims; ++k) size *= sizes_[k];
    return size;
  }

  template <int kWithin>
  Place<kWithin> PlaceOf(int operand, int64_t element) const {
    Place<kWithin> place;
    const int64_t size = WithinSize<kWithin>();
    place.within = element % size;
    element /= size;
    place.offset = 0;
    for (int k = kWithin - 1; k >= 0; --k) {
      place.at[k] = element % sizes_[k];
      element /= sizes_[k];
      place.offset += place.at[k] * strides_[operand][k];
    }
    return place;
  }

  template <int kWithin>
  void Advance(int operand, Place<kWithin>& place) const {
    place.within = 0;
    for (int k = kWithin - 1; k >= 0; --k) {
      place.offset += strides_[operand][k];
      if (++place.at[k] < sizes_[k]) return;
      place.offset -= sizes_[k] * strides_[operand][k];
      place.at[k] = 0;
    }
  }

  void Rows(int64_t begin, int64_t end, float* out, BroadcastRun run) const {
    Place<kLast> places[kOperands];
    const float* pointers[kOperands];
    int64_t steps[kOperands];
    for (int operand = 0; operand < kOperands; ++operand) {
      places[operand] = PlaceOf<kLast>(operand, begin);
      steps[operand] = strides_[operand][kLast];
    }
    for (int64_t i = begin; i < end;) {
      const int64_t within = places[0].within;
      const int64_t length = std::min(sizes_[kLast] - within, end - i);
      for (int operand = 0; operand < kOperands; ++operand) {
        pointers[operand] = data_[operand] + places[operand].offset + within * steps[operand];
        Advance(operand, places[operand]);
      }
      run(out + i, length, pointers, steps);
      i += length;
    }
  }

  void Stretches(int64_t begin, int64_t end, float* out, BroadcastRun run) const {
    alignas(64) float stretches[kOperands][kBroadcastStretch + kSlack];
    Place<kLast - 1> places[kOperands];
    const float* pointers[kOperands];
    int64_t steps[kOperands];
    for (int operand = 0; operand < kOperands; ++operand)
      if (reach_[operand] == Reach::kRepeated) places[operand] = PlaceOf<kLast - 1>(operand, begin);
    for (int64_t i = begin; i < end; i += kBroadcastStretch) {
      const int64_t length = std::min(kBroadcastStretch, end - i);
      for (int operand = 0; operand < kOperands; ++operand) {
        steps[operand] = reach_[operand] == Reach::kSingle ? 0 : 1;
        pointers[operand] = data_[operand] + i * steps[operand];
        if (reach_[operand] != Reach::kRepeated) continue;
        WriteOut(operand, places[operand], stretches[operand], length);
        pointers[operand] = stretches[operand];
      }
      run(out + i, length, pointers, steps);
    }
  }

  // The next `length` elements of a repeated operand, a block of the last two dims after the other.
  void WriteOut(int operand, Place<kLast - 1>& place, float* to, int64_t length) const {
    const int64_t row = sizes_[kLast];
    const int64_t block = sizes_[kLast - 1] * row;
    const bool row_repeats = strides_[operand][kLast] == 0;
    const bool block_repeats = strides_[operand][kLast - 1] == 0;
    while (length > 0) {
      const int64_t run = std::min(block - place.within, length);
      const float* from = data_[operand] + place.offset;
      if (row_repeats && block_repeats) {
        std::fill(to, to + run, *from);
      } else if (row_repeats) {
        RepeatEach(from, row, place.within, to, run);
      } else if (block_repeats) {
        RepeatRow(from, row, place.within, to, run);
      } else {
        std::copy(from + place.within, from + place.within + run, to);
      }
      to += run;
      length -= run;
      place.within += run;
      if (place.within == block) Advance(operand, place);
    }
  }

  // from[0] `row` times, from[1] `row` times, …, from the element `start` of these on. Writes up to kSlack more.
  static void RepeatEach(const float* from, int64_t row, int64_t start, float* to, int64_t run) {
    from += start / row;
    int64_t left = row - start % row;
    for (int64_t i = 0; i < run;) {
      for (int64_t j = 0; j < left && i + j < run; j += kSlack)
        for (int64_t lane = 0; lane < kSlack; ++lane) to[i + j + lane] = *from;
      i += left;
      ++from;
      left = row;
    }
  }

  // from[0 … row) again and again, from the element `start` of these on: what is written is copied, twice as much each time.
  static void RepeatRow(const float* from, int64_t row, int64_t start, float* to, int64_t run) {
    int64_t at = start % row;
    int64_t done = 0;
    for (; done < std::min(row, run); ++done) {
      to[done] = from[at];
      if (++at == row) at = 0;
    }
    while (done < run) {
      const int64_t more = std::min(done, run - done);
      std::memcpy(to + done, to, static_cast<size_t>(more) * sizeof(float));
      done += more;
    }
  }

  int64_t sizes_[kBroadcastDims];
  int64_t count_ = 0;
  const float* data_[kOperands];
  int64_t strides_[kOperands][kBroadcastDims];
  Reach reach_[kOperands];
};

}  // namespace evenkeel

#endif  // EVENKEEL_KERNELS_BROADCAST_H_

// How the batch-normalization kernels cut [outer, channels, inner] into chunks, and where their workspace lies. All of it
// follows from the dims alone, so the bits do not depend on the number of threads.
#ifndef EVENKEEL_KERNELS_BATCH_NORM_H_
#define EVENKEEL_KERNELS_BATCH_NORM_H_

#include <cstdint>

#include "native/kernels/kernel.h"

namespace evenkeel {

// Rows whose float32 sums are kept before they go to float64.
constexpr int64_t kBlockRows = 128;
// 128 KiB of one operand: below it a second thread costs more than it brings.
constexpr int64_t kChunkElements = 32768;
// A stripe of columns over this many rows (256 KiB at 256 columns) stays in L2 between statistics and apply.
constexpr int64_t kStripeRows = 256;
// Partial results of at most this many chunks of rows are merged; more would cost time, fewer would starve threads.
constexpr int64_t kMostRowChunks = 64;
// Elements of a channel (1 MiB) that one chunk takes; a longer channel is cut.
constexpr int64_t kSegment = int64_t{1} << 18;

constexpr int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }
constexpr int64_t Least(int64_t a, int64_t b) { return a < b ? a : b; }
constexpr int64_t Most(int64_t a, int64_t b) { return a > b ? a : b; }

// stripes: inner 1, few rows: a chunk is a stripe of columns from statistics to apply.
// rows: inner 1: chunks of rows in two passes.
// channels: inner above 1: a chunk is a group of whole channels from statistics to apply.
// segments: inner above 1, long channels: a chunk is a part of one channel, in two passes.
enum class Cut { kStripes, kRows, kChannels, kSegments };

struct BatchNormPlan {
  int64_t outer, channels, inner;
  Cut cut;
  int64_t size;    // columns, rows, channels or elements a chunk
  int64_t chunks;  // of kSegments: channels · parts
  int64_t parts;   // partial results a channel

  explicit BatchNormPlan(const int64_t* dims) : outer(dims[0]), channels(dims[1]), inner(dims[2]), parts(1) {
    const int64_t values = Values();
    if (values == 0 || channels == 0) {
      cut = Cut::kStripes;
      size = Most(channels, 1);
      chunks = CeilDiv(channels, size);
    } else if (inner == 1 && outer <= kStripeRows) {
      cut = Cut::kStripes;
      size = Most(64, kChunkElements / outer / 64 * 64);
      chunks = CeilDiv(channels, size);
    } else if (inner == 1) {
      cut = Cut::kRows;
      const int64_t blocks = Most(CeilDiv(kChunkElements, kBlockRows * channels), CeilDiv(outer, kBlockRows * kMostRowChunks));
      size = kBlockRows * blocks;
      chunks = parts = CeilDiv(outer, size);
    } else if (values <= 2 * kSegment) {
      cut = Cut::kChannels;
      size = Most(1, kChunkElements / values);
      chunks = CeilDiv(channels, size);
    } else {
      cut = Cut::kSegments;
      size = kSegment;
      parts = CeilDiv(values, size);
      chunks = channels * parts;
    }
  }

  // visit(channel, begin, end) for the values that a chunk of kChannels or kSegments takes.
  template <class Visit>
  void ForEachRange(int64_t chunk, Visit&& visit) const {
    if (cut == Cut::kSegments) {
      const int64_t begin = chunk % parts * size;
      visit(chunk / parts, begin, Least(Values(), begin + size));
    } else {
      for (int64_t c = chunk * size; c < Least(channels, (chunk + 1) * size); ++c) visit(c, int64_t{0}, Values());
    }
  }

  // Values a channel.
  int64_t Values() const { return outer * inner; }
  // Doubles for the partial results: two numbers a channel and part.
  int64_t PartialCount() const { return 2 * channels * parts; }
};

// A piece of a channel that lies in one run of memory.
struct RunPiece {
  int64_t first;  // index of its first element
  int64_t length;
};

// visit(piece) for the values begin … end-1 of channel c, counted along its runs.
template <class Visit>
inline void ForEachPiece(const BatchNormPlan& plan, int64_t c, int64_t begin, int64_t end, Visit&& visit) {
  int64_t run = begin / plan.inner, from = begin % plan.inner;
  while (begin < end) {
    const int64_t length = Least(plan.inner - from, end - begin);
    visit(RunPiece{(run * plan.channels + c) * plan.inner + from, length});
    begin += length;
    from = 0;
    ++run;
  }
}

// Workspace: partials (float64), then `arrays` float32 arrays of one value a channel, then three such arrays a thread.
struct BatchNormWorkspace {
  double* partials;
  float* arrays;
  float* sums;

  BatchNormWorkspace(void* workspace, const BatchNormPlan& plan, int array_count)
      : partials(static_cast<double*>(workspace)),
        arrays(reinterpret_cast<float*>(partials + plan.PartialCount())),
        sums(arrays + array_count * plan.channels) {}

  static size_t Bytes(const BatchNormPlan& plan, int array_count, int threads) {
    return static_cast<size_t>(plan.PartialCount()) * sizeof(double) +
           static_cast<size_t>(plan.channels) * sizeof(float) * static_cast<size_t>(array_count + 3 * threads);
  }
};

}  // namespace evenkeel

#endif  // EVENKEEL_KERNELS_BATCH_NORM_H_

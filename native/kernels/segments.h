// The optimizers' segment table over the flat parameters: lib/kernels/table.ts names its columns.
#ifndef EVENKEEL_KERNELS_SEGMENTS_H_
#define EVENKEEL_KERNELS_SEGMENTS_H_

#include <cstdint>

#include "native/runtime/parallel.h"

namespace evenkeel {

constexpr int64_t kSegmentColumns = 6;
// 64 KiB of parameters a chunk: below it a second thread costs more than it brings. Sums go chunk by chunk, so the bits
// follow from it: lib/kernels/segments.ts has the same.
constexpr int64_t kSegmentChunk = 16384;

inline int64_t SegmentElements(const int64_t* dims, const double*) { return dims[1] * kSegmentColumns; }

struct Segment {
  int64_t start;
  int64_t end;
  double rate_factor;
  double weight_decay;
  double max_norm;
  int64_t row_length;  // 0: no rows
};

// False for a row that does not lie inside [0, count], NaN among them: it is left alone.
inline bool ReadSegment(const double* row, int64_t count, Segment* segment) {
  if (!(row[0] >= 0 && row[1] >= 0 && row[0] + row[1] <= static_cast<double>(count))) return false;
  segment->start = static_cast<int64_t>(row[0]);
  segment->end = segment->start + static_cast<int64_t>(row[1]);
  segment->rate_factor = row[2];
  segment->weight_decay = row[3];
  segment->max_norm = row[4];
  segment->row_length = row[5] >= 1 && row[5] <= row[1] ? static_cast<int64_t>(row[5]) : 0;
  return true;
}

// body(segment, begin, end) for the part of every segment that lies in each fixed chunk of the flat parameters. Chunks
// share no element whatever the table says, so a bad table is no race.
template <class Body>
void ForEachSegmentPart(const Parallel& parallel, int64_t count, const double* table, int64_t segments, Body body) {
  parallel.For((count + kSegmentChunk - 1) / kSegmentChunk, [=](int64_t chunk, int) {
    const int64_t chunk_begin = chunk * kSegmentChunk;
    const int64_t chunk_end = chunk_begin + kSegmentChunk;
    for (int64_t s = 0; s < segments; ++s) {
      Segment segment;
      if (!ReadSegment(table + s * kSegmentColumns, count, &segment)) continue;
      const int64_t begin = segment.start > chunk_begin ? segment.start : chunk_begin;
      const int64_t end = segment.end < chunk_end ? segment.end : chunk_end;
      if (begin < end) body(segment, begin, end);
    }
  });
}

}  // namespace evenkeel

#endif  // EVENKEEL_KERNELS_SEGMENTS_H_

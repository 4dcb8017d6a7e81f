// Rows of a data set, by number or one after the other, into one piece; bytes become float32 on the way.
#ifndef EVENKEEL_KERNELS_GATHER_ROWS_H_
#define EVENKEEL_KERNELS_GATHER_ROWS_H_

#include <cstdint>

#include "native/kernels/kernel.h"

namespace evenkeel {

struct RowGather {
  void* out;
  const void* source;
  DType out_dtype;
  DType source_dtype;  // as out_dtype, or kUint8 where that is kFloat32
  const int32_t* rows;  // null: consecutive from `first`. Checked by the caller.
  int64_t first;
  int64_t count;
  int64_t row_elements;
  // Float32 out only: value · scale + shift, a float32 product and a float32 sum.
  bool affine;
  float scale;
  float shift;
};

using RowGatherFunction = void (*)(const RowGather& gather, Parallel parallel);
// By target, as kTargetNames.
extern const RowGatherFunction kGatherRows[kTargetCount];

}  // namespace evenkeel

#endif  // EVENKEEL_KERNELS_GATHER_ROWS_H_

// permute: out = x with its dimensions in another order; output dimension i is dimension permutation[i] of x
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/permute.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "native/kernels/elements.h"
#include "native/kernels/kernel.h"
#include "native/simd/copy-rows-inl.h"
#include "native/simd/transpose-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int kPermuteDims = 6;
// A tile of 64 × 64 is read and written in whole cache lines; both sides fit L1.
constexpr int64_t kPermuteTile = 64;

struct Permutation {
  // By dimension of the output.
  int64_t size[kPermuteDims];
  int64_t from_stride[kPermuteDims];
  int64_t to_stride[kPermuteDims];
  int last_of_x;  // which of them is x's last
};

// Numbers that are no permutation leave the order as it is.
Permutation ReadPermutation(const int64_t* dims, const double* scalars) {
  int order[kPermuteDims];
  unsigned seen = 0;
  for (int i = 0; i < kPermuteDims; ++i) {
    order[i] = scalars[i] >= 0 && scalars[i] < kPermuteDims ? static_cast<int>(scalars[i]) : 0;
    seen |= 1u << order[i];
  }
  const bool known = seen == (1u << kPermuteDims) - 1;
  int64_t stride[kPermuteDims];
  int64_t all = 1;
  for (int i = kPermuteDims - 1; i >= 0; --i) {
    stride[i] = all;
    all *= dims[i];
  }
  Permutation p;
  all = 1;
  for (int i = kPermuteDims - 1; i >= 0; --i) {
    const int axis = known ? order[i] : i;
    p.size[i] = dims[axis];
    p.from_stride[i] = stride[axis];
    p.to_stride[i] = all;
    all *= p.size[i];
    if (axis == kPermuteDims - 1) p.last_of_x = i;
  }
  return p;
}

// The rows of the output are rows of x.
void PermuteRows(const Parallel& parallel, const Permutation& p, const float* x, float* out) {
  int64_t rows = 1;
  for (int i = 0; i + 1 < kPermuteDims; ++i) rows *= p.size[i];
  const int64_t length = p.size[kPermuteDims - 1];
  CopyEachRow(parallel, rows, length, [=](int64_t row, const float*& from, float*& to) EVK_LAMBDA {
    to = out + row * length;
    from = x;
    for (int i = kPermuteDims - 2; i >= 0; --i) {
      from += row % p.size[i] * p.from_stride[i];
      row /= p.size[i];
    }
  });
}

// 16 × 16: a cache line of each row, read and written once. Lines that are pages apart meet in one set of L1, so no more
// than eight of them are in use at a time, and what is written goes through a block of our own.
constexpr int64_t kLine = 16;
HWY_INLINE void TransposeLines(const float* from, int64_t from_stride, float* to, int64_t to_stride) {
  const hn::ScalableTag<float> d;
  constexpr int64_t kWidth = static_cast<int64_t>(hn::MaxLanes(d));
  HWY_ALIGN float block[kLine * kLine];
  for (int64_t r = 0; r < kLine; r += kWidth) {
    for (int64_t c = 0; c < kLine; c += kTransposeColumns) {
      hn::Vec<decltype(d)> column[kTransposeColumns];
      TransposeColumns(d, from + r * from_stride + c, from_stride, column);
      _Pragma("GCC unroll 4") for (int64_t k = 0; k < kTransposeColumns; ++k)
        hn::StoreU(column[k], d, block + (c + k) * kLine + r);
    }
  }
  for (int64_t c = 0; c < kLine; ++c) CopyFloats(block + c * kLine, kLine, to + c * to_stride);
}

// out[c, r] = x[r, c] for `rows` × `columns`; rows of x are `from_stride` apart, those of out `to_stride`.
HWY_INLINE void TransposeTile(const float* from, int64_t from_stride, int64_t rows, int64_t columns, float* to, int64_t to_stride) {
  const hn::ScalableTag<float> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t r = 0;
  for (; r + kLine <= rows; r += kLine) {
    int64_t c = 0;
    for (; c + kLine <= columns; c += kLine) TransposeLines(from + r * from_stride + c, from_stride, to + c * to_stride + r, to_stride);
    for (; c < columns; ++c)
      for (int64_t k = r; k < r + kLine; ++k) to[c * to_stride + k] = from[k * from_stride + c];
  }
  for (; r + lanes <= rows; r += lanes) {
    int64_t c = 0;
    for (; c + kTransposeColumns <= columns; c += kTransposeColumns) {
      hn::Vec<decltype(d)> column[kTransposeColumns];
      TransposeColumns(d, from + r * from_stride + c, from_stride, column);
      _Pragma("GCC unroll 4") for (int64_t k = 0; k < kTransposeColumns; ++k)
        hn::StoreU(column[k], d, to + (c + k) * to_stride + r);
    }
    for (; c < columns; ++c)
      for (int64_t k = r; k < r + lanes; ++k) to[c * to_stride + k] = from[k * from_stride + c];
  }
  if (r == rows) return;
  for (int64_t c = 0; c < columns; ++c)
    for (int64_t k = r; k < rows; ++k) to[c * to_stride + k] = from[k * from_stride + c];
}

// x's last dimension and the output's last are tiled; the others are looped over.
void PermuteTiles(const Parallel& parallel, const Permutation& p, const float* x, float* out) {
  constexpr int kLast = kPermuteDims - 1;
  const int64_t rows = p.size[kLast];
  const int64_t columns = p.size[p.last_of_x];
  int64_t matrices = 1;
  for (int i = 0; i < kLast; ++i) matrices *= i == p.last_of_x ? 1 : p.size[i];
  const auto tiles = [](int64_t size) { return (size + kPermuteTile - 1) / kPermuteTile; };
  const int64_t units = matrices * tiles(rows) * tiles(columns);
  const int64_t together = HWY_MAX(int64_t{1}, kCopyChunk / (HWY_MIN(rows, kPermuteTile) * HWY_MIN(columns, kPermuteTile)));
  parallel.For((units + together - 1) / together, [=](int64_t chunk, int) HWY_ATTR {
    for (int64_t unit = chunk * together; unit < HWY_MIN((chunk + 1) * together, units); ++unit) {
      const int64_t row = unit % tiles(rows) * kPermuteTile;
      const int64_t column = unit / tiles(rows) % tiles(columns) * kPermuteTile;
      int64_t matrix = unit / tiles(rows) / tiles(columns);
      const float* from = x + row * p.from_stride[kLast] + column;
      float* to = out + column * p.to_stride[p.last_of_x] + row;
      for (int i = kLast - 1; i >= 0; --i) {
        if (i == p.last_of_x) continue;
        from += matrix % p.size[i] * p.from_stride[i];
        to += matrix % p.size[i] * p.to_stride[i];
        matrix /= p.size[i];
      }
      TransposeTile(from, p.from_stride[kLast], HWY_MIN(kPermuteTile, rows - row), HWY_MIN(kPermuteTile, columns - column), to,
                    p.to_stride[p.last_of_x]);
    }
  });
}

Status Permute(Call& call) {
  for (int i = 0; i < kPermuteDims; ++i)
    if (call.dims[i] == 0) return Status::kOk;
  const Permutation p = ReadPermutation(call.dims, call.scalars);
  if (p.last_of_x == kPermuteDims - 1) PermuteRows(call.parallel, p, call.In(1), call.Out(0));
  else PermuteTiles(call.parallel, p, call.In(1), call.Out(0));
  return Status::kOk;
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evenkeel {
namespace {
constexpr Operand kOperands[] = {
    Write("out", Dim<0, 1, 2, 3, 4, 5>),
    Read("x", Dim<0, 1, 2, 3, 4, 5>),
};
}  // namespace
extern const KernelEntry kPermute;
const KernelEntry kPermute = {"permute", kOperands, 2, 6, 6, nullptr, {EVK_TARGETS(Permute)}};
}  // namespace evenkeel
#endif

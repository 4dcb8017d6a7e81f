// out[i] = source[rows[i]] · scale + shift
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/kernels/gather_rows.cc"
#include "native/simd/targets.h"
// clang-format: targets.h settles which targets there are, so it comes first
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <cstring>

#include "native/kernels/gather_rows.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// 128 KiB of output a chunk: a memory copy of it takes about 10 µs, a few times what a second thread costs.
constexpr int64_t kGatherChunkBytes = 131072;

void WidenBytes(float* out, const uint8_t* in, int64_t count) {
  const hn::ScalableTag<float> d;
  const hn::Rebind<uint8_t, decltype(d)> bytes;
  const hn::Rebind<int32_t, decltype(d)> integers;
  const int64_t lanes = hn::Lanes(d);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes)
    hn::StoreU(hn::ConvertTo(d, hn::PromoteTo(integers, hn::LoadU(bytes, in + i))), d, out + i);
  for (; i < count; ++i) out[i] = static_cast<float>(in[i]);
}

void ScaleBytes(float* out, const uint8_t* in, int64_t count, float scale, float shift) {
  const hn::ScalableTag<float> d;
  const hn::Rebind<uint8_t, decltype(d)> bytes;
  const hn::Rebind<int32_t, decltype(d)> integers;
  const int64_t lanes = hn::Lanes(d);
  const auto factor = hn::Set(d, scale), term = hn::Set(d, shift);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto value = hn::ConvertTo(d, hn::PromoteTo(integers, hn::LoadU(bytes, in + i)));
    hn::StoreU(hn::Add(hn::Mul(value, factor), term), d, out + i);
  }
  for (; i < count; ++i) out[i] = static_cast<float>(in[i]) * scale + shift;
}

void ScaleFloats(float* out, const float* in, int64_t count, float scale, float shift) {
  const hn::ScalableTag<float> d;
  const int64_t lanes = hn::Lanes(d);
  const auto factor = hn::Set(d, scale), term = hn::Set(d, shift);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(hn::Add(hn::Mul(hn::LoadU(d, in + i), factor), term), d, out + i);
  for (; i < count; ++i) out[i] = in[i] * scale + shift;
}

// `count` elements that lie side by side: a row, or many consecutive ones.
void GatherPiece(const RowGather& gather, int64_t to, int64_t from, int64_t count) {
  if (gather.source_dtype == DType::kUint8 && gather.out_dtype == DType::kFloat32) {
    float* out = static_cast<float*>(gather.out) + to;
    const uint8_t* in = static_cast<const uint8_t*>(gather.source) + from;
    if (gather.affine) return ScaleBytes(out, in, count, gather.scale, gather.shift);
    return WidenBytes(out, in, count);
  }
  if (gather.affine && gather.out_dtype == DType::kFloat32)
    return ScaleFloats(static_cast<float*>(gather.out) + to, static_cast<const float*>(gather.source) + from, count, gather.scale,
                       gather.shift);
  const int64_t size = static_cast<int64_t>(BytesPerElement(gather.out_dtype));
  std::memcpy(static_cast<char*>(gather.out) + to * size, static_cast<const char*>(gather.source) + from * size,
              static_cast<size_t>(count * size));
}

void GatherRows(const RowGather& gather, Parallel parallel) {
  const int64_t elements = gather.row_elements;
  if (gather.count == 0 || elements == 0) return;
  const int64_t row_bytes = elements * static_cast<int64_t>(BytesPerElement(gather.out_dtype));
  const int64_t chunk_rows = kGatherChunkBytes > row_bytes ? kGatherChunkBytes / row_bytes : 1;
  parallel.For((gather.count + chunk_rows - 1) / chunk_rows, [&](int64_t chunk, int) {
    const int64_t begin = chunk * chunk_rows;
    const int64_t end = begin + chunk_rows < gather.count ? begin + chunk_rows : gather.count;
    if (!gather.rows) return GatherPiece(gather, begin * elements, (gather.first + begin) * elements, (end - begin) * elements);
    for (int64_t i = begin; i < end; ++i) GatherPiece(gather, i * elements, static_cast<int64_t>(gather.rows[i]) * elements, elements);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace evenkeel {
extern const RowGatherFunction kGatherRows[kTargetCount];
const RowGatherFunction kGatherRows[kTargetCount] = {EVK_TARGETS(GatherRows)};
}  // namespace evenkeel
#endif

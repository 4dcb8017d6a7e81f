#include "native/addon/gather.h"

#include <cstring>

#include "native/addon/arguments.h"
#include "native/kernels/gather_rows.h"
#include "native/runtime/fixed_array.h"

namespace evenkeel {
namespace {

Napi::Value RefuseRange(Napi::Env env, const char* message) {
  napi_throw_range_error(env, "EVENKEEL_RANGE", message);
  return env.Undefined();
}

// A private copy: over shared memory the numbers could change between the check and the use.
bool CopyRows(const ArrayView& view, int64_t count, FixedArray<int32_t>* rows) {
  if (!rows->Allocate(static_cast<size_t>(count))) return false;
  if (count > 0) std::memcpy(rows->data(), view.data, static_cast<size_t>(count) * sizeof(int32_t));
  return true;
}

}  // namespace

Napi::Value Gather(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  int isa;
  ArrayView target, source, numbers;
  RowGather gather{};
  constexpr int64_t kMost = int64_t{1} << 40;
  if (info.Length() != 7 || !ReadTarget(env, info[0], &isa) || !ReadArray(env, info[1], &target) || !ReadArray(env, info[2], &source) ||
      target.dtype != source.dtype || !ReadInteger(env, info[3], 0, kMost, &gather.row_elements) ||
      !ReadInteger(env, info[5], -kMost, kMost, &gather.first) || !ReadInteger(env, info[6], 0, kMost, &gather.count))
    return Refuse(env, "gather: expected (isa, target, source, rowElements, rows, first, count)");
  if (gather.row_elements == 0 || gather.count == 0) return env.Undefined();
  if (static_cast<int64_t>(target.length) / gather.row_elements < gather.count) return RefuseRange(env, "gather: the target is too short");
  const int64_t held = static_cast<int64_t>(source.length) / gather.row_elements;
  FixedArray<int32_t> rows;
  if (info[4].IsNull()) {
    if (gather.first < 0 || gather.first > held || gather.count > held - gather.first) return RefuseRange(env, "gather: the source has fewer rows");
  } else {
    if (!ReadArray(env, info[4], &numbers) || numbers.dtype != DType::kInt32) return Refuse(env, "gather: expected row numbers");
    if (static_cast<int64_t>(numbers.length) < gather.count) return RefuseRange(env, "gather: expected a row number for each row");
    if (!CopyRows(numbers, gather.count, &rows)) return RefuseMemory(env, "gather: out of memory");
    for (int32_t row : rows)
      if (row < 0 || row >= held) return RefuseRange(env, "gather: a row number is outside the source");
    gather.rows = rows.data();
  }
  gather.out = target.data;
  gather.source = source.data;
  gather.out_dtype = gather.source_dtype = target.dtype;
  kGatherRows[isa](gather, Parallel{1});
  return env.Undefined();
}

}  // namespace evenkeel

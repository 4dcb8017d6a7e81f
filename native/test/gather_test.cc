#include <vector>

#include "native/kernels/gather_rows.h"
#include "native/test/check.h"

namespace evenkeel::test {
namespace {

constexpr int64_t kRows = 23;

RowGather Gather(const void* source, DType source_dtype, void* out, DType out_dtype, const std::vector<int32_t>* rows, int64_t width,
                 bool affine) {
  RowGather gather{};
  gather.out = out;
  gather.source = source;
  gather.out_dtype = out_dtype;
  gather.source_dtype = source_dtype;
  gather.rows = rows ? rows->data() : nullptr;
  gather.first = rows ? 0 : 2;
  gather.count = rows ? static_cast<int64_t>(rows->size()) : kRows - 2;
  gather.row_elements = width;
  gather.affine = affine;
  gather.scale = 1.0f / 255;
  gather.shift = -0.1307f;
  return gather;
}

// In memory of exactly the size, so that a sanitizer sees a step beyond.
template <typename Source, typename Out>
void TestPair(DType source_dtype, DType out_dtype, int target, int64_t width, bool numbered, bool affine) {
  std::vector<Source> source(static_cast<size_t>(kRows * width));
  for (size_t i = 0; i < source.size(); ++i) source[i] = static_cast<Source>(i * 7 % 251);
  std::vector<int32_t> rows = {22, 0, 3, 3, 21, 1};
  const int64_t count = numbered ? static_cast<int64_t>(rows.size()) : kRows - 2;
  std::vector<Out> out(static_cast<size_t>(count * width));
  const RowGather gather = Gather(source.data(), source_dtype, out.data(), out_dtype, numbered ? &rows : nullptr, width, affine);
  kGatherRows[target](gather, Parallel{2});
  bool same = true;
  for (int64_t i = 0; i < count; ++i)
    for (int64_t c = 0; c < width; ++c) {
      const int64_t row = numbered ? rows[static_cast<size_t>(i)] : i + 2;
      const Source value = source[static_cast<size_t>(row * width + c)];
      Out expected = static_cast<Out>(value);
      if (affine) {
        volatile float product = static_cast<float>(value) * gather.scale;
        expected = static_cast<Out>(product + gather.shift);
      }
      same = same && out[static_cast<size_t>(i * width + c)] == expected;
    }
  Check(same, "gather on %s, rows of %lld", kTargetNames[target], static_cast<long long>(width));
}

}  // namespace

void TestGather() {
  for (int target = 0; target < kTargetCount; ++target) {
    if (!TargetSupported(target) || !kGatherRows[target]) continue;
    for (int64_t width : {0, 1, 3, 8, 17, 784, 9001})
      for (bool numbered : {false, true}) {
        TestPair<float, float>(DType::kFloat32, DType::kFloat32, target, width, numbered, false);
        TestPair<float, float>(DType::kFloat32, DType::kFloat32, target, width, numbered, true);
        TestPair<uint8_t, float>(DType::kUint8, DType::kFloat32, target, width, numbered, false);
        TestPair<uint8_t, float>(DType::kUint8, DType::kFloat32, target, width, numbered, true);
        TestPair<int32_t, int32_t>(DType::kInt32, DType::kInt32, target, width, numbered, false);
        TestPair<uint8_t, uint8_t>(DType::kUint8, DType::kUint8, target, width, numbered, false);
        TestPair<double, double>(DType::kFloat64, DType::kFloat64, target, width, numbered, false);
      }
  }
}

}  // namespace evenkeel::test

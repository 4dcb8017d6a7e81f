// Every kernel of the table on every target: operands of exactly the size that the rules ask for, so that a sanitizer sees
// a step beyond; one and two threads give the same bits. Whether the numbers are right is what test/kernels holds.
#include <cstdlib>
#include <cstring>
#include <vector>

#include "native/kernels/kernel.h"
#include "native/runtime/program.h"
#include "native/test/check.h"

namespace evenkeel::test {
namespace {

using Dims = std::vector<int64_t>;
using Scalars = std::vector<double>;

// As test/helpers/cases.ts, and one size of several chunks.
const int64_t kLengths[] = {0, 1, 3, 4, 5, 7, 8, 9, 11, 15, 16, 17, 19, 35, 127, 1009, 70001};
const int64_t kSides[] = {0, 1, 3, 8, 17, 35};
const int64_t kShortSides[] = {0, 1, 5, 16, 19};

std::vector<Dims> CasesOf(int dim_count) {
  std::vector<Dims> cases;
  if (dim_count == 1)
    for (int64_t length : kLengths) cases.push_back({length});
  if (dim_count == 2) {
    for (int64_t a : kSides)
      for (int64_t b : kSides) cases.push_back({a, b});
    cases.insert(cases.end(), {{3, 20011}, {20011, 3}, {301, 257}});
  }
  if (dim_count == 3) {
    for (int64_t a : kShortSides)
      for (int64_t b : kShortSides)
        for (int64_t c : kShortSides) cases.push_back({a, b, c});
    cases.insert(cases.end(), {{130, 67, 1}, {5, 33, 130}, {129, 65, 70}, {700, 130, 1}});
  }
  // More dims: sides that rise and fall, with a 0, a 1 or a longer one at each place.
  if (dim_count > 3) {
    for (int at = 0; at < dim_count; ++at) {
      for (int64_t side : {0, 1, 19, 700}) {
        Dims dims;
        for (int i = 0; i < dim_count; ++i) dims.push_back(i == at ? side : 2 + (i + at) % 3);
        cases.push_back(dims);
      }
    }
  }
  return cases;
}

// What the scalars mean is the kernel's affair; these reach the codes of activations, layouts and switches.
std::vector<Scalars> ScalarsOf(const KernelEntry& entry) {
  const int count = entry.scalar_count;
  std::vector<Scalars> rows = {Scalars(static_cast<size_t>(count), 0)};
  if (count == 0) return rows;
  for (double value : {0.5, 1.0, 2.0, 3.0, 4.0}) rows.push_back(Scalars(static_cast<size_t>(count), value));
  Scalars rising;
  for (int i = 0; i < count; ++i) rising.push_back(i % 5);
  rows.push_back(rising);
  // More operations, and masks of repeated dims, the last two among them.
  if (std::strncmp(entry.name, "elementwise", 11) == 0) {
    for (int code = 5; code < 19; ++code) {
      Scalars masks(static_cast<size_t>(count), 0.5);
      masks[0] = code;
      for (int i = 1; i < 3 && i < count; ++i) masks[static_cast<size_t>(i)] = (code + i) % 4 * 16 + code % 5;
      rows.push_back(masks);
    }
  }
  return rows;
}

// Memory of exactly `bytes`, its start off any alignment but the element's.
class Exact {
 public:
  Exact(size_t bytes, size_t element) : whole_(static_cast<unsigned char*>(std::malloc(bytes + element))), element_(element), bytes_(bytes) {}
  Exact(Exact&& other) noexcept : whole_(other.whole_), element_(other.element_), bytes_(other.bytes_) { other.whole_ = nullptr; }
  ~Exact() { std::free(whole_); }
  unsigned char* data() const { return whole_ + element_; }
  size_t bytes() const { return bytes_; }

 private:
  unsigned char* whole_;
  size_t element_, bytes_;
};

struct Labels {
  bool valid;
  int64_t classes;
};

void FillSegments(double* table, int64_t count, int64_t segments) {
  const int64_t each = segments > 0 ? count / segments : 0;
  for (int64_t s = 0; s < segments; ++s) {
    const double length = static_cast<double>(s + 1 == segments ? count - s * each : each);
    const double row[] = {static_cast<double>(s * each), length, 1, 1e-4, s % 2 ? 0.25 : 0.0, length > 2 ? 3.0 : length};
    std::memcpy(table + s * 6, row, sizeof(row));
  }
}

void Fill(const Operand& operand, const Exact& memory, const Dims& dims, Labels labels, Random& random) {
  const size_t count = memory.bytes() / BytesPerElement(operand.dtype);
  unsigned char* data = memory.data();
  if (operand.dtype == DType::kFloat64 && std::strcmp(operand.name, "segments") == 0) {
    FillSegments(reinterpret_cast<double*>(data), dims[0], dims[1]);
    return;
  }
  for (size_t i = 0; i < count; ++i) {
    const float value = static_cast<float>(random.Uniform());
    const double wide = random.Uniform();
    const int32_t label = labels.valid ? static_cast<int32_t>(random.Below(static_cast<uint64_t>(labels.classes > 0 ? labels.classes : 1)))
                                       : static_cast<int32_t>(random.Next());
    switch (operand.dtype) {
      case DType::kFloat32: std::memcpy(data + i * 4, &value, 4); break;
      case DType::kFloat64: std::memcpy(data + i * 8, &wide, 8); break;
      case DType::kInt32: std::memcpy(data + i * 4, &label, 4); break;
      case DType::kUint8: data[i] = static_cast<unsigned char>(random.Next()); break;
    }
  }
}

struct Case {
  const KernelEntry* entry;
  int target;
  Dims dims;
  Scalars scalars;
  bool optionals;
  bool valid_labels;
};

struct Answer {
  Status status;
  int64_t detail;
  std::vector<Exact> operands;
};

Answer RunCase(const Case& one, int threads) {
  Random random(4242);
  Answer answer;
  void* pointers[kMostOperands] = {};
  for (int i = 0; i < one.entry->operand_count; ++i) {
    const Operand& operand = one.entry->operands[i];
    const bool absent = operand.optional && !one.optionals;
    const size_t element = BytesPerElement(operand.dtype);
    const size_t elements = absent ? 0 : static_cast<size_t>(operand.elements(one.dims.data(), one.scalars.data()));
    answer.operands.emplace_back(elements * element, element);
    Fill(operand, answer.operands.back(), one.dims, {one.valid_labels, one.dims.back()}, random);
    pointers[i] = absent ? nullptr : answer.operands.back().data();
  }
  const size_t bytes = one.entry->workspace ? one.entry->workspace(one.dims.data(), one.scalars.data(), threads) : 0;
  void* workspace = nullptr;
  if (bytes > 0 && posix_memalign(&workspace, 64, bytes) != 0) std::abort();
  Call call{pointers, one.dims.data(), one.scalars.data(), workspace, Parallel{threads}};
  answer.status = one.entry->functions[one.target](call);
  answer.detail = call.detail;
  std::free(workspace);
  return answer;
}

bool SameBits(const KernelEntry& entry, const Answer& a, const Answer& b) {
  if (a.status != b.status) return false;
  if (a.status != Status::kOk) return a.detail == b.detail;
  for (int i = 0; i < entry.operand_count; ++i)
    if (std::memcmp(a.operands[static_cast<size_t>(i)].data(), b.operands[static_cast<size_t>(i)].data(),
                    a.operands[static_cast<size_t>(i)].bytes()) != 0)
      return false;
  return true;
}

void TestCase(const Case& one) {
  const Answer first = RunCase(one, 1);
  const Answer second = RunCase(one, 2);
  const auto dim = [&](size_t i) { return i < one.dims.size() ? static_cast<long long>(one.dims[i]) : -1LL; };
  Check(SameBits(*one.entry, first, second), "%s on %s, dims %lld %lld %lld, scalar %g, %s optionals: one thread and two differ",
        one.entry->name, kTargetNames[one.target], dim(0), dim(1), dim(2), one.scalars.empty() ? 0.0 : one.scalars[0],
        one.optionals ? "with" : "without");
}

bool TakesLabels(const KernelEntry& entry) {
  for (int i = 0; i < entry.operand_count; ++i)
    if (entry.operands[i].dtype == DType::kInt32) return true;
  return false;
}

void TestKernel(const KernelEntry& entry, int target) {
  bool optional = false;
  for (int i = 0; i < entry.operand_count; ++i) optional = optional || entry.operands[i].optional;
  for (const Dims& dims : CasesOf(entry.dim_count)) {
    for (const Scalars& scalars : ScalarsOf(entry)) {
      TestCase({&entry, target, dims, scalars, true, true});
      if (TakesLabels(entry)) TestCase({&entry, target, dims, scalars, true, false});
    }
    // Without its mask a kernel gets threshold 0: the scalars that fit whatever is absent.
    if (optional) TestCase({&entry, target, dims, Scalars(static_cast<size_t>(entry.scalar_count), 0), false, true});
  }
}

}  // namespace

void TestKernels() {
  for (int k = 0; k < kKernelCount; ++k) {
    const KernelEntry& entry = *kKernelTable[k];
    Check(entry.operand_count <= kMostOperands && entry.dim_count <= kMostDims && entry.scalar_count <= kMostScalars,
          "%s has more operands, dims or scalars than the executor takes", entry.name);
    for (int target = 0; target < kTargetCount; ++target)
      if (TargetSupported(target) && entry.functions[target]) TestKernel(entry, target);
  }
}

}  // namespace evenkeel::test

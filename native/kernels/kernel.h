// The kernel contract: the C++ side of lib/kernels/types.ts and table.ts. No Node header is included here or below,
// so that kernels and executor can be built into a plain sanitizer binary.
#ifndef EVENKEEL_KERNELS_KERNEL_H_
#define EVENKEEL_KERNELS_KERNEL_H_

#include <cstddef>
#include <cstdint>

#include "native/runtime/parallel.h"
#include "native/simd/targets.h"

namespace evenkeel {

enum class Status : int { kOk = 0, kNonFinite = 1, kLabelOutOfRange = 2, kOverflow = 3, kOutOfRange = 4 };
enum class DType : uint8_t { kFloat32, kFloat64, kInt32, kUint8 };
enum class Access : uint8_t { kRead, kWrite, kReadWrite };

constexpr size_t BytesPerElement(DType dtype) {
  return dtype == DType::kFloat64 ? 8 : dtype == DType::kUint8 ? 1 : 4;
}

enum ActivationCode : int { kIdentity = 0, kRelu = 1, kLeakyRelu = 2, kSigmoid = 3, kTanh = 4 };

// The elements that an operand must hold; dims and scalars by position.
using ElementsRule = int64_t (*)(const int64_t* dims, const double* scalars);

struct Operand {
  const char* name;
  DType dtype;
  Access access;
  bool optional;
  ElementsRule elements;
};

// What a kernel gets. Operands are pointers aligned to their element; an absent optional one is null. Lengths were
// checked by the caller. `workspace` is 64-byte aligned and holds what the entry's `workspace` rule asked for.
struct Call {
  void* const* operands;
  const int64_t* dims;
  const double* scalars;
  void* workspace;
  Parallel parallel;
  int64_t detail = 0;  // written by a kernel that answers anything but kOk

  const float* In(int index) const { return static_cast<const float*>(operands[index]); }
  float* Out(int index) const { return static_cast<float*>(operands[index]); }
  template <typename T>
  T* As(int index) const { return static_cast<T*>(operands[index]); }
};

using KernelFunction = Status (*)(Call&);
// Bytes of scratch that a call needs, given its dims and the most threads it may use.
using WorkspaceRule = size_t (*)(const int64_t* dims, const double* scalars, int threads);

struct KernelEntry {
  const char* name;
  const Operand* operands;
  int operand_count;
  int dim_count;
  int scalar_count;
  WorkspaceRule workspace;  // null: none
  KernelFunction functions[kTargetCount];  // best first, as kTargetNames; null where not compiled
};

// Every kernel, in the order of lib/kernels/table.ts.
extern const KernelEntry* const kKernelTable[];
extern const int kKernelCount;

}  // namespace evenkeel

#endif  // EVENKEEL_KERNELS_KERNEL_H_

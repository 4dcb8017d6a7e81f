// Words for a kernel's entry: operands and the rules for their sizes, as in lib/kernels/table.ts.
#ifndef EVENKEEL_KERNELS_ELEMENTS_H_
#define EVENKEEL_KERNELS_ELEMENTS_H_

#include "native/kernels/kernel.h"

namespace evenkeel {

template <int... kIndices>
int64_t Dim(const int64_t* dims, const double*) {
  return (int64_t{1} * ... * dims[kIndices]);
}
template <int... kIndices>
int64_t MaskBytes(const int64_t* dims, const double*) {
  return ((int64_t{1} * ... * dims[kIndices]) + 7) / 8;
}
inline int64_t One(const int64_t*, const double*) { return 1; }
inline int64_t Two(const int64_t*, const double*) { return 2; }

constexpr Operand Read(const char* name, ElementsRule elements, DType dtype = DType::kFloat32) {
  return {name, dtype, Access::kRead, false, elements};
}
constexpr Operand OptionalRead(const char* name, ElementsRule elements, DType dtype = DType::kFloat32) {
  return {name, dtype, Access::kRead, true, elements};
}
constexpr Operand Write(const char* name, ElementsRule elements, DType dtype = DType::kFloat32) {
  return {name, dtype, Access::kWrite, false, elements};
}
constexpr Operand OptionalWrite(const char* name, ElementsRule elements, DType dtype = DType::kFloat32) {
  return {name, dtype, Access::kWrite, true, elements};
}
constexpr Operand Update(const char* name, ElementsRule elements, DType dtype = DType::kFloat32) {
  return {name, dtype, Access::kReadWrite, false, elements};
}
constexpr Operand OptionalUpdate(const char* name, ElementsRule elements, DType dtype = DType::kFloat32) {
  return {name, dtype, Access::kReadWrite, true, elements};
}

}  // namespace evenkeel

#endif  // EVENKEEL_KERNELS_ELEMENTS_H_

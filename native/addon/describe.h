#ifndef EVENKEEL_ADDON_DESCRIBE_H_
#define EVENKEEL_ADDON_DESCRIBE_H_

#include <napi.h>

namespace evenkeel {

// kernels() → [{ name, operands: [{ name, dtype, access, optional }], dims, scalars }], in the order of the table.
Napi::Value DescribeKernels(const Napi::CallbackInfo& info);
// elements(kernel, dims, scalars) → the elements that each operand must hold.
Napi::Value OperandElements(const Napi::CallbackInfo& info);
// targets() → [{ name, supported }], best first.
Napi::Value DescribeTargets(const Napi::CallbackInfo& info);
// processors() → how many threads are worth having: the least of affinity, cgroup quota and physical cores.
Napi::Value CountProcessors(const Napi::CallbackInfo& info);

}  // namespace evenkeel

#endif  // EVENKEEL_ADDON_DESCRIBE_H_

#ifndef EVENKEEL_ADDON_CALL_H_
#define EVENKEEL_ADDON_CALL_H_

#include <napi.h>

namespace evenkeel {

// call(target, kernel, operands, dims, scalars, threads) → [status, detail]: one kernel, now, on this thread.
Napi::Value CallKernel(const Napi::CallbackInfo& info);
// kernels() → [{ name, operands: [{ name, dtype, access, optional }], dims, scalars }], in the order of the table.
Napi::Value DescribeKernels(const Napi::CallbackInfo& info);
// elements(kernel, dims, scalars) → the elements that each operand must hold.
Napi::Value OperandElements(const Napi::CallbackInfo& info);
// targets() → [{ name, supported }], best first.
Napi::Value DescribeTargets(const Napi::CallbackInfo& info);

}  // namespace evenkeel

#endif  // EVENKEEL_ADDON_CALL_H_

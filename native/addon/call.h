#ifndef EVENKEEL_ADDON_CALL_H_
#define EVENKEEL_ADDON_CALL_H_

#include <napi.h>

#include "native/kernels/kernel.h"

namespace evenkeel {

// call(target, kernel, operands, dims, scalars, threads) → [status, detail]: one kernel, now, on this thread. dims and scalars:
// arrays, or Float64Arrays, which are read faster.
Napi::Value CallKernel(const Napi::CallbackInfo& info);

// A kernel's number in the table; null for anything else.
const KernelEntry* ReadEntry(napi_env env, napi_value value);
// Whole, not negative, and their product small enough for every rule.
bool ReadDims(napi_env env, napi_value value, int count, int64_t* out);

}  // namespace evenkeel

#endif  // EVENKEEL_ADDON_CALL_H_

#ifndef EVENKEEL_ADDON_PROGRAM_H_
#define EVENKEEL_ADDON_PROGRAM_H_

#include <napi.h>

namespace evenkeel {

// compile(target, stream) → a Program's handle. Throws with the message of the check that failed.
Napi::Value CompileProgram(const Napi::CallbackInfo& info);
// bind(program, memory, threads) → an executor's handle. memory: one ArrayBuffer or SharedArrayBuffer a region, null where
// the region is an input, an output or scratch. ArrayBuffers must come from `allocate`.
Napi::Value BindProgram(const Napi::CallbackInfo& info);
// release(handle): the handle holds nothing from here on; crossings on their way end first.
Napi::Value ReleaseHandle(const Napi::CallbackInfo& info);

}  // namespace evenkeel

#endif  // EVENKEEL_ADDON_PROGRAM_H_

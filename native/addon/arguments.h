// Reading JavaScript's values, with checks, and saying no.
#ifndef EVENKEEL_ADDON_ARGUMENTS_H_
#define EVENKEEL_ADDON_ARGUMENTS_H_

#include <napi.h>

#include "native/kernels/kernel.h"

namespace evenkeel {

// A typed array's elements, where they are now.
struct ArrayView {
  void* data = nullptr;
  size_t length = 0;
  DType dtype = DType::kFloat32;
  // Its buffer is a SharedArrayBuffer: never detached, and alive while it is referenced.
  bool shared = false;

  size_t bytes() const { return length * BytesPerElement(dtype); }
};

// False for anything but a typed array of a dtype of ours. A detached one has length 0. `whose_buffer`: also find out whether
// it is shared, which costs more.
bool ReadArray(napi_env env, napi_value value, ArrayView* view, bool whose_buffer = false);

// `count` numbers from an array or a Float64Array of exactly that length.
bool ReadNumbers(napi_env env, napi_value value, size_t count, double* out);
// A whole number of least to most.
bool ReadInteger(napi_env env, napi_value value, int64_t least, int64_t most, int64_t* out);
// An index into kTargetNames that this machine supports.
bool ReadTarget(napi_env env, napi_value value, int* target);

// Throws; the codes are those of lib/errors.ts.
Napi::Value Refuse(Napi::Env env, const char* message);
Napi::Value RefuseBackend(Napi::Env env, const char* message);
Napi::Value RefuseMemory(Napi::Env env, const char* message);
Napi::Value RefuseBusy(Napi::Env env, const char* message);

}  // namespace evenkeel

#endif  // EVENKEEL_ADDON_ARGUMENTS_H_

#include "native/addon/arguments.h"

#include <cmath>
#include <cstring>

namespace evenkeel {
namespace {

bool ToDType(napi_typedarray_type type, DType* dtype) {
  switch (type) {
    case napi_float32_array: *dtype = DType::kFloat32; return true;
    case napi_float64_array: *dtype = DType::kFloat64; return true;
    case napi_int32_array: *dtype = DType::kInt32; return true;
    case napi_uint8_array: *dtype = DType::kUint8; return true;
    default: return false;
  }
}

Napi::Value Throw(Napi::Env env, const char* code, const char* message) {
  napi_throw_error(env, code, message);
  return env.Undefined();
}

}  // namespace

bool ReadArray(napi_env env, napi_value value, ArrayView* view, bool whose_buffer) {
  napi_typedarray_type type;
  napi_value buffer = nullptr;
  // Fails for anything but a typed array; asking first would cost as much again.
  if (napi_get_typedarray_info(env, value, &type, &view->length, &view->data, whose_buffer ? &buffer : nullptr, nullptr) != napi_ok)
    return false;
  if (whose_buffer) {
    bool plain = true;
    if (napi_is_arraybuffer(env, buffer, &plain) != napi_ok) return false;
    view->shared = !plain;
  }
  return ToDType(type, &view->dtype);
}

bool ReadNumbers(napi_env env, napi_value value, size_t count, double* out) {
  ArrayView view;
  if (ReadArray(env, value, &view)) {
    if (view.dtype != DType::kFloat64 || view.length != count) return false;
    if (count > 0) std::memcpy(out, view.data, count * sizeof(double));
    return true;
  }
  bool is_array = false;
  uint32_t length = 0;
  if (napi_is_array(env, value, &is_array) != napi_ok || !is_array) return false;
  if (napi_get_array_length(env, value, &length) != napi_ok || length != count) return false;
  for (uint32_t i = 0; i < length; ++i) {
    napi_value item;
    if (napi_get_element(env, value, i, &item) != napi_ok || napi_get_value_double(env, item, &out[i]) != napi_ok) return false;
  }
  return true;
}

bool ReadInteger(napi_env env, napi_value value, int64_t least, int64_t most, int64_t* out) {
  double number;
  if (napi_get_value_double(env, value, &number) != napi_ok) return false;
  if (!(number >= static_cast<double>(least) && number <= static_cast<double>(most)) || number != std::floor(number)) return false;
  *out = static_cast<int64_t>(number);
  return true;
}

bool ReadTarget(napi_env env, napi_value value, int* target) {
  int64_t number;
  if (!ReadInteger(env, value, 0, kTargetCount - 1, &number)) return false;
  *target = static_cast<int>(number);
  return TargetSupported(*target);
}

Napi::Value Refuse(Napi::Env env, const char* message) {
  napi_throw_type_error(env, "EVENKEEL_TYPE", message);
  return env.Undefined();
}
Napi::Value RefuseBackend(Napi::Env env, const char* message) { return Throw(env, "EVENKEEL_BACKEND", message); }
Napi::Value RefuseMemory(Napi::Env env, const char* message) { return Throw(env, "EVENKEEL_OUT_OF_MEMORY", message); }
Napi::Value RefuseBusy(Napi::Env env, const char* message) { return Throw(env, "EVENKEEL_BUSY", message); }

}  // namespace evenkeel

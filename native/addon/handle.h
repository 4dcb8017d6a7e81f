// JavaScript objects that own native ones.
#ifndef EVENKEEL_ADDON_HANDLE_H_
#define EVENKEEL_ADDON_HANDLE_H_

#include <napi.h>

#include "native/runtime/executor.h"

namespace evenkeel {

// Empty after a release. The object, once collected, lets go by itself.
struct ProgramHandle {
  static constexpr napi_type_tag kTag = {0x65766b50726f6772, 0x9d1f6c2a40b3e871};
  Reference<Program> program;
};

struct CrossingJob;

struct ExecutorHandle {
  static constexpr napi_type_tag kTag = {0x65766b4578656375, 0x3be07a59c8d2461f};
  Reference<Executor> executor;
  // Crossings on their way, of this handle's own thread.
  CrossingJob* on_the_way = nullptr;
};

// Takes over `native`; empty where the object could not be made.
template <typename Handle>
Napi::Value WrapHandle(Napi::Env env, Handle* native) {
  napi_value object = nullptr;
  const bool made = native && napi_create_object(env, &object) == napi_ok && napi_type_tag_object(env, object, &Handle::kTag) == napi_ok &&
                    napi_wrap(env, object, native, [](napi_env, void* data, void*) { delete static_cast<Handle*>(data); }, nullptr,
                              nullptr) == napi_ok;
  if (made) return Napi::Value(env, object);
  delete native;
  return Napi::Value();
}

// Null for anything that is not such a handle.
template <typename Handle>
Handle* UnwrapHandle(napi_env env, napi_value value) {
  napi_valuetype type;
  bool tagged = false;
  void* native = nullptr;
  if (napi_typeof(env, value, &type) != napi_ok || type != napi_object) return nullptr;
  if (napi_check_object_type_tag(env, value, &Handle::kTag, &tagged) != napi_ok || !tagged) return nullptr;
  if (napi_unwrap(env, value, &native) != napi_ok) return nullptr;
  return static_cast<Handle*>(native);
}

}  // namespace evenkeel

#endif  // EVENKEEL_ADDON_HANDLE_H_

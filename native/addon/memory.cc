#include "native/addon/memory.h"

#include <new>

#include "native/addon/arguments.h"
#include "native/runtime/memory.h"

namespace evenkeel {

// V8 counts an external ArrayBuffer's bytes itself, so the collector knows them.
Napi::Value Allocate(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  int64_t bytes;
  if (info.Length() != 1 || !ReadInteger(env, info[0], 0, int64_t{1} << 53, &bytes)) return Refuse(env, "allocate: expected a number of bytes");
  Reference<Block> block = Block::Allocate(static_cast<size_t>(bytes));
  Reference<Block>* held = block ? new (std::nothrow) Reference<Block>(block) : nullptr;
  if (!held) return RefuseMemory(env, "allocate: no memory of that size is left");
  napi_value buffer;
  const napi_status status = napi_create_external_arraybuffer(
      env, block->data(), block->bytes(), [](napi_env, void*, void* hint) { delete static_cast<Reference<Block>*>(hint); }, held, &buffer);
  if (status == napi_ok) return Napi::Value(env, buffer);
  delete held;
  if (status == napi_no_external_buffers_allowed)
    return RefuseBackend(env, "allocate: this host allows no memory of its own under an ArrayBuffer");
  return RefuseMemory(env, "allocate: the ArrayBuffer could not be made");
}

Napi::Value DescribeMemory(const Napi::CallbackInfo& info) {
  const MemoryUse use = CurrentMemoryUse();
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("bytes", static_cast<double>(use.bytes));
  result.Set("blocks", static_cast<double>(use.blocks));
  return result;
}

}  // namespace evenkeel

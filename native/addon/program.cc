#include "native/addon/program.h"

#include <new>

#include "native/addon/arguments.h"
#include "native/addon/handle.h"

namespace evenkeel {
namespace {

// A SharedArrayBuffer can be told from an ArrayBuffer, but Node-API 8 gives its address through a typed array alone; the
// caller passes a Uint8Array over the whole of it.
bool ReadMemory(napi_env env, napi_value value, BoundMemory* memory) {
  ArrayView view;
  if (!ReadArray(env, value, &view, true)) return false;
  memory->data = static_cast<unsigned char*>(view.data);
  memory->bytes = view.bytes();
  if (view.shared || view.length == 0) return true;
  memory->block = Block::Find(view.data, view.bytes());
  return static_cast<bool>(memory->block);
}

}  // namespace

Napi::Value CompileProgram(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  int target;
  ArrayView stream;
  if (info.Length() != 2 || !ReadTarget(env, info[0], &target) || !ReadArray(env, info[1], &stream) || stream.dtype != DType::kFloat64)
    return Refuse(env, "compile: expected (target, Float64Array)");
  ErrorText error;
  Reference<Program> program = Program::Decode(static_cast<const double*>(stream.data), stream.length, target, error);
  if (!program) return RefuseBackend(env, error.text);
  ProgramHandle* handle = new (std::nothrow) ProgramHandle;
  if (handle) handle->program = std::move(program);
  const Napi::Value object = WrapHandle(env, handle);
  return object.IsEmpty() ? RefuseMemory(env, "compile: out of memory") : object;
}

Napi::Value BindProgram(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  ProgramHandle* program = info.Length() == 3 ? UnwrapHandle<ProgramHandle>(env, info[0]) : nullptr;
  int64_t threads;
  if (!program || !info[1].IsArray() || !ReadInteger(env, info[2], 1, 1024, &threads))
    return Refuse(env, "bind: expected (program, memory, threads)");
  if (!program->program) return RefuseBackend(env, "the program was disposed of");
  const Napi::Array arrays = info[1].As<Napi::Array>();
  const size_t regions = program->program->regions.size();
  FixedArray<BoundMemory> memory;
  if (arrays.Length() != regions || !memory.Allocate(regions)) return Refuse(env, "bind: expected one memory a region");
  for (size_t i = 0; i < regions; ++i) {
    if (!program->program->regions[i].IsBound()) continue;
    if (!ReadMemory(env, arrays.Get(static_cast<uint32_t>(i)), &memory[i]))
      return Refuse(env, "memory is neither the library's own nor a SharedArrayBuffer");
  }
  ErrorText error;
  Reference<Executor> executor = Executor::Bind(program->program, memory, static_cast<int>(threads), error);
  if (!executor) return RefuseBackend(env, error.text);
  ExecutorHandle* handle = new (std::nothrow) ExecutorHandle;
  if (handle) handle->executor = std::move(executor);
  const Napi::Value object = WrapHandle(env, handle);
  if (object.IsEmpty()) return RefuseMemory(env, "bind: out of memory");
  // SharedArrayBuffers live as long as the handle, which a crossing on its way refers to.
  object.As<Napi::Object>().Set("memory", arrays);
  return object;
}

Napi::Value ReleaseHandle(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() == 1) {
    if (ProgramHandle* program = UnwrapHandle<ProgramHandle>(env, info[0])) {
      program->program = {};
      return env.Undefined();
    }
    if (ExecutorHandle* executor = UnwrapHandle<ExecutorHandle>(env, info[0])) {
      executor->executor = {};
      info[0].As<Napi::Object>().Delete("memory");
      return env.Undefined();
    }
  }
  return Refuse(env, "release: expected a handle");
}

}  // namespace evenkeel

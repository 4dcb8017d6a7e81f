// Registers what the addon gives; the work is in the files of native/addon named after it.
#include <napi.h>

#include "native/addon/call.h"
#include "native/addon/describe.h"
#include "native/addon/environment.h"
#include "native/addon/gather.h"
#include "native/addon/memory.h"
#include "native/addon/program.h"
#include "native/addon/run.h"
#include "native/runtime/pin.h"

namespace evenkeel {
namespace {

template <Napi::Value (*kFunction)(const Napi::CallbackInfo&)>
void Give(Napi::Env env, Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<kFunction>(env, name));
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  PinLibrary();
  Environment::Create(env);
  Give<CallKernel>(env, exports, "call");
  Give<DescribeKernels>(env, exports, "kernels");
  Give<OperandElements>(env, exports, "elements");
  Give<DescribeTargets>(env, exports, "targets");
  Give<CountProcessors>(env, exports, "processors");
  Give<Allocate>(env, exports, "allocate");
  Give<DescribeMemory>(env, exports, "memory");
  Give<Gather>(env, exports, "gather");
  Give<CompileProgram>(env, exports, "compile");
  Give<BindProgram>(env, exports, "bind");
  Give<ReleaseHandle>(env, exports, "release");
  Give<Run>(env, exports, "run");
  Give<RunSync>(env, exports, "runSync");
  Give<Cancel>(env, exports, "cancel");
  return exports;
}

}  // namespace
}  // namespace evenkeel

// The macro makes names of its arguments.
using evenkeel::Init;
NODE_API_MODULE(evenkeel, Init)

// Registers what the addon gives; the work is in the files of native/addon named after it.
#include <napi.h>

#include "native/addon/call.h"

namespace {

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("call", Napi::Function::New(env, evenkeel::CallKernel, "call"));
  exports.Set("kernels", Napi::Function::New(env, evenkeel::DescribeKernels, "kernels"));
  exports.Set("elements", Napi::Function::New(env, evenkeel::OperandElements, "elements"));
  exports.Set("targets", Napi::Function::New(env, evenkeel::DescribeTargets, "targets"));
  return exports;
}

}  // namespace

NODE_API_MODULE(evenkeel, Init)

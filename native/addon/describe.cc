#include "native/addon/describe.h"

#include "native/addon/arguments.h"
#include "native/addon/call.h"
#include "native/kernels/kernel.h"
#include "native/runtime/cpu_count.h"
#include "native/runtime/program.h"

namespace evenkeel {
namespace {

const char* const kDTypeNames[] = {"float32", "float64", "int32", "uint8"};
const char* const kAccessNames[] = {"read", "write", "readwrite"};

}  // namespace

Napi::Value DescribeKernels(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Napi::Array list = Napi::Array::New(env, kKernelCount);
  for (int k = 0; k < kKernelCount; ++k) {
    const KernelEntry& entry = *kKernelTable[k];
    Napi::Object kernel = Napi::Object::New(env);
    kernel.Set("name", entry.name);
    kernel.Set("dims", entry.dim_count);
    kernel.Set("scalars", entry.scalar_count);
    Napi::Array operands = Napi::Array::New(env, entry.operand_count);
    for (int i = 0; i < entry.operand_count; ++i) {
      Napi::Object operand = Napi::Object::New(env);
      operand.Set("name", entry.operands[i].name);
      operand.Set("dtype", kDTypeNames[static_cast<int>(entry.operands[i].dtype)]);
      operand.Set("access", kAccessNames[static_cast<int>(entry.operands[i].access)]);
      operand.Set("optional", entry.operands[i].optional);
      operands.Set(static_cast<uint32_t>(i), operand);
    }
    kernel.Set("operands", operands);
    list.Set(static_cast<uint32_t>(k), kernel);
  }
  return list;
}

Napi::Value OperandElements(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const KernelEntry* entry = info.Length() == 3 ? ReadEntry(env, info[0]) : nullptr;
  int64_t dims[kMostDims];
  double scalars[kMostScalars];
  if (!entry || !ReadDims(env, info[1], entry->dim_count, dims) || !ReadNumbers(env, info[2], static_cast<size_t>(entry->scalar_count), scalars))
    return Refuse(env, "elements: expected (kernel, dims, scalars)");
  Napi::Array list = Napi::Array::New(env, entry->operand_count);
  for (int i = 0; i < entry->operand_count; ++i)
    list.Set(static_cast<uint32_t>(i), static_cast<double>(entry->operands[i].elements(dims, scalars)));
  return list;
}

Napi::Value DescribeTargets(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Napi::Array list = Napi::Array::New(env, kTargetCount);
  for (int i = 0; i < kTargetCount; ++i) {
    Napi::Object target = Napi::Object::New(env);
    target.Set("name", kTargetNames[i]);
    // A compiler that cannot build a set leaves null in every kernel's list.
    target.Set("supported", TargetSupported(i) && kKernelTable[0]->functions[i] != nullptr);
    list.Set(static_cast<uint32_t>(i), target);
  }
  return list;
}

Napi::Value CountProcessors(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), UsableCores()); }

}  // namespace evenkeel

#include "native/addon/call.h"

#include <cmath>
#include <cstdlib>
#include <new>

#include "native/kernels/kernel.h"

namespace evenkeel {
namespace {

constexpr int kMostOperands = 16;
constexpr int kMostDims = 8;
constexpr int kMostScalars = 24;
constexpr double kMostElements = 1099511627776.0;  // 2^40: products of a few dims stay within int64

const char* const kDTypeNames[] = {"float32", "float64", "int32", "uint8"};
const char* const kAccessNames[] = {"read", "write", "readwrite"};

napi_typedarray_type ArrayType(DType dtype) {
  switch (dtype) {
    case DType::kFloat64: return napi_float64_array;
    case DType::kInt32: return napi_int32_array;
    case DType::kUint8: return napi_uint8_array;
    default: return napi_float32_array;
  }
}

struct Numbers {
  double values[kMostScalars];
  int64_t dims[kMostDims];
};

bool ReadNumbers(Napi::Value value, int count, double* out) {
  if (!value.IsArray()) return false;
  const Napi::Array array = value.As<Napi::Array>();
  if (static_cast<int>(array.Length()) != count) return false;
  for (int i = 0; i < count; ++i) {
    const Napi::Value item = array.Get(static_cast<uint32_t>(i));
    if (!item.IsNumber()) return false;
    out[i] = item.As<Napi::Number>().DoubleValue();
  }
  return true;
}

// dims must be whole, not negative, and their product small enough for every rule.
bool ReadDims(Napi::Value value, int count, int64_t* out) {
  double numbers[kMostDims];
  if (!ReadNumbers(value, count, numbers)) return false;
  double product = 1;
  for (int i = 0; i < count; ++i) {
    if (!(numbers[i] >= 0) || numbers[i] != std::floor(numbers[i])) return false;
    product *= numbers[i] > 1 ? numbers[i] : 1;
    if (product > kMostElements) return false;
    out[i] = static_cast<int64_t>(numbers[i]);
  }
  return true;
}

const KernelEntry* ReadEntry(Napi::Value value) {
  if (!value.IsNumber()) return nullptr;
  const int64_t index = value.As<Napi::Number>().Int64Value();
  return index >= 0 && index < kKernelCount ? kKernelTable[index] : nullptr;
}

Napi::Value Refuse(Napi::Env env, const char* message) {
  Napi::TypeError::New(env, message).ThrowAsJavaScriptException();
  return env.Undefined();
}

}  // namespace

Napi::Value CallKernel(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const KernelEntry* entry = info.Length() == 6 ? ReadEntry(info[1]) : nullptr;
  if (!entry) return Refuse(env, "call: expected (target, kernel, operands, dims, scalars, threads)");
  const int target = info[0].IsNumber() ? info[0].As<Napi::Number>().Int32Value() : -1;
  if (!TargetSupported(target) || !entry->functions[target]) return Refuse(env, "call: this machine does not run that target");
  int64_t dims[kMostDims];
  double scalars[kMostScalars];
  if (!ReadDims(info[3], entry->dim_count, dims)) return Refuse(env, "call: dims do not fit the kernel");
  if (!ReadNumbers(info[4], entry->scalar_count, scalars)) return Refuse(env, "call: scalars do not fit the kernel");
  if (!info[2].IsArray() || static_cast<int>(info[2].As<Napi::Array>().Length()) != entry->operand_count)
    return Refuse(env, "call: operands do not fit the kernel");
  const Napi::Array arrays = info[2].As<Napi::Array>();
  void* operands[kMostOperands] = {};
  for (int i = 0; i < entry->operand_count; ++i) {
    const Operand& operand = entry->operands[i];
    const Napi::Value value = arrays.Get(static_cast<uint32_t>(i));
    if (value.IsNull() && operand.optional) continue;
    if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != ArrayType(operand.dtype))
      return Refuse(env, "call: an operand is of the wrong kind");
    napi_typedarray_type type;
    size_t length = 0;
    napi_get_typedarray_info(env, value, &type, &length, &operands[i], nullptr, nullptr);
    if (static_cast<int64_t>(length) < operand.elements(dims, scalars)) return Refuse(env, "call: an operand is too short");
  }
  const int threads = info[5].IsNumber() ? info[5].As<Napi::Number>().Int32Value() : 1;
  Call call{operands, dims, scalars, nullptr, Parallel{threads < 1 ? 1 : threads}};
  const size_t bytes = entry->workspace ? entry->workspace(dims, scalars, call.parallel.threads) : 0;
  void* block = nullptr;
  if (bytes > 0) {
    block = std::malloc(bytes + 64);
    if (!block) return Refuse(env, "call: out of memory");
    call.workspace = reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(block) + 63) & ~uintptr_t{63});
  }
  const Status status = entry->functions[target](call);
  std::free(block);
  Napi::Array result = Napi::Array::New(env, 2);
  result.Set(0u, static_cast<double>(status));
  result.Set(1u, static_cast<double>(call.detail));
  return result;
}

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
  const KernelEntry* entry = info.Length() == 3 ? ReadEntry(info[0]) : nullptr;
  int64_t dims[kMostDims];
  double scalars[kMostScalars];
  if (!entry || !ReadDims(info[1], entry->dim_count, dims) || !ReadNumbers(info[2], entry->scalar_count, scalars))
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

}  // namespace evenkeel

#include "native/addon/call.h"

#include <cmath>

#include "native/addon/arguments.h"
#include "native/runtime/arena.h"
#include "native/runtime/program.h"

namespace evenkeel {
namespace {

// Null where all is well.
const char* ReadOperands(napi_env env, napi_value arrays, const KernelEntry& entry, const int64_t* dims, const double* scalars,
                         void** operands) {
  bool is_array = false;
  uint32_t length = 0;
  if (napi_is_array(env, arrays, &is_array) != napi_ok || !is_array || napi_get_array_length(env, arrays, &length) != napi_ok ||
      length != static_cast<uint32_t>(entry.operand_count))
    return "call: operands do not fit the kernel";
  for (uint32_t i = 0; i < length; ++i) {
    const Operand& operand = entry.operands[i];
    napi_value value;
    ArrayView view;
    operands[i] = nullptr;
    if (napi_get_element(env, arrays, i, &value) != napi_ok) return "call: an operand is of the wrong kind";
    if (!ReadArray(env, value, &view)) {
      napi_valuetype type;
      if (operand.optional && napi_typeof(env, value, &type) == napi_ok && type == napi_null) continue;
      return "call: an operand is of the wrong kind";
    }
    if (view.dtype != operand.dtype) return "call: an operand is of the wrong kind";
    if (static_cast<int64_t>(view.length) < operand.elements(dims, scalars)) return "call: an operand is too short";
    operands[i] = view.data;
  }
  return nullptr;
}

}  // namespace

const KernelEntry* ReadEntry(napi_env env, napi_value value) {
  int64_t number;
  return ReadInteger(env, value, 0, kKernelCount - 1, &number) ? kKernelTable[number] : nullptr;
}

bool ReadDims(napi_env env, napi_value value, int count, int64_t* out) {
  double numbers[kMostDims];
  if (!ReadNumbers(env, value, static_cast<size_t>(count), numbers)) return false;
  double product = 1;
  for (int i = 0; i < count; ++i) {
    if (!(numbers[i] >= 0) || numbers[i] != std::floor(numbers[i])) return false;
    product *= numbers[i] > 1 ? numbers[i] : 1;
    if (product > kMostProduct) return false;
    out[i] = static_cast<int64_t>(numbers[i]);
  }
  return true;
}

Napi::Value CallKernel(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const KernelEntry* entry = info.Length() == 6 ? ReadEntry(env, info[1]) : nullptr;
  int64_t threads;
  if (!entry || !ReadInteger(env, info[5], 1, 1024, &threads))
    return Refuse(env, "call: expected (target, kernel, operands, dims, scalars, threads)");
  int target;
  if (!ReadTarget(env, info[0], &target) || !entry->functions[target]) return Refuse(env, "call: this machine does not run that target");
  int64_t dims[kMostDims];
  double scalars[kMostScalars];
  void* operands[kMostOperands];
  if (!ReadDims(env, info[3], entry->dim_count, dims)) return Refuse(env, "call: dims do not fit the kernel");
  if (!ReadNumbers(env, info[4], static_cast<size_t>(entry->scalar_count), scalars)) return Refuse(env, "call: scalars do not fit the kernel");
  if (const char* problem = ReadOperands(env, info[2], *entry, dims, scalars, operands)) return Refuse(env, problem);
  Call call{operands, dims, scalars, nullptr, Parallel{static_cast<int>(threads)}};
  Status status;
  const size_t bytes = entry->workspace ? entry->workspace(dims, scalars, call.parallel.threads) : 0;
  if (bytes > 0) {
    const ArenaLoan workspace(bytes);
    if (!workspace.data()) return RefuseMemory(env, "call: no memory for the kernel's workspace is left");
    call.workspace = workspace.data();
    status = entry->functions[target](call);
  } else {
    status = entry->functions[target](call);
  }
  Napi::Array result = Napi::Array::New(env, 2);
  result.Set(0u, static_cast<double>(status));
  result.Set(1u, static_cast<double>(call.detail));
  return result;
}

}  // namespace evenkeel

#include "native/addon/crossing.h"

#include <cstring>
#include <memory>
#include <new>

#include "native/addon/arguments.h"

namespace evenkeel {
namespace {

constexpr size_t kArguments = 9;
constexpr int64_t kMostSteps = INT32_MAX;
constexpr int64_t kMostRow = int64_t{1} << 53;
constexpr size_t kNumbersAnInput = 4;

bool ReadDoubles(napi_env env, napi_value value, int64_t steps, size_t each, FixedArray<double>* out) {
  const size_t count = static_cast<size_t>(steps) * each;
  ArrayView view;
  if (!ReadArray(env, value, &view) || view.dtype != DType::kFloat64 || view.length < count || !out->Allocate(count)) return false;
  if (count > 0) std::memcpy(out->data(), view.data, count * sizeof(double));
  return true;
}

const char* ReadRows(napi_env env, napi_value value, FixedArray<int32_t>* copy, InputSource* source) {
  napi_valuetype type;
  if (napi_typeof(env, value, &type) != napi_ok) return "rows are neither null nor an Int32Array";
  if (type == napi_null) return nullptr;
  ArrayView view;
  if (!ReadArray(env, value, &view) || view.dtype != DType::kInt32) return "rows are neither null nor an Int32Array";
  // A null pointer would mean consecutive rows.
  if (!copy->Allocate(view.length + 1)) return "out of memory";
  if (view.length > 0) std::memcpy(copy->data(), view.data, view.bytes());
  source->rows = copy->data();
  source->row_count = static_cast<int64_t>(view.length);
  return nullptr;
}

const char* ReadInput(napi_env env, napi_value value, napi_value rows, const double* numbers, bool later, size_t index, CrossingJob& job) {
  InputSource& source = job.inputs[index];
  ArrayView view;
  if (!ReadArray(env, value, &view, later)) return "a source is not a typed array of numbers";
  source.data = view.data;
  source.elements = static_cast<int64_t>(view.length);
  source.dtype = view.dtype;
  if (!(numbers[0] >= 0 && numbers[0] <= static_cast<double>(kMostRow))) return "a first row is out of range";
  source.first = static_cast<int64_t>(numbers[0]);
  source.affine = numbers[1] != 0;
  source.scale = static_cast<float>(numbers[2]);
  source.shift = static_cast<float>(numbers[3]);
  if (later && !view.shared && view.length > 0) {
    job.blocks[index] = Block::Find(view.data, view.bytes());
    if (!job.blocks[index]) return "a source of an asynchronous run is neither the library's memory nor a SharedArrayBuffer";
  }
  return ReadRows(env, rows, &job.rows[index], &source);
}

const char* ReadInputs(const Napi::CallbackInfo& info, bool later, CrossingJob& job) {
  const Napi::Env env = info.Env();
  if (!info[4].IsArray() || !info[5].IsArray()) return "expected arrays of sources and rows";
  const Napi::Array sources = info[4].As<Napi::Array>();
  const Napi::Array rows = info[5].As<Napi::Array>();
  const size_t count = sources.Length();
  FixedArray<double> numbers;
  if (rows.Length() != count || !numbers.Allocate(count * kNumbersAnInput) ||
      !ReadNumbers(env, info[6], count * kNumbersAnInput, numbers.data()))
    return "expected rows and numbers for each source";
  if (!job.inputs.Allocate(count) || !job.rows.Allocate(count) || !job.blocks.Allocate(count)) return "out of memory";
  for (size_t i = 0; i < count; ++i) {
    const uint32_t at = static_cast<uint32_t>(i);
    const char* problem = ReadInput(env, sources.Get(at), rows.Get(at), numbers.data() + i * kNumbersAnInput, later, i, job);
    if (problem) return problem;
  }
  job.crossing.inputs = job.inputs.data();
  job.crossing.input_count = count;
  return nullptr;
}

const char* ReadOutputs(const Napi::CallbackInfo& info, bool later, CrossingJob& job) {
  if (!info[7].IsArray()) return "expected an array of outputs";
  const Napi::Array outputs = info[7].As<Napi::Array>();
  if (!job.outputs.Allocate(outputs.Length()) || !job.output_blocks.Allocate(outputs.Length())) return "out of memory";
  for (uint32_t i = 0; i < outputs.Length(); ++i) {
    ArrayView view;
    if (!ReadArray(info.Env(), outputs.Get(i), &view, later)) return "an output is not a typed array of numbers";
    if (later && !view.shared && view.length > 0) {
      job.output_blocks[i] = Block::Find(view.data, view.bytes());
      if (!job.output_blocks[i]) return "an output of an asynchronous run is neither the library's memory nor a SharedArrayBuffer";
    }
    job.outputs[i] = {view.data, static_cast<int64_t>(view.length), view.dtype};
  }
  job.crossing.outputs = job.outputs.data();
  job.crossing.output_count = job.outputs.size();
  return nullptr;
}

// Null where all is well.
const char* ReadArguments(const Napi::CallbackInfo& info, bool later, CrossingJob& job) {
  const Napi::Env env = info.Env();
  const Program& program = job.executor->program();
  Crossing& crossing = job.crossing;
  if (!ReadInteger(env, info[1], 0, kMostSteps, &crossing.steps)) return "expected a number of steps";
  if (!ReadDoubles(env, info[2], crossing.steps, program.symbols.size(), &job.symbols)) return "symbols: expected steps × symbols numbers";
  if (!ReadDoubles(env, info[3], crossing.steps, program.slot_count, &job.slots)) return "slots: expected steps × slots numbers";
  if (const char* problem = ReadInputs(info, later, job)) return problem;
  if (const char* problem = ReadOutputs(info, later, job)) return problem;
  ArrayView results;
  const size_t reports = static_cast<size_t>(crossing.steps) * program.reports.size();
  if (!ReadArray(env, info[8], &results) || results.dtype != DType::kFloat64 || results.length < reports)
    return "results: expected steps × reports numbers";
  if (!job.results.Allocate(reports)) return "out of memory";
  crossing.symbols = job.symbols.data();
  crossing.slots = job.slots.data();
  crossing.results = job.results.data();
  crossing.cancelled = &job.cancelled;
  return nullptr;
}

}  // namespace

CrossingJob* ReadCrossing(const Napi::CallbackInfo& info, bool later) {
  const Napi::Env env = info.Env();
  ExecutorHandle* handle = info.Length() == kArguments ? UnwrapHandle<ExecutorHandle>(env, info[0]) : nullptr;
  if (!handle) {
    Refuse(env, "run: expected an executor and a crossing");
    return nullptr;
  }
  if (!handle->executor) {
    RefuseBackend(env, "the executor was disposed of");
    return nullptr;
  }
  std::unique_ptr<CrossingJob> job(new (std::nothrow) CrossingJob);
  if (!job) {
    RefuseMemory(env, "run: out of memory");
    return nullptr;
  }
  job->executor = handle->executor;
  job->handle = handle;
  const char* problem = ReadArguments(info, later, *job);
  ErrorText error;
  if (!problem && !job->executor->Check(job->crossing, error)) problem = error.text;
  if (!problem) return job.release();
  if (!env.IsExceptionPending()) RefuseBackend(env, problem);
  return nullptr;
}

Napi::Value DeliverOutcome(Napi::Env env, const CrossingJob& job, napi_value results) {
  if (job.outcome.out_of_memory) {
    RefuseMemory(env, "run: no memory for scratch is left");
    return Napi::Value();
  }
  ArrayView view;
  const size_t count = static_cast<size_t>(job.outcome.completed) * job.executor->program().reports.size();
  if (!ReadArray(env, results, &view) || view.dtype != DType::kFloat64 || view.length < count) {
    Refuse(env, "results: the array was detached during the run");
    return Napi::Value();
  }
  if (count > 0) std::memcpy(view.data, job.results.data(), count * sizeof(double));
  Napi::Object result = Napi::Object::New(env);
  result.Set("completed", static_cast<double>(job.outcome.completed));
  result.Set("status", static_cast<double>(job.outcome.status));
  result.Set("segment", static_cast<double>(job.outcome.segment));
  result.Set("call", static_cast<double>(job.outcome.call));
  result.Set("detail", static_cast<double>(job.outcome.detail));
  return result;
}

}  // namespace evenkeel

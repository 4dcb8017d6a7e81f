#ifndef EVENKEEL_ADDON_CROSSING_H_
#define EVENKEEL_ADDON_CROSSING_H_

#include <napi.h>

#include "native/addon/handle.h"
#include "native/runtime/dispatcher.h"
#include "native/runtime/executor.h"

namespace evenkeel {

// A crossing with its own copy of everything that is read while it runs, but for the inputs' rows and the outputs
// themselves: those are held by their blocks, or, where they are shared, by `kept`.
struct CrossingJob : Job {
  Reference<Executor> executor;
  Crossing crossing;
  Outcome outcome;
  FixedArray<double> symbols, slots, results;
  FixedArray<InputSource> inputs;
  FixedArray<FixedArray<int32_t>> rows;
  FixedArray<Reference<Block>> blocks;
  FixedArray<OutputTarget> outputs;
  FixedArray<Reference<Block>> output_blocks;

  // Of a crossing on its way: what JavaScript waits for, and the list that `cancel` walks.
  ExecutorHandle* handle = nullptr;
  CrossingJob* previous = nullptr;
  CrossingJob* following = nullptr;
  napi_deferred deferred = nullptr;
  napi_ref kept = nullptr;
};

// Reads the arguments of `run` and `runSync`: (executor, steps, symbols, slots, sources, rows, numbers, outputs, results).
// rows: one Int32Array or null an input; numbers: first, affine (0 or 1), scale, shift for each input.
// Null, with an exception pending, for anything that does not hold together. `later`: sources and outputs must
// outlive JavaScript's hold on them, so they are blocks of the library or SharedArrayBuffers.
CrossingJob* ReadCrossing(const Napi::CallbackInfo& info, bool later);

// Copies the reports into the `results` array and makes the CrossingResult; empty where the array is gone or memory ran out,
// with an exception pending.
Napi::Value DeliverOutcome(Napi::Env env, const CrossingJob& job, napi_value results);

}  // namespace evenkeel

#endif  // EVENKEEL_ADDON_CROSSING_H_

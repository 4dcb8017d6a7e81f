#include "native/addon/run.h"

#include <memory>

#include "native/addon/arguments.h"
#include "native/addon/crossing.h"
#include "native/addon/environment.h"

namespace evenkeel {
namespace {

// Where `kept` holds what.
constexpr uint32_t kKeptResults = 0;

// One array that holds everything of JavaScript that the run needs: outputs, shared sources, shared memory of the regions.
bool Keep(const Napi::CallbackInfo& info, CrossingJob& job) {
  const Napi::Env env = info.Env();
  Napi::Array kept = Napi::Array::New(env, 5);
  kept.Set(kKeptResults, info[8]);
  kept.Set(1u, info[0]);
  kept.Set(2u, info[0].As<Napi::Object>().Get("memory"));
  // Copies: the caller may change its own lists.
  uint32_t at = 3;
  for (const size_t list : {size_t{4}, size_t{7}}) {
    const Napi::Array arrays = info[list].As<Napi::Array>();
    for (uint32_t i = 0; i < arrays.Length(); ++i) kept.Set(at++, arrays.Get(i));
  }
  return napi_create_reference(env, kept, 1, &job.kept) == napi_ok;
}

void Link(CrossingJob& job) {
  job.following = job.handle->on_the_way;
  if (job.following) job.following->previous = &job;
  job.handle->on_the_way = &job;
}

void Unlink(CrossingJob& job) {
  if (job.previous)
    job.previous->following = job.following;
  else
    job.handle->on_the_way = job.following;
  if (job.following) job.following->previous = job.previous;
}

void Settle(Napi::Env env, CrossingJob& job) {
  const Napi::HandleScope scope(env);
  napi_value kept = nullptr, results = nullptr;
  napi_get_reference_value(env, job.kept, &kept);
  napi_get_element(env, kept, kKeptResults, &results);
  const Napi::Value outcome = DeliverOutcome(env, job, results);
  napi_delete_reference(env, job.kept);
  if (!outcome.IsEmpty()) {
    napi_resolve_deferred(env, job.deferred, outcome);
    return;
  }
  napi_value error = nullptr;
  napi_get_and_clear_last_exception(env, &error);
  napi_reject_deferred(env, job.deferred, error);
}

// Without an environment nobody waits any more; what JavaScript held goes with it.
void OnArrival(napi_env env, Job* arrived) {
  const std::unique_ptr<CrossingJob> job(static_cast<CrossingJob*>(arrived));
  if (!env) return;
  Unlink(*job);
  Settle(Napi::Env(env), *job);
}

void RunJob(Job* job) {
  CrossingJob* self = static_cast<CrossingJob*>(job);
  self->outcome = self->executor->Run(self->crossing);
}

}  // namespace

Napi::Value Run(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  std::unique_ptr<CrossingJob> job(ReadCrossing(info, true));
  if (!job) return env.Undefined();
  napi_value promise = nullptr;
  if (!Keep(info, *job) || napi_create_promise(env, &job->deferred, &promise) != napi_ok)
    return RefuseMemory(env, "run: out of memory");
  job->run = RunJob;
  if (!Environment::Of(env).Send(env, job.get(), OnArrival)) {
    napi_delete_reference(env, job->kept);
    return RefuseMemory(env, "run: no thread could be started for it");
  }
  Link(*job.release());
  return Napi::Value(env, promise);
}

Napi::Value RunSync(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::unique_ptr<CrossingJob> job(ReadCrossing(info, false));
  if (!job) return env.Undefined();
  if (job->handle->on_the_way) return RefuseBusy(env, "a run of this executor is on its way");
  job->outcome = job->executor->Run(job->crossing);
  const Napi::Value outcome = DeliverOutcome(env, *job, info[8]);
  return outcome.IsEmpty() ? env.Undefined() : outcome;
}

Napi::Value Cancel(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  ExecutorHandle* handle = info.Length() == 1 ? UnwrapHandle<ExecutorHandle>(env, info[0]) : nullptr;
  if (!handle) return Refuse(env, "cancel: expected an executor");
  for (CrossingJob* job = handle->on_the_way; job; job = job->following) job->cancelled.store(true, std::memory_order_relaxed);
  return env.Undefined();
}

}  // namespace evenkeel

#include "native/addon/environment.h"

#include <new>

namespace evenkeel {

void Environment::Create(Napi::Env env) {
  Environment* environment = new (std::nothrow) Environment;
  napi_set_instance_data(env, environment, [](napi_env, void* data, void*) { delete static_cast<Environment*>(data); }, nullptr);
}

Environment& Environment::Of(Napi::Env env) {
  void* data = nullptr;
  napi_get_instance_data(env, &data);
  return *static_cast<Environment*>(data);
}

// Cleanup hooks run in reverse order, so the hook comes after the channel: it runs while the channel still stands.
bool Environment::Connect(Napi::Env env) {
  if (channel_) return true;
  napi_threadsafe_function channel = nullptr;
  if (napi_create_threadsafe_function(env, nullptr, nullptr, Napi::String::New(env, "evenkeel"), 0, 1, nullptr, nullptr, this, OnArrival,
                                      &channel) != napi_ok)
    return false;
  napi_unref_threadsafe_function(env, channel);
  if (napi_add_env_cleanup_hook(env, OnTeardown, this) != napi_ok) {
    napi_release_threadsafe_function(channel, napi_tsfn_abort);
    return false;
  }
  channel_ = channel;
  return true;
}

bool Environment::Send(Napi::Env env, Job* job, void (*arrive)(napi_env env, Job* job)) {
  if (!Connect(env)) return false;
  arrive_ = arrive;
  job->owner = this;
  job->finish = [](Job* finished) {
    const Environment* self = static_cast<const Environment*>(finished->owner);
    napi_call_threadsafe_function(self->channel_, finished, napi_tsfn_nonblocking);
  };
  if (!Submit(job)) return false;
  if (on_the_way_++ == 0) napi_ref_threadsafe_function(env, channel_);
  return true;
}

void Environment::OnArrival(napi_env env, napi_value, void* context, void* data) {
  Environment* self = static_cast<Environment*>(context);
  if (env && --self->on_the_way_ == 0) napi_unref_threadsafe_function(env, self->channel_);
  self->arrive_(env, static_cast<Job*>(data));
}

// The environment's memory goes after this returns, so nothing of it may still be running or waiting. At most one step of
// one job passes meanwhile; other environments' jobs are not waited for.
void Environment::OnTeardown(void* pointer) {
  Environment* self = static_cast<Environment*>(pointer);
  for (Job* job = Withdraw(self); job;) {
    Job* const next = job->next;
    self->arrive_(nullptr, job);
    job = next;
  }
}

}  // namespace evenkeel

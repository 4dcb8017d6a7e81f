// What the addon keeps for each environment that loaded it: the main thread and every worker have their own.
#ifndef EVENKEEL_ADDON_ENVIRONMENT_H_
#define EVENKEEL_ADDON_ENVIRONMENT_H_

#include <napi.h>

#include "native/runtime/dispatcher.h"

namespace evenkeel {

class Environment {
 public:
  static void Create(Napi::Env env);
  static Environment& Of(Napi::Env env);

  // Hands the job to the dispatcher; `arrive` is called with it on the JavaScript thread, or with a null environment when
  // the environment ended first. While jobs are on their way they keep the process alive, an idle library does not.
  // False where a thread or a handle could not be had.
  bool Send(Napi::Env env, Job* job, void (*arrive)(napi_env env, Job* job));

 private:
  static void OnArrival(napi_env env, napi_value callback, void* context, void* data);
  static void OnTeardown(void* self);
  bool Connect(Napi::Env env);

  napi_threadsafe_function channel_ = nullptr;
  void (*arrive_)(napi_env, Job*) = nullptr;
  int on_the_way_ = 0;
};

}  // namespace evenkeel

#endif  // EVENKEEL_ADDON_ENVIRONMENT_H_

#ifndef EVENKEEL_ADDON_RUN_H_
#define EVENKEEL_ADDON_RUN_H_

#include <napi.h>

namespace evenkeel {

// Arguments: see ReadCrossing.
// run(…) → a Promise of { completed, status, segment, call, detail }; the crossing runs on the dispatcher.
Napi::Value Run(const Napi::CallbackInfo& info);
// runSync(…) → the same, now, on this thread.
Napi::Value RunSync(const Napi::CallbackInfo& info);
// cancel(executor): its crossings on their way stop before their next step.
Napi::Value Cancel(const Napi::CallbackInfo& info);

}  // namespace evenkeel

#endif  // EVENKEEL_ADDON_RUN_H_

#ifndef EVENKEEL_ADDON_GATHER_H_
#define EVENKEEL_ADDON_GATHER_H_

#include <napi.h>

namespace evenkeel {

// gather(isa, target, source, rowElements, rows or null, first, count): rows of the source into target, now. Throws, with
// nothing kept, where a row number is outside the source.
Napi::Value Gather(const Napi::CallbackInfo& info);

}  // namespace evenkeel

#endif  // EVENKEEL_ADDON_GATHER_H_

#ifndef EVENKEEL_ADDON_MEMORY_H_
#define EVENKEEL_ADDON_MEMORY_H_

#include <napi.h>

namespace evenkeel {

// allocate(bytes) → ArrayBuffer over a new block.
Napi::Value Allocate(const Napi::CallbackInfo& info);
// memory() → { bytes, blocks }: all live blocks of the process, scratch included.
Napi::Value DescribeMemory(const Napi::CallbackInfo& info);

}  // namespace evenkeel

#endif  // EVENKEEL_ADDON_MEMORY_H_

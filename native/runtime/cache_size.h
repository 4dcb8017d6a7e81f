// How much the last-level cache holds: results larger than it are better written past it.
#ifndef EVENKEEL_RUNTIME_CACHE_SIZE_H_
#define EVENKEEL_RUNTIME_CACHE_SIZE_H_

#include <cstdint>

namespace evenkeel {

// Bytes of the largest cache that the processor reports, 32 MiB where it reports none. Cheap after the first call.
int64_t LastLevelCacheBytes();

}  // namespace evenkeel

#endif  // EVENKEEL_RUNTIME_CACHE_SIZE_H_

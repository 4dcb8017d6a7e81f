// Fork-join over fixed chunks. How work is cut never depends on the number of threads, so neither do the bits.
#ifndef EVENKEEL_RUNTIME_PARALLEL_H_
#define EVENKEEL_RUNTIME_PARALLEL_H_

#include <cstdint>
#include <type_traits>

namespace evenkeel {

// Runs chunk numbers 0 … chunks-1, each exactly once, on at most `threads` threads, the caller among them; returns
// when all are done. `slot` is below `threads` and no two running chunks share one: an index for private scratch.
using ChunkFunction = void (*)(void* context, int64_t chunk, int slot);
void RunChunks(int64_t chunks, int threads, ChunkFunction function, void* context);

struct Parallel {
  int threads = 1;

  // body(chunk, slot)
  template <typename Body>
  void For(int64_t chunks, Body&& body) const {
    using Type = std::remove_reference_t<Body>;
    const auto call = [](void* context, int64_t chunk, int slot) { (*static_cast<Type*>(context))(chunk, slot); };
    RunChunks(chunks, threads, call, const_cast<void*>(static_cast<const void*>(&body)));
  }
};

}  // namespace evenkeel

#endif  // EVENKEEL_RUNTIME_PARALLEL_H_

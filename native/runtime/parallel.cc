#include "native/runtime/parallel.h"

namespace evenkeel {

void RunChunks(int64_t chunks, int threads, ChunkFunction function, void* context) {
  (void)threads;
  for (int64_t chunk = 0; chunk < chunks; ++chunk) function(context, chunk, 0);
}

}  // namespace evenkeel

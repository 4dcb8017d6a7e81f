// The library's own memory: reference-counted blocks that outlive whatever JavaScript does with their ArrayBuffers.
#ifndef EVENKEEL_RUNTIME_MEMORY_H_
#define EVENKEEL_RUNTIME_MEMORY_H_

#include <cstddef>
#include <cstdint>

#include "native/runtime/reference.h"

namespace evenkeel {

constexpr size_t kBlockAlignment = 64;  // a cache line, and the widest vector

constexpr size_t AlignUp(size_t bytes, size_t alignment) { return (bytes + alignment - 1) / alignment * alignment; }

// Zeroed memory, aligned to kBlockAlignment. Every live block is known by its address (Find).
class Block {
 public:
  // Null where there is no memory left.
  static Reference<Block> Allocate(size_t bytes);
  // The live block that holds all of [data, data + bytes); null: it is not the library's memory.
  static Reference<Block> Find(const void* data, size_t bytes);

  unsigned char* data() const { return data_; }
  size_t bytes() const { return bytes_; }

  void AddReference();
  bool DropReference();
  ~Block();

 private:
  Block() = default;
  bool Obtain(size_t bytes);

  unsigned char* data_ = nullptr;
  size_t bytes_ = 0;
  void* whole_ = nullptr;  // what the system gave, alignment included
  size_t whole_bytes_ = 0;
  bool mapped_ = false;
  int references_ = 1;  // under the registry's lock, so that Find cannot revive a block that is going
};

struct MemoryUse {
  int64_t bytes;
  int64_t blocks;
};
// Of all live blocks, scratch included.
MemoryUse CurrentMemoryUse();

}  // namespace evenkeel

#endif  // EVENKEEL_RUNTIME_MEMORY_H_

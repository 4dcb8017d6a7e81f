#include "native/runtime/memory.h"

#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>

#if defined(_WIN32)
#define NOMINMAX
#include <windows.h>
#else
#include <sys/mman.h>
#endif

namespace evenkeel {
namespace {

// From here on a block gets pages of its own. The system gives them zeroed when they are touched: clearing 4 MB here would
// hold the caller, often the event loop, for 2 ms.
constexpr size_t kMappedBytes = size_t{256} << 10;
// From here on these are huge ones, where there are any: they are 2 MiB, and a block of two or more wastes little.
constexpr size_t kHugeBytes = size_t{4} << 20;
constexpr size_t kHugePage = size_t{2} << 20;
// Larger than any address space; keeps the sums below from wrapping round.
constexpr size_t kMostBytes = size_t{1} << 47;

#if defined(_WIN32)
void* MapPages(size_t bytes) { return VirtualAlloc(nullptr, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE); }
void UnmapPages(void* pages, size_t) { VirtualFree(pages, 0, MEM_RELEASE); }
void* AllocateAligned(size_t bytes) { return _aligned_malloc(bytes, kBlockAlignment); }
void FreeAligned(void* memory) { _aligned_free(memory); }
#else
void* MapPages(size_t bytes) {
  void* pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) return nullptr;
#if defined(MADV_HUGEPAGE)
  if (bytes >= kHugeBytes) madvise(pages, bytes, MADV_HUGEPAGE);
#endif
  return pages;
}
void UnmapPages(void* pages, size_t bytes) { munmap(pages, bytes); }
void* AllocateAligned(size_t bytes) {
  void* memory = nullptr;
  return posix_memalign(&memory, kBlockAlignment, bytes) == 0 ? memory : nullptr;
}
void FreeAligned(void* memory) { std::free(memory); }
#endif

// Every live block in the order of its address. Models hold tens of blocks, so shifting an array is cheap.
class Registry {
 public:
  bool Insert(Block* block) {
    if (count_ == capacity_ && !Grow()) return false;
    const size_t at = FirstBeyond(block->data());
    std::memmove(blocks_ + at + 1, blocks_ + at, (count_ - at) * sizeof(Block*));
    blocks_[at] = block;
    ++count_;
    bytes_ += static_cast<int64_t>(block->bytes());
    return true;
  }

  void Remove(Block* block) {
    const size_t at = FirstBeyond(block->data()) - 1;
    std::memmove(blocks_ + at, blocks_ + at + 1, (count_ - at - 1) * sizeof(Block*));
    --count_;
    bytes_ -= static_cast<int64_t>(block->bytes());
  }

  // The last block that starts at or before `data`.
  Block* Before(const unsigned char* data) const {
    const size_t at = FirstBeyond(data);
    return at == 0 ? nullptr : blocks_[at - 1];
  }

  MemoryUse Use() const { return {bytes_, static_cast<int64_t>(count_)}; }

  std::mutex lock;

 private:
  size_t FirstBeyond(const unsigned char* data) const {
    size_t low = 0, high = count_;
    while (low < high) {
      const size_t middle = (low + high) / 2;
      if (blocks_[middle]->data() <= data)
        low = middle + 1;
      else
        high = middle;
    }
    return low;
  }

  bool Grow() {
    const size_t capacity = capacity_ == 0 ? 64 : capacity_ * 2;
    void* grown = std::realloc(blocks_, capacity * sizeof(Block*));
    if (!grown) return false;
    blocks_ = static_cast<Block**>(grown);
    capacity_ = capacity;
    return true;
  }

  Block** blocks_ = nullptr;
  size_t count_ = 0, capacity_ = 0;
  int64_t bytes_ = 0;
};

// Leaked: blocks may be freed by threads that are still at work at exit.
Registry& TheRegistry() {
  static Registry* const registry = new Registry;
  return *registry;
}

}  // namespace

bool Block::Obtain(size_t bytes) {
  if (bytes > kMostBytes) return false;
  bytes_ = bytes;
  // A block of no bytes still needs an address of its own.
  const size_t rounded = AlignUp(bytes < 1 ? 1 : bytes, kBlockAlignment);
  mapped_ = rounded >= kMappedBytes;
  if (!mapped_) {
    whole_ = AllocateAligned(rounded);
    if (!whole_) return false;
    std::memset(whole_, 0, rounded);
    data_ = static_cast<unsigned char*>(whole_);
    return true;
  }
  const bool huge = rounded >= kHugeBytes;
  whole_bytes_ = huge ? AlignUp(rounded, kHugePage) + kHugePage : rounded;
  whole_ = MapPages(whole_bytes_);
  if (!whole_) return false;
  // Pages begin at a multiple of kBlockAlignment as it is.
  data_ = huge ? reinterpret_cast<unsigned char*>(AlignUp(reinterpret_cast<uintptr_t>(whole_), kHugePage)) : static_cast<unsigned char*>(whole_);
  return true;
}

Block::~Block() {
  if (!whole_) return;
  if (mapped_)
    UnmapPages(whole_, whole_bytes_);
  else
    FreeAligned(whole_);
}

Reference<Block> Block::Allocate(size_t bytes) {
  Block* block = new (std::nothrow) Block;
  if (!block) return {};
  if (block->Obtain(bytes)) {
    Registry& registry = TheRegistry();
    const std::lock_guard<std::mutex> hold(registry.lock);
    if (registry.Insert(block)) return Reference<Block>::Adopt(block);
  }
  delete block;
  return {};
}

Reference<Block> Block::Find(const void* data, size_t bytes) {
  const unsigned char* begin = static_cast<const unsigned char*>(data);
  Registry& registry = TheRegistry();
  const std::lock_guard<std::mutex> hold(registry.lock);
  Block* block = registry.Before(begin);
  if (!block) return {};
  const size_t offset = static_cast<size_t>(begin - block->data());
  if (offset > block->bytes() || bytes > block->bytes() - offset) return {};
  ++block->references_;
  return Reference<Block>::Adopt(block);
}

void Block::AddReference() {
  const std::lock_guard<std::mutex> hold(TheRegistry().lock);
  ++references_;
}

bool Block::DropReference() {
  Registry& registry = TheRegistry();
  const std::lock_guard<std::mutex> hold(registry.lock);
  if (--references_ > 0) return false;
  registry.Remove(this);
  return true;
}

MemoryUse CurrentMemoryUse() {
  Registry& registry = TheRegistry();
  const std::lock_guard<std::mutex> hold(registry.lock);
  return registry.Use();
}

}  // namespace evenkeel

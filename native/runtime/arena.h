// Scratch memory, shared by all executors of the process: a run takes an arena and gives it back.
#ifndef EVENKEEL_RUNTIME_ARENA_H_
#define EVENKEEL_RUNTIME_ARENA_H_

#include <cstddef>

#include "native/runtime/memory.h"

namespace evenkeel {

// Said by an executor for as long as it lives: the arena that its runs need. While it stands, an arena of that size is
// kept, so that a run finds one and allocates nothing.
class ArenaDemand {
 public:
  ArenaDemand() = default;
  ArenaDemand(const ArenaDemand&) = delete;
  ArenaDemand& operator=(const ArenaDemand&) = delete;
  // Asks for this much from now on, if it is more than before. False where there is no memory for such an arena.
  bool Reserve(size_t bytes);
  ~ArenaDemand();

 private:
  friend class ArenaPool;
  size_t bytes_ = 0;
  bool standing_ = false;
  ArenaDemand* previous_ = nullptr;
  ArenaDemand* next_ = nullptr;
};

struct Arena;

// An arena of at least `bytes` for one run, the smallest idle one that is large enough. Its contents are whatever the
// last run left.
class ArenaLoan {
 public:
  explicit ArenaLoan(size_t bytes);
  ~ArenaLoan();
  ArenaLoan(const ArenaLoan&) = delete;
  ArenaLoan& operator=(const ArenaLoan&) = delete;
  // Null where there is no memory left.
  unsigned char* data() const;

 private:
  Arena* arena_;
};

}  // namespace evenkeel

#endif  // EVENKEEL_RUNTIME_ARENA_H_

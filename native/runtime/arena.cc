#include "native/runtime/arena.h"

#include <mutex>
#include <new>

namespace evenkeel {

struct Arena {
  Reference<Block> block;
  bool lent = false;
  Arena* next = nullptr;
};

class ArenaPool {
 public:
  bool Reserve(ArenaDemand& demand, size_t bytes) {
    const std::lock_guard<std::mutex> hold(lock_);
    if (demand.standing_ && demand.bytes_ >= bytes) return true;
    if (!LargeEnough(bytes)) {
      if (!Add(bytes)) return false;
      // The new one serves everybody that the smaller ones did; a run beside another makes its own again.
      DropIdle([bytes](size_t size) { return size < bytes; });
    }
    demand.bytes_ = bytes;
    if (!demand.standing_) Enlist(demand);
    return true;
  }

  void Withdraw(ArenaDemand& demand) {
    const std::lock_guard<std::mutex> hold(lock_);
    if (demand.previous_)
      demand.previous_->next_ = demand.next_;
    else
      demands_ = demand.next_;
    if (demand.next_) demand.next_->previous_ = demand.previous_;
    DropUnwanted();
  }

  Arena* Lend(size_t bytes) {
    const std::lock_guard<std::mutex> hold(lock_);
    Arena* best = nullptr;
    for (Arena* arena = arenas_; arena; arena = arena->next) {
      if (arena->lent || arena->block->bytes() < bytes) continue;
      if (!best || arena->block->bytes() < best->block->bytes()) best = arena;
    }
    if (!best) best = Add(bytes);
    if (best) best->lent = true;
    return best;
  }

  void Return(Arena* arena) {
    const std::lock_guard<std::mutex> hold(lock_);
    arena->lent = false;
    DropUnwanted();
  }

 private:
  bool LargeEnough(size_t bytes) const {
    for (const Arena* arena = arenas_; arena; arena = arena->next)
      if (arena->block->bytes() >= bytes) return true;
    return false;
  }

  Arena* Add(size_t bytes) {
    Reference<Block> block = Block::Allocate(bytes);
    Arena* arena = block ? new (std::nothrow) Arena : nullptr;
    if (!arena) return nullptr;
    arena->block = std::move(block);
    arena->next = arenas_;
    arenas_ = arena;
    return arena;
  }

  void Enlist(ArenaDemand& demand) {
    demand.standing_ = true;
    demand.next_ = demands_;
    if (demands_) demands_->previous_ = &demand;
    demands_ = &demand;
  }

  void DropUnwanted() {
    size_t most = 0;
    for (const ArenaDemand* demand = demands_; demand; demand = demand->next_)
      if (demand->bytes_ > most) most = demand->bytes_;
    const bool anybody = demands_ != nullptr;
    DropIdle([most, anybody](size_t size) { return !anybody || size > most; });
  }

  template <typename Unwanted>
  void DropIdle(Unwanted unwanted) {
    for (Arena** link = &arenas_; *link;) {
      Arena* arena = *link;
      if (arena->lent || !unwanted(arena->block->bytes())) {
        link = &arena->next;
        continue;
      }
      *link = arena->next;
      delete arena;
    }
  }

  std::mutex lock_;
  Arena* arenas_ = nullptr;
  ArenaDemand* demands_ = nullptr;
};

namespace {
ArenaPool& ThePool() {
  static ArenaPool* const pool = new ArenaPool;
  return *pool;
}
}  // namespace

bool ArenaDemand::Reserve(size_t bytes) { return ThePool().Reserve(*this, bytes); }
ArenaDemand::~ArenaDemand() {
  if (standing_) ThePool().Withdraw(*this);
}

ArenaLoan::ArenaLoan(size_t bytes) : arena_(ThePool().Lend(bytes)) {}
ArenaLoan::~ArenaLoan() {
  if (arena_) ThePool().Return(arena_);
}
unsigned char* ArenaLoan::data() const { return arena_ ? arena_->block->data() : nullptr; }

}  // namespace evenkeel

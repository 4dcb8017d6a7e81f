#include <cstring>
#include <thread>
#include <vector>

#include "native/runtime/arena.h"
#include "native/runtime/memory.h"
#include "native/test/check.h"

namespace evenkeel::test {
namespace {

bool IsZero(const Block& block) {
  for (size_t i = 0; i < block.bytes(); ++i)
    if (block.data()[i] != 0) return false;
  return true;
}

void TestBlocks() {
  const MemoryUse before = CurrentMemoryUse();
  for (size_t bytes : {size_t{0}, size_t{1}, size_t{63}, size_t{64}, size_t{4096}, size_t{4} << 20, (size_t{9} << 20) + 5}) {
    Reference<Block> block = Block::Allocate(bytes);
    Check(block && reinterpret_cast<uintptr_t>(block->data()) % kBlockAlignment == 0 && block->bytes() == bytes && IsZero(*block),
          "a block of %zu bytes", bytes);
    if (bytes > 0) std::memset(block->data(), 0xFF, bytes);
    Check(Block::Find(block->data(), bytes).get() == block.get(), "finds a block of %zu bytes", bytes);
    if (bytes > 1) Check(Block::Find(block->data() + 1, bytes - 1).get() == block.get(), "finds a part of it");
    Check(!Block::Find(block->data() + 1, bytes), "finds nothing beyond its end");
    Check(!Block::Find(block->data() - 1, bytes), "finds nothing before its start");
  }
  int local = 0;
  Check(!Block::Find(&local, sizeof(local)), "finds no foreign memory");
  Check(!Block::Allocate(size_t{1} << 60), "refuses more than there is");
  const MemoryUse after = CurrentMemoryUse();
  Check(before.bytes == after.bytes && before.blocks == after.blocks, "all blocks are gone");
}

void TestManyThreads() {
  const MemoryUse before = CurrentMemoryUse();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([t] {
      Random random(static_cast<uint64_t>(t));
      for (int round = 0; round < 300; ++round) {
        Reference<Block> block = Block::Allocate(random.Below(10000));
        Reference<Block> again = Block::Find(block->data(), block->bytes());
        block = {};
        if (again->bytes() > 0) again->data()[again->bytes() - 1] = 1;
        ArenaDemand demand;
        demand.Reserve(random.Below(100000));
        const ArenaLoan loan(random.Below(100000) + 1);
        if (loan.data()) loan.data()[0] = static_cast<unsigned char>(t);
      }
    });
  for (std::thread& thread : threads) thread.join();
  Check(CurrentMemoryUse().bytes == before.bytes, "threads leave %lld bytes", static_cast<long long>(CurrentMemoryUse().bytes - before.bytes));
}

void TestArenas() {
  const int64_t before = CurrentMemoryUse().blocks;
  {
    ArenaDemand small, large;
    Check(small.Reserve(1000) && CurrentMemoryUse().blocks == before + 1, "a demand makes an arena");
    Check(large.Reserve(5000) && CurrentMemoryUse().blocks == before + 1, "a larger one takes its place");
    {
      const ArenaLoan first(900);
      Check(CurrentMemoryUse().blocks == before + 1, "a run finds it");
      const ArenaLoan second(900);
      Check(first.data() != second.data() && CurrentMemoryUse().blocks == before + 2, "a run beside it has its own");
    }
    const ArenaLoan again(900);
    Check(CurrentMemoryUse().blocks == before + 2, "which stays for the next time");
    Check(!ArenaLoan(size_t{1} << 60).data(), "an arena that is too large is none");
  }
  Check(CurrentMemoryUse().blocks == before, "without a demand there is no arena");
}

}  // namespace

void TestMemory() {
  TestBlocks();
  TestArenas();
  TestManyThreads();
}

}  // namespace evenkeel::test

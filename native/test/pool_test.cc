#include <atomic>
#include <thread>
#include <vector>

#include "native/runtime/parallel.h"
#include "native/test/check.h"

namespace evenkeel::test {
namespace {

// Each chunk once, and no two running chunks in one slot.
void RunOnce(int64_t chunks, int threads) {
  std::vector<int> seen(static_cast<size_t>(chunks));
  std::vector<std::atomic<int>> busy(static_cast<size_t>(threads));
  std::atomic<bool> shared_slot{false}, wild_slot{false};
  Parallel{threads}.For(chunks, [&](int64_t chunk, int slot) {
    if (slot < 0 || slot >= threads) {
      wild_slot = true;
      return;
    }
    if (busy[static_cast<size_t>(slot)].fetch_add(1) != 0) shared_slot = true;
    ++seen[static_cast<size_t>(chunk)];
    busy[static_cast<size_t>(slot)].fetch_sub(1);
  });
  bool once = true;
  for (int count : seen) once = once && count == 1;
  Check(once && !shared_slot && !wild_slot, "%lld chunks on %d threads", static_cast<long long>(chunks), threads);
}

}  // namespace

void TestPool() {
  for (int threads : {1, 2, 3, 8, 300})
    for (int64_t chunks : {0, 1, 2, 3, 7, 64, 1000})
      for (int round = 0; round < 5; ++round) RunOnce(chunks, threads);

  // Many callers at once, and calls from within a chunk.
  std::vector<std::thread> callers;
  std::atomic<long> total{0};
  for (int caller = 0; caller < 6; ++caller)
    callers.emplace_back([&total] {
      for (int round = 0; round < 500; ++round)
        Parallel{3}.For(5, [&total](int64_t, int) { Parallel{2}.For(2, [&total](int64_t, int) { total.fetch_add(1); }); });
    });
  for (std::thread& caller : callers) caller.join();
  Check(total == 6 * 500 * 10, "chunks of six callers: %ld", total.load());
}

}  // namespace evenkeel::test

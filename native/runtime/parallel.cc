#include "native/runtime/parallel.h"

#include <atomic>
#include <type_traits>

#include "native/runtime/thread.h"
#include "native/runtime/wait_word.h"

namespace evenkeel {
namespace {

// How long an idle worker watches for the next job before it sleeps. Waking a sleeper costs 5 to 50 µs until it runs;
// the gap between two kernels of a step is far below this.
constexpr int64_t kSpinNanoseconds = 50'000;
// The clock is read once in so many pauses (a pause is 10 to 140 cycles, a reading 20 to 30 ns).
constexpr int kPausesPerReading = 32;
constexpr int kMostWorkers = 255;
// After a thread failed to start: how many jobs pass until it is tried again.
constexpr int kJobsUntilRetry = 4096;

// State of the pool in one word, so that one compare-and-swap joins a job: the low bits count the places that workers
// may still take in the job that is open, the high bits number the jobs, so that a closed job differs from the next.
constexpr uint32_t kPlaces = 0xFFF;
constexpr uint32_t kNextJob = 0x1000;

// True when the word changed within the time, false when it still holds `seen`.
bool SpinWhile(const std::atomic<uint32_t>& word, uint32_t seen) {
  const int64_t end = MonotonicNanoseconds() + kSpinNanoseconds;
  do {
    for (int i = 0; i < kPausesPerReading; ++i) {
      if (word.load(std::memory_order_acquire) != seen) return true;
      SpinPause();
    }
  } while (MonotonicNanoseconds() < end);
  return false;
}

// A worker that has not joined when the caller runs out of chunks finds no place any more: nobody waits for it.
class Pool {
 public:
  // False: another thread has the pool, or no worker could be started; nothing was run.
  bool TryRun(int64_t chunks, int threads, ChunkFunction function, void* context) {
    if (busy_.exchange(true, std::memory_order_acquire)) return false;
    const int64_t wanted = (chunks < threads ? chunks : threads) - 1;
    const int places = Reserve(static_cast<int>(wanted < kMostWorkers ? wanted : kMostWorkers));
    if (places > 0) {
      Open(chunks, places, function, context);
      Claim(0);
      CloseAndWait();
    }
    busy_.store(false, std::memory_order_release);
    return places > 0;
  }

 private:
  void Open(int64_t chunks, int places, ChunkFunction function, void* context) {
    chunks_ = chunks;
    function_ = function;
    context_ = context;
    places_ = places;
    next_.store(0, std::memory_order_relaxed);
    left_.store(0, std::memory_order_relaxed);
    const uint32_t before = state_.load(std::memory_order_relaxed);
    // Sequentially consistent with the sleepers' count: either the worker sees the job, or the caller sees the sleeper.
    state_.store(((before + kNextJob) & ~kPlaces) | static_cast<uint32_t>(places));
    if (sleepers_.load() > 0) WakeSleepers(state_, places);
  }

  void CloseAndWait() {
    const uint32_t before = state_.fetch_and(~kPlaces, std::memory_order_acq_rel);
    const uint32_t joined = static_cast<uint32_t>(places_) - (before & kPlaces);
    for (uint32_t left = left_.load(std::memory_order_acquire); left != joined; left = left_.load(std::memory_order_acquire)) {
      if (SpinWhile(left_, left)) continue;
      // A worker that holds a chunk was put aside by the system: let it have this core.
      caller_sleeps_.store(true);
      SleepWhile(left_, left);
      caller_sleeps_.store(false);
    }
  }

  void Claim(int slot) {
    for (;;) {
      const int64_t chunk = next_.fetch_add(1, std::memory_order_relaxed);
      if (chunk >= chunks_) return;
      function_(context_, chunk, slot);
    }
  }

  // Starts what is missing; returns how many workers there are, at most `wanted`.
  int Reserve(int wanted) {
    if (workers_ >= wanted) return wanted;
    if (retry_in_ > 0) {
      --retry_in_;
      return workers_;
    }
    while (workers_ < wanted) {
      if (!StartThread("evenkeel", [](void* pool) { static_cast<Pool*>(pool)->Work(); }, this)) {
        retry_in_ = kJobsUntilRetry;
        break;
      }
      ++workers_;
    }
    return workers_;
  }

  void Work() {
    for (;;) {
      uint32_t state = state_.load(std::memory_order_acquire);
      if ((state & kPlaces) == 0) {
        Idle(state);
        continue;
      }
      if (!state_.compare_exchange_weak(state, state - 1, std::memory_order_acq_rel)) continue;
      Claim(places_ - static_cast<int>(state & kPlaces) + 1);
      left_.fetch_add(1);
      if (caller_sleeps_.load()) WakeSleepers(left_, 1);
    }
  }

  void Idle(uint32_t seen) {
    if (SpinWhile(state_, seen)) return;
    sleepers_.fetch_add(1);
    SleepWhile(state_, seen);
    sleepers_.fetch_sub(1);
  }

  // Of the thread that holds `busy_`.
  std::atomic<bool> busy_{false};
  int workers_ = 0;
  int retry_in_ = 0;
  // The open job; workers read it after they have joined.
  int64_t chunks_ = 0;
  int places_ = 0;
  ChunkFunction function_ = nullptr;
  void* context_ = nullptr;
  // Each on its own cache line: the first is watched by idle workers, the second hit by every chunk.
  alignas(64) std::atomic<uint32_t> state_{0};
  std::atomic<int> sleepers_{0};
  alignas(64) std::atomic<int64_t> next_{0};
  alignas(64) std::atomic<uint32_t> left_{0};
  std::atomic<bool> caller_sleeps_{false};
};

// Never destroyed (it has nothing to destroy), and its threads never joined: at exit they may still be at work.
Pool pool;
static_assert(std::is_trivially_destructible_v<Pool>, "no destructor may run at exit");

}  // namespace

void RunChunks(int64_t chunks, int threads, ChunkFunction function, void* context) {
  if (chunks > 1 && threads > 1 && pool.TryRun(chunks, threads, function, context)) return;
  for (int64_t chunk = 0; chunk < chunks; ++chunk) function(context, chunk, 0);
}

}  // namespace evenkeel

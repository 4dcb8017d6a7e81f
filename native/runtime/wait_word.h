// Sleeping on a 32-bit word without a lock: a futex, or what the system has instead. A thread that is about to sleep
// can never hold a lock that the waking thread needs, so waking is one system call and never a wait.
#ifndef EVENKEEL_RUNTIME_WAIT_WORD_H_
#define EVENKEEL_RUNTIME_WAIT_WORD_H_

#include <atomic>
#include <cstdint>

namespace evenkeel {

// Sleeps while `word` holds `seen`; may return early for no reason, so callers look again.
void SleepWhile(std::atomic<uint32_t>& word, uint32_t seen);
// Wakes up to `count` threads that sleep on `word`; where the system knows only one or all, perhaps more.
void WakeSleepers(std::atomic<uint32_t>& word, int count);

// A hint to the core that this is a spin loop.
void SpinPause();
// Nanoseconds of a clock that only goes forward.
int64_t MonotonicNanoseconds();

}  // namespace evenkeel

#endif  // EVENKEEL_RUNTIME_WAIT_WORD_H_

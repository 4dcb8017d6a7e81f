#include "native/runtime/wait_word.h"

#include <chrono>

#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(_WIN32)
#define NOMINMAX
#include <windows.h>
#else
#include <pthread.h>
#endif
#if defined(_MSC_VER)
#include <intrin.h>
#endif

namespace evenkeel {

static_assert(sizeof(std::atomic<uint32_t>) == 4, "the system looks at the word itself");

#if defined(__linux__)

void SleepWhile(std::atomic<uint32_t>& word, uint32_t seen) {
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), FUTEX_WAIT_PRIVATE, seen, nullptr, nullptr, 0);
}

void WakeSleepers(std::atomic<uint32_t>& word, int count) {
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

#elif defined(_WIN32)

void SleepWhile(std::atomic<uint32_t>& word, uint32_t seen) { WaitOnAddress(&word, &seen, sizeof(seen), INFINITE); }

void WakeSleepers(std::atomic<uint32_t>& word, int count) {
  if (count == 1)
    WakeByAddressSingle(&word);
  else
    WakeByAddressAll(&word);
}

#else

namespace {
// macOS has no public futex. One lock for all words: it is held for a comparison only.
struct Sleepers {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
};
Sleepers& TheSleepers() {
  static Sleepers* const sleepers = new Sleepers;
  return *sleepers;
}
}  // namespace

void SleepWhile(std::atomic<uint32_t>& word, uint32_t seen) {
  Sleepers& sleepers = TheSleepers();
  pthread_mutex_lock(&sleepers.mutex);
  if (word.load() == seen) pthread_cond_wait(&sleepers.changed, &sleepers.mutex);
  pthread_mutex_unlock(&sleepers.mutex);
}

void WakeSleepers(std::atomic<uint32_t>&, int) {
  Sleepers& sleepers = TheSleepers();
  pthread_mutex_lock(&sleepers.mutex);
  pthread_mutex_unlock(&sleepers.mutex);
  pthread_cond_broadcast(&sleepers.changed);
}

#endif

void SpinPause() {
#if defined(_MSC_VER)
  YieldProcessor();
#elif defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
  __asm__ volatile("yield");
#endif
}

int64_t MonotonicNanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace evenkeel

// Jobs off the event loop: one thread of our own for the process, first in, first out. libuv's four threads stay free for
// files and names, and a job's kernels find their pool idle.
#ifndef EVENKEEL_RUNTIME_DISPATCHER_H_
#define EVENKEEL_RUNTIME_DISPATCHER_H_

#include <atomic>

namespace evenkeel {

// Owned by whoever submits it; the dispatcher never frees one.
struct Job {
  // On the dispatcher's thread: the work, then the news that it is done. After `finish` the dispatcher does not touch the job.
  void (*run)(Job*) = nullptr;
  void (*finish)(Job*) = nullptr;
  // Whose job it is, never null: an environment.
  const void* owner = nullptr;
  // Looked at between steps.
  std::atomic<bool> cancelled{false};

  Job* next = nullptr;
};

// False where the thread could not be started; the job was not taken.
bool Submit(Job* job);

// Takes the owner's waiting jobs back, cancels the one that runs and waits for the end of its step. Returns those that
// were waiting, linked by `next`; they never ran. Afterwards the dispatcher holds nothing of the owner.
Job* Withdraw(const void* owner);

}  // namespace evenkeel

#endif  // EVENKEEL_RUNTIME_DISPATCHER_H_

#include "native/runtime/dispatcher.h"

#include <condition_variable>
#include <mutex>

#include "native/runtime/thread.h"

namespace evenkeel {
namespace {

class Dispatcher {
 public:
  bool Submit(Job* job) {
    const std::lock_guard<std::mutex> hold(lock_);
    if (!started_ && !StartThread("evenkeel-jobs", [](void* self) { static_cast<Dispatcher*>(self)->Work(); }, this)) return false;
    started_ = true;
    job->next = nullptr;
    *last_ = job;
    last_ = &job->next;
    submitted_.notify_one();
    return true;
  }

  Job* Withdraw(const void* owner) {
    std::unique_lock<std::mutex> hold(lock_);
    Job* withdrawn = nullptr;
    Job** end = &withdrawn;
    last_ = &first_;
    for (Job* job = first_; job;) {
      Job* const next = job->next;
      Job**& list = job->owner == owner ? end : last_;
      *list = job;
      list = &job->next;
      job = next;
    }
    *end = nullptr;
    *last_ = nullptr;
    while (running_owner_ == owner) {
      if (running_) running_->cancelled.store(true, std::memory_order_relaxed);
      ended_.wait(hold);
    }
    return withdrawn;
  }

 private:
  void Work() {
    std::unique_lock<std::mutex> hold(lock_);
    for (;;) {
      while (!first_) submitted_.wait(hold);
      Job* const job = running_ = first_;
      running_owner_ = job->owner;
      first_ = job->next;
      if (!first_) last_ = &first_;
      hold.unlock();
      job->run(job);
      hold.lock();
      running_ = nullptr;
      hold.unlock();
      // The owner may free the job at once. Whoever withdraws still waits, until the news is out.
      job->finish(job);
      hold.lock();
      running_owner_ = nullptr;
      ended_.notify_all();
    }
  }

  std::mutex lock_;
  std::condition_variable submitted_, ended_;
  bool started_ = false;
  Job* first_ = nullptr;
  Job** last_ = &first_;
  Job* running_ = nullptr;
  const void* running_owner_ = nullptr;
};

// Leaked: its thread may be at work at exit.
Dispatcher& TheDispatcher() {
  static Dispatcher* const dispatcher = new Dispatcher;
  return *dispatcher;
}

}  // namespace

bool Submit(Job* job) { return TheDispatcher().Submit(job); }
Job* Withdraw(const void* owner) { return TheDispatcher().Withdraw(owner); }

}  // namespace evenkeel

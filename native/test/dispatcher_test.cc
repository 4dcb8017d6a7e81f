#include "native/runtime/dispatcher.h"

#include <thread>
#include <vector>

#include "native/runtime/parallel.h"
#include "native/test/check.h"

namespace evenkeel::test {
namespace {

struct TestJob : Job {
  std::atomic<int> ran{0}, finished{0};
  std::atomic<int>* order = nullptr;
  int place = -1;
  bool until_cancelled = false;
};

void RunTestJob(Job* job) {
  TestJob* self = static_cast<TestJob*>(job);
  if (self->order) self->place = self->order->fetch_add(1);
  do {
    std::atomic<long> sum{0};
    Parallel{2}.For(4, [&sum](int64_t chunk, int) { sum += chunk; });
    self->ran = sum == 6 ? 1 : -1;
  } while (self->until_cancelled && !self->cancelled);
}

void Prepare(TestJob& job, const void* owner, std::atomic<int>* order) {
  job.run = RunTestJob;
  job.finish = [](Job* done) { static_cast<TestJob*>(done)->finished = 1; };
  job.owner = owner;
  job.order = order;
}

// Several owners at once; each finds its jobs run in its order.
void TestOrder() {
  std::vector<std::thread> owners;
  std::atomic<int> wrong{0};
  for (int owner = 0; owner < 4; ++owner)
    owners.emplace_back([&wrong] {
      constexpr int kJobs = 200;
      std::vector<TestJob> jobs(kJobs);
      std::atomic<int> order{0};
      for (TestJob& job : jobs) {
        Prepare(job, &jobs, &order);
        if (!Submit(&job)) ++wrong;
      }
      for (TestJob& job : jobs)
        while (!job.finished) std::this_thread::yield();
      for (int i = 0; i < kJobs; ++i)
        if (jobs[static_cast<size_t>(i)].place != i || jobs[static_cast<size_t>(i)].ran != 1) ++wrong;
      if (Withdraw(&jobs)) ++wrong;
    });
  for (std::thread& owner : owners) owner.join();
  Check(wrong == 0, "jobs of four owners, each in its order: %d wrong", wrong.load());
}

// After Withdraw nothing of the owner runs; those of others go on.
void TestWithdraw() {
  for (int round = 0; round < 50; ++round) {
    TestJob endless, waiting, also_waiting, foreign;
    int mine, other;
    Prepare(endless, &mine, nullptr);
    endless.until_cancelled = true;
    Prepare(waiting, &mine, nullptr);
    Prepare(foreign, &other, nullptr);
    Prepare(also_waiting, &mine, nullptr);
    for (TestJob* job : {&endless, &waiting, &foreign, &also_waiting}) Submit(job);
    while (round % 2 == 0 && endless.ran == 0) std::this_thread::yield();
    int returned = 0;
    for (const Job* job = Withdraw(&mine); job; job = job->next) ++returned;
    const bool ran = endless.ran != 0;
    Check(returned == (ran ? 2 : 3) && endless.finished == (ran ? 1 : 0) && waiting.ran == 0 && also_waiting.ran == 0,
          "withdraws what waits and stops what runs");
    while (!foreign.finished) std::this_thread::yield();
    Withdraw(&other);
  }
}

}  // namespace

void TestDispatcher() {
  TestOrder();
  TestWithdraw();
}

}  // namespace evenkeel::test

// Counting of checks: a failing one says where it is and goes on.
#ifndef EVENKEEL_TEST_CHECK_H_
#define EVENKEEL_TEST_CHECK_H_

#include <cstdint>
#include <cstdio>

namespace evenkeel::test {

struct Tally {
  long passed = 0;
  long failed = 0;
};
inline Tally tally;

template <typename... Values>
void Check(bool good, const char* format, Values... values) {
  if (good) {
    ++tally.passed;
    return;
  }
  ++tally.failed;
  std::printf("FAILED: ");
  std::printf(format, values...);
  std::printf("\n");
}

// Numbers from a seed (splitmix64), so that a failure comes again.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    uint64_t mixed = state_ += 0x9E3779B97F4A7C15u;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
    return mixed ^ (mixed >> 31);
  }
  uint64_t Below(uint64_t limit) { return Next() % limit; }
  // −1 to 1
  double Uniform() { return static_cast<double>(Next() >> 11) / 4503599627370496.0 - 1; }

 private:
  uint64_t state_;
};

void TestPool();
void TestMemory();
void TestCpuCount();
void TestGather();
void TestExecutor();
void TestStreams();
void TestDispatcher();
void TestKernels();

}  // namespace evenkeel::test

#endif  // EVENKEEL_TEST_CHECK_H_

// Everything below Node, to be built with a sanitizer: cmake -S . -B build-sanitize -DEVENKEEL_SANITIZE=address,undefined
#include <cstring>

#include "native/test/check.h"

using namespace evenkeel::test;

namespace {
struct Part {
  const char* name;
  void (*run)();
};
constexpr Part kParts[] = {
    {"pool", TestPool},         {"memory", TestMemory},   {"cpu_count", TestCpuCount},   {"gather", TestGather},
    {"executor", TestExecutor}, {"streams", TestStreams}, {"dispatcher", TestDispatcher}, {"kernels", TestKernels},
};
}  // namespace

// Arguments name the parts to run; none: all.
int main(int count, char** names) {
  for (const Part& part : kParts) {
    bool wanted = count == 1;
    for (int i = 1; i < count; ++i) wanted = wanted || std::strcmp(names[i], part.name) == 0;
    if (!wanted) continue;
    const Tally before = tally;
    part.run();
    std::printf("%-12s %ld passed, %ld failed\n", part.name, tally.passed - before.passed, tally.failed - before.failed);
    std::fflush(stdout);
  }
  std::printf("%ld passed, %ld failed\n", tally.passed, tally.failed);
  return tally.failed == 0 && tally.passed > 0 ? 0 : 1;
}

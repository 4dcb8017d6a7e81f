// A Program in a few words: y = x + p in a loop over `time`, then p ← p + the first of them; 2 to 3 threads' worth of rows.
#ifndef EVENKEEL_TEST_SMALL_PROGRAM_H_
#define EVENKEEL_TEST_SMALL_PROGRAM_H_

#include <cstring>
#include <vector>

#include "native/kernels/kernel.h"
#include "native/runtime/executor.h"

namespace evenkeel::test {

constexpr int64_t kMostRows = 20000;  // two chunks of `add`
constexpr int64_t kWidth = 2;
constexpr int64_t kMostTurns = 3;
constexpr int64_t kAreaBytes = kMostRows * kWidth * 4;

inline int KernelNumber(const char* name) {
  for (int i = 0; i < kKernelCount; ++i)
    if (std::strcmp(kKernelTable[i]->name, name) == 0) return i;
  return -1;
}

// Symbols batch, time; one slot. Layout: lib/runtime/encode.ts.
inline std::vector<double> SmallStream() {
  const double add = KernelNumber("add");
  const double activation = KernelNumber("activationForward");
  const double area = static_cast<double>(kAreaBytes);
  return {
      0x45564b50, 1, 2, 1, 4, 2, 1, 3, 8, 3, 2,
      static_cast<double>(kMostRows), static_cast<double>(kMostTurns),
      // regions: input x, output y, parameter p, scratch s
      0, area, 0, kWidth, 0, 1, 0,
      1, area, 0, kWidth, 0, 1, 0,
      2, area, 0, 0, 0, 0, 0,
      7, area * kMostTurns, 0, 0, 0, 0, 0,
      // compute, `time` turns: s[turn] = x + p; y = leakyRelu(s[turn], slot + 0.25·turn)
      0, 0, 0, 1, 2,
      add, 3, 1, 0, 3, 0, area, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, kWidth, 0,
      activation, 2, 1, 2, 1, 0, 0, 0, 3, 0, area, 0, 0, kWidth, 0, 2, -1, 0, 0, 0, 0.25,
      // commit: p ← p + s[0]
      1, 1, 0, 0, 1,
      add, 3, 1, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, kWidth, 0,
      // report s[1]
      3, 4, 0,
  };
}

inline Reference<Executor> BindSmall(Reference<Program> program, Reference<Block> parameters, int threads, ErrorText& error) {
  FixedArray<BoundMemory> memory;
  if (!memory.Allocate(program->regions.size())) return {};
  for (size_t i = 0; i < program->regions.size(); ++i) {
    if (!program->regions[i].IsBound()) continue;
    memory[i].data = parameters->data();
    memory[i].bytes = parameters->bytes();
    memory[i].block = parameters;
  }
  return Executor::Bind(program, memory, threads, error);
}

}  // namespace evenkeel::test

#endif  // EVENKEEL_TEST_SMALL_PROGRAM_H_

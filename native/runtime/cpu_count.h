// How many threads are worth having.
#ifndef EVENKEEL_RUNTIME_CPU_COUNT_H_
#define EVENKEEL_RUNTIME_CPU_COUNT_H_

namespace evenkeel {

// The least of the cores that this process may run on (two hardware threads of one core count once: they share its
// multipliers) and what its control groups let it use. At least 1. Read once.
int UsableCores();

#if defined(__linux__)
// The parts, under another root than "/" in tests. 0: not known, or no limit.
int PhysicalCores(const char* root, const bool* allowed, int processors);
int QuotaCores(const char* root);
#endif

}  // namespace evenkeel

#endif  // EVENKEEL_RUNTIME_CPU_COUNT_H_

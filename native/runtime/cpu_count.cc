#include "native/runtime/cpu_count.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#if defined(__linux__)
#include <sched.h>
#elif defined(_WIN32)
#define NOMINMAX
#include <windows.h>
#elif defined(__APPLE__)
#include <sys/sysctl.h>
#endif

namespace evenkeel {

#if defined(__linux__)
namespace {

constexpr size_t kPath = 1024;
constexpr int kMostProcessors = CPU_SETSIZE;

// The first line of a small file, without its end.
bool ReadLine(const char* path, char* line, int size) {
  std::FILE* file = std::fopen(path, "re");
  if (!file) return false;
  const bool read = std::fgets(line, size, file) != nullptr;
  std::fclose(file);
  if (read) line[std::strcspn(line, "\n")] = '\0';
  return read;
}

bool ReadNumber(const char* root, const char* path, long long* number) {
  char whole[kPath], line[64];
  std::snprintf(whole, sizeof(whole), "%s%s", root, path);
  if (!ReadLine(whole, line, sizeof(line))) return false;
  char* end;
  *number = std::strtoll(line, &end, 10);
  return end != line;
}

// Whole cores of a quota; a part of one would leave a thread standing for most of each period.
int Cores(long long quota, long long period) {
  if (quota <= 0 || period <= 0) return 0;
  return quota < period ? 1 : static_cast<int>(quota / period);
}

int QuotaOfGroup(const char* root, const char* mount, const char* group, bool unified) {
  char path[kPath];
  long long quota, period;
  if (unified) {
    char line[64];
    std::snprintf(path, sizeof(path), "%s%s%s/cpu.max", root, mount, group);
    if (!ReadLine(path, line, sizeof(line)) || std::sscanf(line, "%lld %lld", &quota, &period) != 2) return 0;
    return Cores(quota, period);
  }
  std::snprintf(path, sizeof(path), "%s%s/cpu.cfs_quota_us", mount, group);
  if (!ReadNumber(root, path, &quota)) return 0;
  std::snprintf(path, sizeof(path), "%s%s/cpu.cfs_period_us", mount, group);
  return ReadNumber(root, path, &period) ? Cores(quota, period) : 0;
}

int Least(int a, int b) { return a == 0 ? b : b == 0 || a < b ? a : b; }

// A group's limit holds for all below it, so every ancestor counts. In a container the path may name a group that is not
// mounted there; its root then holds the container's own limit.
int QuotaOfAncestors(const char* root, const char* mount, char* group, bool unified) {
  int least = 0;
  for (;;) {
    if (std::strcmp(group, "/") == 0) group[0] = '\0';
    least = Least(least, QuotaOfGroup(root, mount, group, unified));
    char* slash = std::strrchr(group, '/');
    if (!slash) return least;
    *slash = '\0';
  }
}

bool Lists(const char* controllers, const char* wanted) {
  const size_t length = std::strlen(wanted);
  for (const char* at = controllers; *at;) {
    const size_t item = std::strcspn(at, ",");
    if (item == length && std::strncmp(at, wanted, length) == 0) return true;
    at += item;
    if (*at == ',') ++at;
  }
  return false;
}

// "4:cpu,cpuacct:/group", or "0::/group" of the unified hierarchy.
int QuotaOfLine(const char* root, char* line) {
  line[std::strcspn(line, "\n")] = '\0';
  char* controllers = std::strchr(line, ':');
  char* group = controllers ? std::strchr(controllers + 1, ':') : nullptr;
  if (!group) return 0;
  *group++ = '\0';
  ++controllers;
  if (*controllers == '\0') return QuotaOfAncestors(root, "/sys/fs/cgroup", group, true);
  if (!Lists(controllers, "cpu")) return 0;
  char again[kPath];
  std::snprintf(again, sizeof(again), "%s", group);
  return Least(QuotaOfAncestors(root, "/sys/fs/cgroup/cpu", group, false),
               QuotaOfAncestors(root, "/sys/fs/cgroup/cpu,cpuacct", again, false));
}

}  // namespace

int PhysicalCores(const char* root, const bool* allowed, int processors) {
  long long seen[kMostProcessors][2];
  int cores = 0;
  for (int i = 0; i < processors && i < kMostProcessors; ++i) {
    if (!allowed[i]) continue;
    char path[kPath];
    long long core, package;
    std::snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/topology/core_id", i);
    if (!ReadNumber(root, path, &core)) return 0;
    std::snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/topology/physical_package_id", i);
    if (!ReadNumber(root, path, &package)) return 0;
    bool known = false;
    for (int other = 0; other < cores; ++other) known = known || (seen[other][0] == core && seen[other][1] == package);
    if (known) continue;
    seen[cores][0] = core;
    seen[cores][1] = package;
    ++cores;
  }
  return cores;
}

int QuotaCores(const char* root) {
  char path[kPath], line[kPath];
  std::snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
  std::FILE* file = std::fopen(path, "re");
  if (!file) return 0;
  int least = 0;
  while (std::fgets(line, sizeof(line), file)) least = Least(least, QuotaOfLine(root, line));
  std::fclose(file);
  return least;
}

namespace {
int CountCores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
  bool allowed[kMostProcessors];
  int processors = 0;
  for (int i = 0; i < kMostProcessors; ++i) processors += allowed[i] = CPU_ISSET(i, &set);
  return Least(Least(processors, PhysicalCores("", allowed, kMostProcessors)), QuotaCores(""));
}
}  // namespace

#elif defined(_WIN32)

namespace {
// One record a core; those that the process may run on share a processor with its mask.
int CountCores() {
  DWORD_PTR mask = 0, system = 0;
  if (!GetProcessAffinityMask(GetCurrentProcess(), &mask, &system) || mask == 0) return 1;
  SYSTEM_LOGICAL_PROCESSOR_INFORMATION records[1024];
  DWORD bytes = sizeof(records);
  if (!GetLogicalProcessorInformation(records, &bytes)) return 1;
  int cores = 0;
  for (DWORD i = 0; i < bytes / sizeof(records[0]); ++i)
    cores += records[i].Relationship == RelationProcessorCore && (records[i].ProcessorMask & mask) != 0;
  return cores;
}
}  // namespace

#elif defined(__APPLE__)

namespace {
int CountCores() {
  // The fast cores where there are two kinds: a slow one would hold up the others at every join.
  for (const char* name : {"hw.perflevel0.physicalcpu", "hw.physicalcpu"}) {
    int cores = 0;
    size_t size = sizeof(cores);
    if (sysctlbyname(name, &cores, &size, nullptr, 0) == 0 && cores > 0) return cores;
  }
  return 1;
}
}  // namespace

#else

namespace {
int CountCores() { return 1; }
}  // namespace

#endif

int UsableCores() {
  static const int cores = CountCores();
  return cores > 0 ? cores : 1;
}

}  // namespace evenkeel

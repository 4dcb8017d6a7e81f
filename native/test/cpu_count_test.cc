#include "native/runtime/cpu_count.h"

#include <cstdio>
#include <cstdlib>
#include <string>

#include "native/test/check.h"

#if defined(__linux__)
#include <filesystem>
#endif

namespace evenkeel::test {

#if defined(__linux__)
namespace {
namespace fs = std::filesystem;

// A root folder with files of our own in the place of /proc and /sys.
class Root {
 public:
  Root() {
    char name[] = "/tmp/evenkeel-root-XXXXXX";
    path_ = mkdtemp(name) ? name : "";
  }
  ~Root() { fs::remove_all(path_); }
  Root& Write(const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(path_ + path).parent_path());
    std::FILE* file = std::fopen((path_ + path).c_str(), "w");
    std::fputs(text.c_str(), file);
    std::fclose(file);
    return *this;
  }
  const char* path() const { return path_.c_str(); }

 private:
  std::string path_;
};

void ExpectQuota(const Root& root, int expected, const char* what) {
  const int quota = QuotaCores(root.path());
  Check(quota == expected, "%s: expected %d, got %d", what, expected, quota);
}

void TestQuotas() {
  ExpectQuota(Root(), 0, "no control groups");
  ExpectQuota(Root().Write("/proc/self/cgroup", "0::/\n").Write("/sys/fs/cgroup/cpu.max", "max 100000\n"), 0, "no limit");
  ExpectQuota(Root().Write("/proc/self/cgroup", "0::/\n").Write("/sys/fs/cgroup/cpu.max", "350000 100000\n"), 3, "unified, its root");
  ExpectQuota(Root().Write("/proc/self/cgroup", "0::/a/b\n").Write("/sys/fs/cgroup/a/cpu.max", "200000 100000\n")
                  .Write("/sys/fs/cgroup/a/b/cpu.max", "400000 100000\n"), 2, "unified, the parent is tighter");
  ExpectQuota(Root().Write("/proc/self/cgroup", "0::/a\n").Write("/sys/fs/cgroup/a/cpu.max", "50000 100000\n"), 1, "half a core");
  ExpectQuota(Root().Write("/proc/self/cgroup", "3:memory:/m\n4:cpu,cpuacct:/docker/x\n")
                  .Write("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "250000\n")
                  .Write("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"), 2, "version 1 in a container");
  ExpectQuota(Root().Write("/proc/self/cgroup", "4:cpu:/g\n").Write("/sys/fs/cgroup/cpu/g/cpu.cfs_quota_us", "-1\n")
                  .Write("/sys/fs/cgroup/cpu/g/cpu.cfs_period_us", "100000\n"), 0, "version 1 without a limit");
  ExpectQuota(Root().Write("/proc/self/cgroup", "4:cpuset:/g\n").Write("/sys/fs/cgroup/cpu/g/cpu.cfs_quota_us", "100000\n")
                  .Write("/sys/fs/cgroup/cpu/g/cpu.cfs_period_us", "100000\n"), 0, "another controller");
  ExpectQuota(Root().Write("/proc/self/cgroup", "nonsense\n::\n4:cpu\n"), 0, "nonsense");
}

void TestCores() {
  Root root;
  // Two packages of two cores of two hardware threads each.
  for (int cpu = 0; cpu < 8; ++cpu) {
    const std::string folder = "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/";
    root.Write(folder + "core_id", std::to_string(cpu / 2 % 2) + "\n");
    root.Write(folder + "physical_package_id", std::to_string(cpu / 4) + "\n");
  }
  const bool all[8] = {true, true, true, true, true, true, true, true};
  Check(PhysicalCores(root.path(), all, 8) == 4, "eight hardware threads of four cores");
  const bool one[8] = {true, true, false, false, false, false, false, false};
  Check(PhysicalCores(root.path(), one, 8) == 1, "both hardware threads of one core");
  const bool two[8] = {true, false, false, false, true, false, false, false};
  Check(PhysicalCores(root.path(), two, 8) == 2, "a core of each package");
  Check(PhysicalCores(Root().path(), all, 8) == 0, "nothing known");
}

}  // namespace
#endif

void TestCpuCount() {
  Check(UsableCores() >= 1 && UsableCores() == UsableCores(), "at least one core, the same each time");
#if defined(__linux__)
  TestQuotas();
  TestCores();
#endif
}

}  // namespace evenkeel::test

#include "worker/cpu_count.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace jsd {
namespace {

namespace fs = std::filesystem;

// A quota file's numbers make CPUs; "max" and -1 mean that there is no quota.
std::optional<double> Cpus(const std::string& quota, double period) {
  char* end = nullptr;
  const double microseconds = std::strtod(quota.c_str(), &end);
  if (end == quota.c_str() || microseconds <= 0 || period <= 0) return std::nullopt;
  return microseconds / period;
}

// cpu.max of cgroup v2: "150000 100000".
std::optional<double> QuotaV2(const fs::path& group) {
  std::ifstream file(group / "cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period)) return std::nullopt;
  return Cpus(quota, period);
}

std::optional<double> QuotaV1(const fs::path& group) {
  std::ifstream quota_file(group / "cpu.cfs_quota_us");
  std::ifstream period_file(group / "cpu.cfs_period_us");
  std::string quota;
  double period = 0;
  if (!(quota_file >> quota) || !(period_file >> period)) return std::nullopt;
  return Cpus(quota, period);
}

// The least quota from `group` up to its mount. In a container the group is often named as the host sees it while only
// the mount's top exists: levels that are not there have no say.
std::optional<double> LeastQuota(const fs::path& mount, fs::path group,
                                 std::optional<double> (*quota_of)(const fs::path&)) {
  std::optional<double> least;
  for (;;) {
    const std::optional<double> quota = quota_of(mount / group.relative_path());
    if (quota && (!least || *quota < *least)) least = quota;
    if (!group.has_relative_path()) return least;
    group = group.parent_path();
  }
}

bool HasCpuController(std::string_view controllers) {
  std::istringstream list{std::string(controllers)};
  for (std::string name; std::getline(list, name, ',');) {
    if (name == "cpu") return true;
  }
  return false;
}

unsigned AffinityCpus() {
  // The kernel refuses a set smaller than its own, whose size it does not tell.
  for (std::size_t cpus = CPU_SETSIZE; cpus <= (1u << 20); cpus *= 2) {
    std::vector<char> storage(CPU_ALLOC_SIZE(cpus));
    auto* set = reinterpret_cast<cpu_set_t*>(storage.data());
    if (::sched_getaffinity(0, storage.size(), set) == 0)
      return static_cast<unsigned>(CPU_COUNT_S(storage.size(), set));
    if (errno != EINVAL) break;
  }
  return 1;
}

}  // namespace

std::optional<double> CgroupCpuQuota(const fs::path& root) {
  std::optional<double> least;
  std::ifstream groups(root / "proc/self/cgroup");
  // hierarchy:controllers:path, cgroups(7); version 2 is hierarchy 0 without controllers.
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const fs::path group = fs::path(line.substr(second + 1)).lexically_normal();
    std::optional<double> quota;
    if (controllers.empty()) {
      quota = LeastQuota(root / "sys/fs/cgroup", group, QuotaV2);
    } else if (HasCpuController(controllers)) {
      quota = LeastQuota(root / "sys/fs/cgroup" / controllers, group, QuotaV1);
    }
    if (quota && (!least || *quota < *least)) least = quota;
  }
  return least;
}

unsigned AvailableCpus(const fs::path& root) {
  const unsigned by_affinity = AffinityCpus();
  const std::optional<double> quota = CgroupCpuQuota(root);
  if (!quota || *quota >= by_affinity) return std::max(by_affinity, 1u);
  return std::max(static_cast<unsigned>(std::ceil(*quota)), 1u);
}

}  // namespace jsd

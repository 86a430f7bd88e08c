#ifndef JSD_WORKER_CPU_COUNT_H_
#define JSD_WORKER_CPU_COUNT_H_

#include <filesystem>
#include <optional>

namespace jsd {

// How many CPUs' worth of time the process's control groups grant it: the least quota on the way from its own group up
// to the root, cgroup v2 (cpu.max) or v1 (cpu.cfs_quota_us). None where nothing limits it. `root` stands before
// /proc and /sys.
std::optional<double> CgroupCpuQuota(const std::filesystem::path& root = "/");

// How many CPUs the process can keep busy, by its affinity and its quota: a part of a CPU counts as one. At least 1.
unsigned AvailableCpus(const std::filesystem::path& root = "/");

}  // namespace jsd

#endif  // JSD_WORKER_CPU_COUNT_H_

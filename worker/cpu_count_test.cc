#include "worker/cpu_count.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <fstream>
#include <string>

namespace jsd {
namespace {

namespace fs = std::filesystem;

class CpuCountTest : public testing::Test {
 protected:
  CpuCountTest() : root_(fs::path(testing::TempDir()) / testing::UnitTest::GetInstance()->current_test_info()->name()) {
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  ~CpuCountTest() override { fs::remove_all(root_); }

  void Write(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }

  const fs::path root_;
};

TEST_F(CpuCountTest, WithoutGroupsThereIsNoQuota) { EXPECT_EQ(CgroupCpuQuota(root_), std::nullopt); }

TEST_F(CpuCountTest, Version2) {
  Write("proc/self/cgroup", "0::/system.slice/jsd.service\n");
  Write("sys/fs/cgroup/system.slice/jsd.service/cpu.max", "150000 100000\n");
  EXPECT_EQ(CgroupCpuQuota(root_), 1.5);
}

TEST_F(CpuCountTest, Version2WithoutLimit) {
  Write("proc/self/cgroup", "0::/a\n");
  Write("sys/fs/cgroup/a/cpu.max", "max 100000\n");
  EXPECT_EQ(CgroupCpuQuota(root_), std::nullopt);
}

TEST_F(CpuCountTest, TheNarrowestGroupOnTheWayUpCounts) {
  Write("proc/self/cgroup", "0::/pod/container\n");
  Write("sys/fs/cgroup/pod/container/cpu.max", "400000 100000\n");
  Write("sys/fs/cgroup/pod/cpu.max", "300000 100000\n");
  EXPECT_EQ(CgroupCpuQuota(root_), 3);
}

TEST_F(CpuCountTest, AContainerSeesItsOwnGroupAtTheMount) {
  Write("proc/self/cgroup", "0::/../../docker/0123\n");
  Write("sys/fs/cgroup/cpu.max", "50000 100000\n");
  EXPECT_EQ(CgroupCpuQuota(root_), 0.5);
}

TEST_F(CpuCountTest, Version1BesideOtherControllers) {
  Write("proc/self/cgroup", "5:memory:/m\n4:cpu,cpuacct:/docker/0123\n1:cpuset:/\n0::/\n");
  Write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "200000\n");
  Write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(CgroupCpuQuota(root_), 2);
}

TEST_F(CpuCountTest, Version1WithoutLimit) {
  Write("proc/self/cgroup", "4:cpu:/\n");
  Write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  Write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(CgroupCpuQuota(root_), std::nullopt);
}

TEST_F(CpuCountTest, GarbageIsNoQuota) {
  Write("proc/self/cgroup", "nonsense\n0::/a\n:\n");
  Write("sys/fs/cgroup/a/cpu.max", "many some\n");
  EXPECT_EQ(CgroupCpuQuota(root_), std::nullopt);
}

TEST_F(CpuCountTest, APartOfACpuIsAWorker) {
  Write("proc/self/cgroup", "0::/\n");
  Write("sys/fs/cgroup/cpu.max", "10000 100000\n");
  EXPECT_EQ(AvailableCpus(root_), 1u);
}

TEST_F(CpuCountTest, AffinityBoundsTheCount) {
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
  EXPECT_EQ(AvailableCpus(root_), static_cast<unsigned>(CPU_COUNT(&before)));
  int first = 0;
  while (!CPU_ISSET(first, &before)) ++first;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  EXPECT_EQ(AvailableCpus(root_), 1u);
  ASSERT_EQ(sched_setaffinity(0, sizeof(before), &before), 0);
}

}  // namespace
}  // namespace jsd

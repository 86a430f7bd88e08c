#include "worker/metrics.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>

namespace jsd {
namespace {

using std::chrono::microseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

TEST(MetricsTest, AddsWhatThreadsHaveCountedOfAnApp) {
  Metrics metrics;
  const auto first = metrics.Join("a");
  const auto second = metrics.Join("a");
  const auto other = metrics.Join("b");
  first->CountReply(200, microseconds(10));
  second->CountReply(200, microseconds(20));
  second->CountReply(503, microseconds(30));
  second->CountTermination(Termination::Reason::kHeap);
  second->CountRenewal();

  auto totals = metrics.Read();
  EXPECT_EQ(totals.size(), 2u);
  EXPECT_EQ(totals["a"].replies(), (std::map<int, std::uint64_t>{{200, 2}, {503, 1}}));
  EXPECT_EQ(totals["a"].duration(), microseconds(60));
  EXPECT_EQ(totals["a"].terminations(Termination::Reason::kHeap), 1u);
  EXPECT_EQ(totals["a"].terminations(Termination::Reason::kSlice), 0u);
  EXPECT_EQ(totals["a"].renewals(), 1u);
  EXPECT_TRUE(totals["b"].replies().empty());
}

TEST(MetricsTest, KeepsWhatThreadsHaveCountedThatAreGone) {
  Metrics metrics;
  auto counters = metrics.Join("a");
  counters->CountReply(404, microseconds(1));
  counters.reset();
  for (int i = 0; i < 2; ++i) EXPECT_EQ(metrics.Read()["a"].replies().at(404), 1u);

  metrics.Join("a")->CountReply(404, microseconds(1));
  EXPECT_EQ(metrics.Read()["a"].replies().at(404), 2u);
}

TEST(MetricsTest, TellsDurationsApartByTheirUpperBounds) {
  Metrics metrics;
  const auto counters = metrics.Join("a");
  counters->CountReply(200, nanoseconds(0));
  counters->CountReply(200, microseconds(100));  // The bound itself is within.
  counters->CountReply(200, nanoseconds(100'001));
  counters->CountReply(200, seconds(11));

  const auto durations = metrics.Read()["a"].durations();
  EXPECT_EQ(durations[0], 2u);
  EXPECT_EQ(durations[1], 1u);
  EXPECT_EQ(durations.back(), 1u);
}

}  // namespace
}  // namespace jsd

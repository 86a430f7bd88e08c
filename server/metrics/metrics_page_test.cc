#include "server/metrics/metrics_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace jsd {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(MetricsPageTest, TellsOfRequestsByAppAndStatus) {
  Metrics metrics;
  const auto app = metrics.Join("api \"v1\"\\");
  const auto none = metrics.Join("");
  app->CountReply(200, milliseconds(1));
  app->CountReply(200, milliseconds(3));
  none->CountReply(404, milliseconds(0));
  const std::string page = MetricsPage({.master = {}, .process = {}, .apps = metrics.Read(), .workers = {}});
  EXPECT_THAT(page, HasSubstr("# TYPE jsd_http_requests_total counter\n"));
  EXPECT_THAT(page, HasSubstr("jsd_http_requests_total{app=\"api \\\"v1\\\"\\\\\",code=\"200\"} 2\n"));
  EXPECT_THAT(page, HasSubstr("jsd_http_requests_total{app=\"\",code=\"404\"} 1\n"));
  // What is within a bound is within all above it.
  const std::string bucket = "jsd_http_request_duration_seconds_bucket{app=\"api \\\"v1\\\"\\\\\",le=";
  EXPECT_THAT(page, HasSubstr(bucket + "\"0.0005\"} 0\n"));
  EXPECT_THAT(page, HasSubstr(bucket + "\"0.001\"} 1\n"));
  EXPECT_THAT(page, HasSubstr(bucket + "\"0.005\"} 2\n"));
  EXPECT_THAT(page, HasSubstr(bucket + "\"+Inf\"} 2\n"));
  EXPECT_THAT(page, HasSubstr("jsd_http_request_duration_seconds_sum{app=\"api \\\"v1\\\"\\\\\"} 0.004\n"));
}

TEST(MetricsPageTest, TellsOfScriptsAndWorkers) {
  Metrics metrics;
  const auto app = metrics.Join("a");
  app->CountTermination(Termination::Reason::kHeap);
  app->CountRenewal();
  const std::vector<WorkerState> workers = {
      {.worker = 0, .connections = 3, .cpu = milliseconds(1500), .stuck = false, .apps = {{.app = "a", .requests = 7}}},
      {.worker = 1, .connections = 0, .cpu = {}, .stuck = true, .apps = {}}};
  const std::string page =
      MetricsPage({.master = {}, .process = {}, .apps = metrics.Read(), .workers = workers, .lost_workers = 2});
  EXPECT_THAT(page, HasSubstr("jsd_script_terminations_total{app=\"a\",limit=\"limits.heap\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("jsd_script_terminations_total{app=\"a\",limit=\"limits.slice\"} 0\n"));
  EXPECT_THAT(page, HasSubstr("jsd_script_renewals_total{app=\"a\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("jsd_app_requests{app=\"a\",worker=\"0\"} 7\n"));
  EXPECT_THAT(page, Not(HasSubstr("jsd_app_requests{app=\"a\",worker=\"1\"}")));
  EXPECT_THAT(page, HasSubstr("jsd_worker_connections{worker=\"0\"} 3\n"));
  EXPECT_THAT(page, HasSubstr("jsd_worker_cpu_seconds_total{worker=\"0\"} 1.5\n"));
  EXPECT_THAT(page, HasSubstr("jsd_worker_stuck{worker=\"1\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("jsd_workers_lost_total 2\n"));
}

TEST(MetricsPageTest, TellsOfReloadsAndTheProcess) {
  const MasterCounters master{.accepted_connections = 9,
                              .refused_connections = 1,
                              .reloads = 2,
                              .failed_reloads = 3,
                              .last_reload_failed = true,
                              .configured = std::chrono::system_clock::time_point(seconds(1000))};
  const ProcessUsage::Figures process = ProcessUsage().Read();
  const std::string page = MetricsPage({.master = master, .process = process, .apps = {}, .workers = {}});
  EXPECT_THAT(page, HasSubstr("jsd_connections_accepted_total 9\n"));
  EXPECT_THAT(page, HasSubstr("jsd_connections_refused_total 1\n"));
  EXPECT_THAT(page, HasSubstr("jsd_reloads_total{result=\"success\"} 2\n"));
  EXPECT_THAT(page, HasSubstr("jsd_reloads_total{result=\"failure\"} 3\n"));
  EXPECT_THAT(page, HasSubstr("jsd_config_last_reload_successful 0\n"));
  EXPECT_THAT(page, HasSubstr("jsd_config_last_reload_success_timestamp_seconds 1000\n"));
  EXPECT_GT(process.resident_bytes, 0u);
  EXPECT_GE(process.virtual_bytes, process.resident_bytes);
  EXPECT_GE(process.open_descriptors, 5u);  // The three usual ones and its own two.
  EXPECT_GE(process.most_descriptors, process.open_descriptors);
  EXPECT_THAT(page, HasSubstr("process_open_fds " + std::to_string(process.open_descriptors) + "\n"));
}

}  // namespace
}  // namespace jsd

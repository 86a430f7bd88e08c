#ifndef JSD_SERVER_METRICS_METRICS_PAGE_H_
#define JSD_SERVER_METRICS_METRICS_PAGE_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "server/metrics/process_usage.h"
#include "worker/metrics.h"
#include "worker/worker_pool.h"

namespace jsd {

// What the master counts.
struct MasterCounters {
  std::uint64_t accepted_connections = 0;
  std::uint64_t refused_connections = 0;  // Of those, for limits.connections or limits.connections_per_address.
  std::uint64_t reloads = 0;
  std::uint64_t failed_reloads = 0;
  bool last_reload_failed = false;
  std::chrono::system_clock::time_point configured{};  // When what serves now was loaded.
};

// All that the page of metrics tells.
struct ServerFigures {
  const MasterCounters& master;
  const ProcessUsage::Figures& process;
  const std::map<std::string, AppTotals>& apps;  // As Metrics::Read has it.
  std::span<const WorkerState> workers;
  std::size_t lost_workers = 0;
};

// The page in the text format of Prometheus, version 0.0.4.
std::string MetricsPage(const ServerFigures& figures);

}  // namespace jsd

#endif  // JSD_SERVER_METRICS_METRICS_PAGE_H_

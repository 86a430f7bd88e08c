#include "server/metrics/metrics_page.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <utility>
#include <vector>

#include "core/version.h"

namespace jsd {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

double Seconds(std::chrono::nanoseconds duration) { return std::chrono::duration<double>(duration).count(); }
double Seconds(std::chrono::system_clock::time_point time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

// The families in the order in which they are begun.
class Families {
 public:
  void Begin(std::string name, MetricType type, std::string help) {
    families_.push_back({.name = std::move(name), .help = std::move(help), .type = type, .metric = {}});
  }

  // One of the family that was begun last, a counter or a gauge.
  void Put(double value, Labels labels = {}) {
    MetricFamily& family = families_.back();
    ClientMetric& metric = family.metric.emplace_back();
    metric.label = std::move(labels);
    (family.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  }

  void PutDurations(const AppTotals& totals, Labels labels) {
    ClientMetric& metric = families_.back().metric.emplace_back();
    metric.label = std::move(labels);
    ClientMetric::Histogram& histogram = metric.histogram;
    for (std::size_t i = 0; i < totals.durations().size(); ++i) {
      const bool bounded = i < AppCounters::kBounds.size();
      histogram.sample_count += totals.durations()[i];
      histogram.bucket.push_back(
          {.cumulative_count = histogram.sample_count,
           .upper_bound = bounded ? AppCounters::kBounds[i] : std::numeric_limits<double>::infinity()});
    }
    histogram.sample_sum = Seconds(totals.duration());
  }

  void PutOne(std::string name, MetricType type, std::string help, double value) {
    Begin(std::move(name), type, std::move(help));
    Put(value);
  }

  std::string Text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  std::vector<MetricFamily> families_;
};

void AddRequests(Families& families, const std::map<std::string, AppTotals>& apps) {
  families.Begin("jsd_http_requests_total", MetricType::Counter,
                 "Requests that are over, by app and status; 499: the client went before there was a reply. A "
                 "WebSocket, 101, is over when it is closed. Those for no app have an empty name.");
  for (const auto& [app, totals] : apps) {
    for (const auto& [status, count] : totals.replies()) {
      families.Put(static_cast<double>(count), {{"app", app}, {"code", std::to_string(status)}});
    }
  }
  families.Begin(
      "jsd_http_request_duration_seconds", MetricType::Histogram,
      "From the end of a request's header to that of its reply, as the server hands it to the kernel; without "
      "WebSockets.");
  for (const auto& [app, totals] : apps) {
    if (!app.empty()) families.PutDurations(totals, {{"app", app}});
  }
}

void AddApps(Families& families, const std::map<std::string, AppTotals>& apps) {
  families.Begin("jsd_script_terminations_total", MetricType::Counter,
                 "How often JavaScript was ended, by the setting that it overstepped.");
  for (const auto& [app, totals] : apps) {
    if (app.empty()) continue;
    for (std::size_t reason = 0; reason < Termination::kReasons; ++reason) {
      families.Put(static_cast<double>(totals.terminations(static_cast<Termination::Reason>(reason))),
                   {{"app", app}, {"limit", std::string(Termination::kSettings[reason])}});
    }
  }
  families.Begin("jsd_script_renewals_total", MetricType::Counter,
                 "How often a script was loaded anew in a worker because its heap was used up.");
  for (const auto& [app, totals] : apps) {
    if (!app.empty()) families.Put(static_cast<double>(totals.renewals()), {{"app", app}});
  }
}

// What the runtimes of each app in each worker have in hand.
void AddRuntimes(Families& families, std::span<const WorkerState> workers) {
  const auto add = [&](std::string name, std::string help, std::size_t AppState::*figure) {
    families.Begin(std::move(name), MetricType::Gauge, std::move(help));
    for (const WorkerState& worker : workers) {
      for (const AppState& app : worker.apps) {
        families.Put(static_cast<double>(app.*figure), {{"app", app.app}, {"worker", std::to_string(worker.worker)}});
      }
    }
  };
  add("jsd_app_requests", "Requests that have no reply yet, or not all of it.", &AppState::requests);
  add("jsd_app_background_promises", "Promises of ctx.waitUntil that have not settled.", &AppState::background);
  add("jsd_app_timers", "Timers that have not fired.", &AppState::timers);
  add("jsd_app_heap_bytes", "JavaScript heap in use, with what is to be collected.", &AppState::heap);
  add("jsd_app_heap_limit_bytes", "What limits.heap allows.", &AppState::heap_limit);
  add("jsd_app_buffer_bytes", "Memory of array buffers.", &AppState::buffers);
}

void AddWorkers(Families& families, const ServerFigures& figures) {
  const auto add = [&](std::string name, MetricType type, std::string help, auto figure) {
    families.Begin(std::move(name), type, std::move(help));
    for (const WorkerState& worker : figures.workers) {
      families.Put(static_cast<double>(figure(worker)), {{"worker", std::to_string(worker.worker)}});
    }
  };
  add("jsd_worker_connections", MetricType::Gauge, "Connections that are open.",
      [](const WorkerState& worker) { return worker.connections; });
  add("jsd_worker_cpu_seconds_total", MetricType::Counter, "CPU time of the worker's thread.",
      [](const WorkerState& worker) { return Seconds(worker.cpu); });
  add("jsd_worker_stuck", MetricType::Gauge,
      "1 while the worker's script does not return, and others serve what comes.",
      [](const WorkerState& worker) { return worker.stuck; });
  families.PutOne("jsd_workers_lost_total", MetricType::Counter,
                  "Workers that were given up because their scripts could not be ended.",
                  static_cast<double>(figures.lost_workers));
}

void AddMaster(Families& families, const MasterCounters& master) {
  families.PutOne("jsd_connections_accepted_total", MetricType::Counter, "Connections that have come.",
                  static_cast<double>(master.accepted_connections));
  families.PutOne("jsd_connections_refused_total", MetricType::Counter,
                  "Connections that were closed at once, for limits.connections or limits.connections_per_address.",
                  static_cast<double>(master.refused_connections));
  families.Begin("jsd_reloads_total", MetricType::Counter, "Reloads, by what came of them.");
  families.Put(static_cast<double>(master.reloads), {{"result", "success"}});
  families.Put(static_cast<double>(master.failed_reloads), {{"result", "failure"}});
  families.PutOne("jsd_config_last_reload_successful", MetricType::Gauge,
                  "0 where the last reload has failed, so that what serves is older than what was asked for.",
                  master.last_reload_failed ? 0 : 1);
  families.PutOne("jsd_config_last_reload_success_timestamp_seconds", MetricType::Gauge,
                  "When what serves now was loaded.", Seconds(master.configured));
}

// The names that Prometheus' own client libraries use.
void AddProcess(Families& families, const ProcessUsage::Figures& process) {
  families.PutOne("process_cpu_seconds_total", MetricType::Counter, "CPU time of the process.", Seconds(process.cpu));
  families.PutOne("process_resident_memory_bytes", MetricType::Gauge, "Resident memory.",
                  static_cast<double>(process.resident_bytes));
  families.PutOne("process_virtual_memory_bytes", MetricType::Gauge, "Virtual memory.",
                  static_cast<double>(process.virtual_bytes));
  families.PutOne("process_open_fds", MetricType::Gauge, "Open file descriptors.",
                  static_cast<double>(process.open_descriptors));
  families.PutOne("process_max_fds", MetricType::Gauge, "File descriptors that may be open.",
                  static_cast<double>(process.most_descriptors));
  families.PutOne("process_start_time_seconds", MetricType::Gauge, "When the process began.", Seconds(process.started));
}

}  // namespace

std::string MetricsPage(const ServerFigures& figures) {
  Families families;
  families.Begin("jsd_build_info", MetricType::Gauge, "Always 1; what runs stands in the labels.");
  families.Put(1, {{"version", kVersion}});
  AddRequests(families, figures.apps);
  AddApps(families, figures.apps);
  AddRuntimes(families, figures.workers);
  AddWorkers(families, figures);
  AddMaster(families, figures.master);
  AddProcess(families, figures.process);
  return families.Text();
}

}  // namespace jsd

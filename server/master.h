#ifndef JSD_SERVER_MASTER_H_
#define JSD_SERVER_MASTER_H_

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.h"
#include "config/load.h"
#include "core/broadcast.h"
#include "server/file_watcher.h"
#include "server/lifecycle/control_socket.h"
#include "server/lifecycle/parent.h"
#include "server/lifecycle/pid_file.h"
#include "server/lifecycle/program.h"
#include "server/listener_set.h"
#include "server/metrics/metrics_page.h"
#include "server/metrics/metrics_server.h"
#include "server/metrics/process_usage.h"
#include "server/service_manager.h"
#include "worker/connection_count.h"
#include "worker/connection_handler.h"
#include "worker/log.h"
#include "worker/metrics.h"
#include "worker/worker_pool.h"

namespace jsd {

// The server: sockets that listen, workers that serve what they accept, signals that end it.
//
// Owner: main. Thread: the one that calls Run or Check, which is the only one to get signals.
// Lifetime: one Run or Check.
class Master {
 public:
  // What a reload needs.
  struct Reloading {
    // Why the process, as it is, cannot serve by that configuration; empty where it can.
    std::function<std::string(const Config&)> refuses;
    // Reads the configuration again.
    std::function<LoadResult()> load;
    // Takes over what of it belongs to others than the workers; false and `error` where it cannot.
    std::function<bool(const Config&, std::string* error)> apply;
    // What makes the handlers of workers that start after it.
    std::function<ConnectionHandlerFactory(std::shared_ptr<const Config>)> connections;
  };

  // The sink and the metrics outlive the master. `connections` makes what serves the connections of a worker,
  // `http_client` what its scripts send requests by.
  Master(const Config& config, LogSink& sink, Metrics& metrics, ConnectionHandlerFactory connections,
         HttpClientFactory http_client = nullptr, Reloading reloading = {}, Origin origin = {});
  ~Master();
  Master(const Master&) = delete;
  Master& operator=(const Master&) = delete;

  // Serves until SIGTERM or SIGINT, then drains; SIGHUP reads the configuration and the scripts again, SIGUSR1 opens
  // the log's file again, SIGUSR2 has another process take over, SIGQUIT logs how the workers are. A second of the
  // first two signals ends the process at once, with status 128 + its number. Returns the exit status: 0 after a clean
  // end; 1 where it could not start, which it has logged, or where server.drain passed before every request had its
  // reply; 75 where so many workers were lost that another process should take over.
  int Run();

  // A file that is opened again at SIGUSR1, as that of the log is. It outlives the master.
  void ReopenToo(LogSink& sink) { log_sinks_.push_back(&sink); }

  // A change of this configuration file or of a script is as good as SIGHUP; and scripts that do not load at the start
  // are waited for until they have been mended, instead of ending Run.
  void Watch(std::filesystem::path config) { watched_config_ = std::move(config); }

  // Called by Run once, when it listens and no thread has started; false and `error` end the start.
  void set_confine(std::function<bool(Log& log, std::string* error)> confine) { confine_ = std::move(confine); }

  // Loads the script as Run would, without listening. Returns the exit status: 0 or, with the error logged, 1.
  int Check();

 private:
  struct Loop;

  AppOptions OptionsOf(const AppConfig& app);
  bool OpenListeners();
  bool OpenControl();
  void OnCommand(std::string_view word, ControlSocket::Answer answer);
  void Upgrade();
  void UpgradeFailed(const std::string& reason);
  void AnswerUpgrade(bool ok, std::string_view reason);
  // Another process serves: this one drains and leaves to it what they share.
  void Retire();
  void WatchParent();
  bool supervised() const { return parent_ != nullptr && parent_->supervises(); }
  std::optional<Config> LoadAgain(std::string* reason);
  void Reload();
  void WatchFiles();
  bool OnReloadLoaded(const Config& config, std::optional<LoadFailure> error);
  void FinishReload();
  void ReloadFailed(const std::string& reason);
  void ReloadEnded(bool ok, std::string_view reason);
  void SayAlive();
  unsigned WorkerCount() const;
  void StartWorkers(unsigned count);
  void OnWorkersReady(std::optional<LoadFailure> error);
  bool waits_for_changes() const { return watcher_ != nullptr && (parent_ == nullptr || parent_->supervises()); }
  void Unload();
  void StartAgain();
  void LogStillLoading();
  void Observe(std::function<void(std::string page)> answer);
  void OnAccepted(Connection connection);
  void WaitForSignal();
  void OnSignal(int signal);
  void ReopenLogs();
  // Drains and ends the loop with `status`, or with 1 where requests were cut.
  void Stop(int status);
  void FinishStop(WorkerPool::Drained drained);
  // Trouble that keeps the server from starting: logged, and told to the person at the terminal.
  void ReportStartFailure(const std::string& message);

  Config config_;
  Log log_;
  Metrics& metrics_;
  std::vector<LogSink*> log_sinks_;
  ConnectionHandlerFactory connections_;
  const HttpClientFactory http_client_;
  const Reloading reloading_;
  Parent* const parent_;
  const Program program_;
  std::function<bool(Log&, std::string*)> confine_;
  const ServiceManager service_manager_;
  std::filesystem::path watched_config_;                               // Empty: files are not watched.
  std::map<std::string, std::shared_ptr<BroadcastGroup>> broadcasts_;  // By the app's name, which outlasts reloads.
  unsigned tls_numbers_;  // That have been given to [[server.tls]] sections.
  bool check_only_ = false;
  bool ready_ = false;
  bool unloading_ = false;  // Workers whose scripts have not loaded are ending; then pool_ is null until a change.
  bool reload_runs_ = false;
  bool reload_again_ = false;  // It was asked for while one was running.
  bool stopping_ = false;
  bool retired_ = false;
  bool upgrade_asked_ = false;  // Of the supervisor.
  int status_ = 0;

  MasterCounters counters_;
  ConnectionCount connection_count_;
  std::int64_t refused_connections_ = 0;  // Since the last line about them.
  std::optional<std::chrono::steady_clock::time_point> last_refusal_logged_;

  // Sockets and timers of what stands below hang in the loop, so it goes last.
  std::unique_ptr<Loop> loop_;
  // Both where metrics.listen has an address.
  std::optional<ProcessUsage> process_usage_;
  std::optional<MetricsServer> metrics_server_;
  std::unique_ptr<ListenerSet> listeners_;
  std::unique_ptr<PidFile> pid_file_;
  std::unique_ptr<ControlSocket> control_;
  // Of those who wait for what comes of the reload that runs, the one after it, the upgrade.
  std::vector<ControlSocket::Answer> reload_answers_;
  std::vector<ControlSocket::Answer> next_reload_answers_;
  std::vector<ControlSocket::Answer> upgrade_answers_;
  std::unique_ptr<WorkerPool> pool_;
  std::unique_ptr<FileWatcher> watcher_;
};

}  // namespace jsd

#endif  // JSD_SERVER_MASTER_H_

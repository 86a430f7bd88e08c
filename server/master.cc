#include "server/master.h"

#include <signal.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

#include "config/listen_address.h"
#include "core/modules/module_resolver.h"
#include "core/version.h"
#include "server/endpoint.h"
#include "server/lifecycle/handover.h"
#include "server/lifecycle/successor.h"
#include "server/needs_restart.h"
#include "worker/cpu_count.h"

namespace jsd {
namespace {

namespace asio = boost::asio;

// A script that waits at its top level for something that never comes would keep the server silent.
constexpr std::chrono::seconds kLoadingPatience{10};

// EX_TEMPFAIL of sysexits.h: whoever supervises the process should start it again.
constexpr int kRestartStatus = 75;

// Whoever is refused tries again; the log need not have a line for each time.
constexpr std::chrono::seconds kRefusalLogPeriod{10};

// How long scripts may go on running that have begun to load beside one that failed, or are out of date before they
// have loaded.
constexpr std::chrono::seconds kUnloadPatience{1};

// How long the page of metrics waits for workers that are busy.
constexpr std::chrono::milliseconds kMetricsPatience{200};

// How long the scripts of a reload may take to load.
constexpr std::chrono::seconds kReloadPatience{60};

ServiceManager MakeServiceManager(Parent* parent) {
  if (parent == nullptr || !parent->supervises()) return ServiceManager();
  return ServiceManager([parent](std::string_view datagram) { parent->Send(to_parent::kNotify, datagram); });
}

AppOptions MakeAppOptions(const AppConfig& app) {
  AppOptions options;
  options.name = app.name;
  options.script = app.script.string();
  options.workers = app.workers;
  options.runtime.slice_limit = app.limits.slice;
  options.runtime.cpu_limit = app.limits.cpu;
  options.runtime.heap_limit = app.limits.heap;
  options.runtime.buffer_limit = app.limits.buffers;
  options.runtime.permissions = Permissions(app.permissions);
  options.runtime.env = app.env;
  options.runtime.eval = app.eval;
  options.runtime.modules = {.root = app.root,
                             .import_map = app.import_map,
                             .transform_typescript = app.typescript == TypeScript::kTransform,
                             .cache_folder = app.code_cache};
  for (const std::string& name : app.permissions.env) {
    const char* const value = std::getenv(name.c_str());
    const auto listed = std::ranges::find(app.env, name, &std::pair<std::string, std::string>::first);
    if (value != nullptr && listed == app.env.end()) options.runtime.env.emplace_back(name, value);
  }
  return options;
}

}  // namespace

struct Master::Loop {
  asio::io_context io{1};
  asio::signal_set signals{io, SIGTERM, SIGINT};
  asio::steady_timer reloading{io};
  asio::steady_timer alive{io};
  asio::steady_timer loading{io};
  Successor successor{io};
};

Master::Master(const Config& config, LogSink& sink, Metrics& metrics, ConnectionHandlerFactory connections,
               HttpClientFactory http_client, Reloading reloading, Origin origin)
    : config_(config),
      log_(sink),
      metrics_(metrics),
      log_sinks_{&sink},
      connections_(std::move(connections)),
      http_client_(std::move(http_client)),
      reloading_(std::move(reloading)),
      parent_(origin.parent),
      program_(std::move(origin.program)),
      service_manager_(MakeServiceManager(origin.parent)),
      tls_numbers_(static_cast<unsigned>(config.server.tls.size())),
      connection_count_(config.limits.connections, config.limits.connections_per_address),
      loop_(std::make_unique<Loop>()) {
  ListenerSet::Functions functions;
  functions.accepted = [this](Connection connection) { OnAccepted(std::move(connection)); };
  if (supervised()) {
    functions.opened = [this](const Listener& listener) {
      parent_->Send(to_parent::kKeep, listener.name(), listener.fd());
    };
    functions.closed = [this](const Listener& listener) {
      parent_->Send(to_parent::kClose, listener.name() + "\n" + ToString(listener.address()));
    };
  }
  listeners_ = std::make_unique<ListenerSet>(loop_->io, log_, supervised(), std::move(functions));
  listeners_->Inherit(std::move(origin.sockets));
  if (!config.metrics.listen.empty()) {
    process_usage_.emplace();
    metrics_server_.emplace(loop_->io, [this](auto answer) { Observe(std::move(answer)); });
  }
}

Master::~Master() {
  if (parent_ != nullptr) parent_->Unwatch();
}

int Master::Run() {
  // A client that has gone is an error of its connection's write, not a signal to the process.
  ::signal(SIGPIPE, SIG_IGN);
  WaitForSignal();
  WatchParent();
  if (!OpenListeners() || !OpenControl()) return 1;
  if (std::string error; confine_ && !confine_(log_, &error)) {
    ReportStartFailure(error);
    return 1;
  }
  if (reloading_.load) loop_->signals.add(SIGHUP);
  loop_->signals.add(SIGUSR2);
  loop_->signals.add(SIGQUIT);
  if (!supervised()) loop_->signals.add(SIGCHLD);
  loop_->signals.add(SIGUSR1);
  // Before the scripts are read, so that no change of them is missed.
  WatchFiles();
  StartWorkers(WorkerCount());
  loop_->io.run();
  return status_;
}

int Master::Check() {
  check_only_ = true;
  WaitForSignal();
  StartWorkers(1);
  loop_->io.run();
  return status_;
}

AppOptions Master::OptionsOf(const AppConfig& app) {
  AppOptions options = MakeAppOptions(app);
  std::shared_ptr<BroadcastGroup>& group = broadcasts_[app.name];
  if (!group) group = std::make_shared<BroadcastGroup>();
  options.runtime.broadcasts = group;
  return options;
}
unsigned Master::WorkerCount() const { return config_.server.workers > 0 ? config_.server.workers : AvailableCpus(); }

bool Master::OpenListeners() {
  std::vector<std::string> errors;
  const bool complete = listeners_->Prepare(config_, &errors);
  for (const std::string& error : errors) ReportStartFailure(error);
  return complete;
}

// What a person and other programs reach the process by.
bool Master::OpenControl() {
  if (config_.server.pid_file.empty()) return true;
  std::string error;
  if (!supervised()) pid_file_ = PidFile::Prepare(config_.server.pid_file, &error);
  const std::string name = ControlAddress(config_.server.pid_file.string());
  const Parsed<ListenAddress> address = ParseListenAddress(name);
  std::unique_ptr<Listener> listener;
  if (UniqueFd inherited = listeners_->TakeInherited(name); inherited.valid()) {
    listener = Listener::Adopt(std::move(inherited), *address.value, &error);
  } else if (supervised() || pid_file_) {
    listener = Listener::Open(*address.value, ControlSocket::Permissions(), &error);
    if (listener) listener->LeaveFile(supervised());
    if (listener && supervised()) parent_->Send(to_parent::kKeep, name, listener->fd());
  }
  if (!listener || (!supervised() && !pid_file_)) {
    ReportStartFailure(error);
    return false;
  }
  control_ = std::make_unique<ControlSocket>(
      loop_->io, std::move(listener), log_,
      [this](std::string_view word, ControlSocket::Answer answer) { OnCommand(word, std::move(answer)); });
  return true;
}

void Master::OnCommand(std::string_view word, ControlSocket::Answer answer) {
  if (stopping_) return answer(false, "the server is stopping");
  if (word == "reload") {
    // One that runs has read its files already; another follows.
    (reload_runs_ ? next_reload_answers_ : reload_answers_).push_back(std::move(answer));
    Reload();
  } else if (word == "upgrade") {
    upgrade_answers_.push_back(std::move(answer));
    Upgrade();
  } else {
    answer(false, "the server knows no command " + std::string(word));
  }
}

void Master::Upgrade() {
  if (stopping_) return;
  if (supervised()) {
    if (!std::exchange(upgrade_asked_, true)) parent_->Send(to_parent::kUpgrade);
    return;
  }
  if (loop_->successor.starting()) return;  // Whoever has asked gets the same answer.
  if (!ready_ || program_.path.empty()) return UpgradeFailed("the server is not ready yet");
  log_.Info("starting another server in place of this one", {{"program", program_.path}});
  std::vector<const Listener*> sockets = listeners_->listeners();
  if (control_) sockets.push_back(control_->listener());
  loop_->successor.Start(program_, sockets, [this](std::optional<std::string> failure) {
    if (failure) return UpgradeFailed(*failure);
    if (stopping_) return;
    service_manager_.MainProcess(loop_->successor.pid());
    Retire();
  });
}

void Master::UpgradeFailed(const std::string& reason) {
  log_.Error("the upgrade has failed, the server goes on: " + reason);
  AnswerUpgrade(false, reason);
}

void Master::AnswerUpgrade(bool ok, std::string_view reason) {
  upgrade_asked_ = false;
  for (const auto& answer : std::exchange(upgrade_answers_, {})) answer(ok, reason);
}

void Master::Retire() {
  retired_ = true;
  log_.Info("another server has taken over, draining", {{"deadline_ms", config_.server.drain.count()}});
  Stop(0);
}

void Master::WatchParent() {
  if (parent_ == nullptr) return;
  Parent::Handlers handlers;
  handlers.signal = [this](int signal) { OnSignal(signal); };
  handlers.retire = [this] {
    if (stopping_) return;
    Retire();
  };
  handlers.upgrade_refused = [this](std::string_view reason) { AnswerUpgrade(false, reason); };
  handlers.gone = [this] {
    if (stopping_) return;
    log_.Error("the supervisor is gone, draining", {{"deadline_ms", config_.server.drain.count()}});
    Stop(1);
  };
  parent_->Watch(loop_->io, std::move(handlers));
}

void Master::StartWorkers(unsigned count) {
  WorkerOptions options;
  options.log_sink = &log_.sink();
  options.metrics = &metrics_;
  for (const AppConfig& app : config_.apps) options.apps.push_back(OptionsOf(app));
  options.connections = connections_;
  options.http_client = http_client_;
  pool_ = std::make_unique<WorkerPool>(loop_->io, count, options);
  pool_->set_worn_out([this] {
    if (stopping_) return;
    log_.Error("too many workers are lost, ending so that a new process can start");
    Stop(kRestartStatus);
  });
  LogStillLoading();
  pool_->Start([this](std::optional<LoadFailure> error) { OnWorkersReady(std::move(error)); });
}

void Master::LogStillLoading() {
  loop_->loading.expires_after(kLoadingPatience);
  loop_->loading.async_wait([this](const boost::system::error_code& error) {
    if (error || stopping_) return;
    log_.Warn("the script is still loading: it waits at its top level, or does not end");
    LogStillLoading();
  });
}

void Master::OnWorkersReady(std::optional<LoadFailure> error) {
  loop_->loading.cancel();
  if (error) {
    ReportStartFailure("cannot load " + error->script + ": " + error->report);
    return waits_for_changes() ? Unload() : Stop(1);
  }
  if (check_only_) {
    Stop(0);
    return;
  }
  listeners_->Commit();
  if (pid_file_ && !pid_file_->Publish()) log_.Error("cannot write the pid file");
  if (control_) {
    control_->listener()->LeaveFile(supervised());
    control_->Start();
  }
  std::string scripts;
  for (const AppConfig& app : config_.apps) scripts += (scripts.empty() ? "" : ", ") + app.script.string();
  log_.Info("jsd is ready", {{"version", kVersion},
                             {"v8", V8Version()},
                             {"workers", static_cast<std::int64_t>(pool_->size())},
                             {"script", scripts}});
  ready_ = true;
  counters_.configured = std::chrono::system_clock::now();
  if (parent_ != nullptr) parent_->Send(to_parent::kReady, Handover::kUnderstood);
  service_manager_.Ready();
  SayAlive();
  if (std::exchange(reload_again_, false)) Reload();
}

// Of a start that has failed, or has no end, while files are watched.
void Master::Unload() {
  unloading_ = true;
  loop_->loading.cancel();
  pool_->Drain(kUnloadPatience, [this](WorkerPool::Drained drained) {
    if (stopping_ || drained.stuck > 0 || drained.lost > 0) return FinishStop(drained);
    // Posted: the pool is not done with this call.
    asio::post(loop_->io, [this] {
      if (stopping_) return FinishStop({});
      unloading_ = false;
      pool_.reset();
      if (std::exchange(reload_again_, false)) return StartAgain();
      log_.Info("waiting for a change");
    });
  });
}

void Master::StartAgain() {
  log_.Info("starting again");
  std::string reason;
  if (auto next = LoadAgain(&reason); next && reloading_.apply(*next, &reason)) {
    config_ = *std::move(next);
    connections_ = reloading_.connections(std::make_shared<Config>(config_));
    WatchFiles();
    return StartWorkers(WorkerCount());
  }
  listeners_->Discard();
  log_.Error(reason);
}

// The page of metrics.
void Master::Observe(std::function<void(std::string)> answer) {
  pool_->Observe(kMetricsPatience, [this, answer = std::move(answer)](std::vector<WorkerState> workers) {
    answer(MetricsPage({.master = counters_,
                        .process = process_usage_->Read(),
                        .apps = metrics_.Read(),
                        .workers = workers,
                        .lost_workers = pool_->lost()}));
  });
}

void Master::OnAccepted(Connection connection) {
  if (Endpoint::KindOf(connection.listener) == Endpoint::Kind::kMetrics) {
    return metrics_server_->Serve(std::move(connection.socket));
  }
  ++counters_.accepted_connections;
  if (auto ticket = connection_count_.Admit(connection.remote_address)) {
    connection.ticket = *std::move(ticket);
    return pool_->Adopt(std::move(connection));
  }
  ++counters_.refused_connections;
  ++refused_connections_;
  const auto now = std::chrono::steady_clock::now();
  if (last_refusal_logged_ && now - *last_refusal_logged_ < kRefusalLogPeriod) return;
  last_refusal_logged_ = now;
  log_.Warn(
      "connections were closed at once: there are as many as limits.connections or "
      "limits.connections_per_address allow",
      {{"connections", std::exchange(refused_connections_, 0)}, {"last", connection.remote_address}});
}

void Master::WaitForSignal() {
  loop_->signals.async_wait([this](const boost::system::error_code& error, int signal) {
    if (error) return;
    OnSignal(signal);
    WaitForSignal();
  });
}

void Master::ReopenLogs() {
  for (LogSink* const sink : log_sinks_) {
    std::string error;
    if (!sink->Reopen(&error)) log_.Error("cannot reopen a log file, writing to the old one", {{"reason", error}});
  }
  log_.Info("log files were opened again");
}

void Master::OnSignal(int signal) {
  if (signal == SIGUSR1) return ReopenLogs();
  if (signal == SIGHUP) return Reload();
  if (signal == SIGUSR2) return Upgrade();
  if (signal == SIGQUIT) return pool_ ? pool_->LogState() : void();
  if (signal == SIGCHLD) return loop_->successor.OnChildEnded();
  if (signal != SIGTERM && signal != SIGINT) return;
  // One that the supervisor has passed on already may come to this process too; the second is the supervisor's matter.
  if (stopping_ && supervised()) return;
  if (stopping_) {
    log_.Warn("signal while stopping, exiting at once", {{"signal", signal}});
    pid_file_.reset();
    std::_Exit(128 + signal);
  }
  log_.Info("draining", {{"signal", signal}, {"deadline_ms", config_.server.drain.count()}});
  // A check that was interrupted has found nothing out.
  Stop(check_only_ ? 1 : 0);
}

void Master::SayAlive() {
  const auto period = service_manager_.watchdog_period();
  if (!period) return;
  service_manager_.Alive();
  loop_->alive.expires_after(*period);
  loop_->alive.async_wait([this](const boost::system::error_code& error) {
    if (!error) SayAlive();
  });
}

// The configuration as it is now, with its listeners prepared; nothing, and why, where it cannot be served by.
std::optional<Config> Master::LoadAgain(std::string* reason) {
  LoadResult loaded = reloading_.load();
  if (!loaded.config) {
    for (const std::string& error : loaded.errors) *reason += (reason->empty() ? "" : "\n") + error;
    return std::nullopt;
  }
  NumberTls(*loaded.config, config_, tls_numbers_);
  if (const char* const key = NeedsRestart(config_, *loaded.config); key != nullptr) {
    *reason = std::string(key) + " has changed, which needs a restart";
  } else if (reloading_.refuses) {
    *reason = reloading_.refuses(*loaded.config);
  }
  if (!reason->empty()) return std::nullopt;
  std::vector<std::string> errors;
  if (listeners_->Prepare(*loaded.config, &errors)) return std::move(loaded.config);
  *reason = errors.front();
  return std::nullopt;
}

void Master::Reload() {
  if (stopping_) return;
  if (!pool_) return StartAgain();
  if (reload_runs_ || !ready_) {
    reload_again_ = true;
    // What is still loading is not what was saved last.
    if (!ready_ && !unloading_ && waits_for_changes()) Unload();
    return;
  }
  reload_runs_ = true;
  log_.Info("reloading");
  service_manager_.Reloading();
  std::string reason;
  const std::optional<Config> loaded = LoadAgain(&reason);
  if (!loaded) return ReloadFailed(reason);
  const Config& next = *loaded;
  const auto options = std::make_shared<ReloadOptions>();
  for (const AppConfig& app : next.apps) options->apps.push_back(OptionsOf(app));
  options->patience = next.server.drain;
  options->config = next;
  if (reloading_.connections) options->connections = reloading_.connections(std::make_shared<Config>(next));
  loop_->reloading.expires_after(kReloadPatience);
  loop_->reloading.async_wait([this](const boost::system::error_code& error) {
    if (error || stopping_ || !reload_runs_) return;
    pool_->CancelReload();
    ReloadFailed("the scripts do not finish loading");
  });
  pool_->Reload(options, [this, options](std::optional<LoadFailure> error) {
    return OnReloadLoaded(options->config, std::move(error));
  });
}

// Also after a reload: the configuration may name other scripts.
void Master::WatchFiles() {
  if (watched_config_.empty()) return;
  if (!watcher_) {
    watcher_ = std::make_unique<FileWatcher>(loop_->io, [this] { Reload(); });
    std::string error;
    if (!watcher_->Open(&error)) {
      watched_config_.clear();
      return log_.Error("files cannot be watched: " + error);
    }
  }
  bool complete = watcher_->WatchFile(watched_config_);
  for (const AppConfig& app : config_.apps) {
    const std::string root = app.root.empty() ? DefaultModuleRoot(app.script.string()) : app.root.string();
    complete &= watcher_->WatchTree(root);
    if (!app.import_map.empty()) complete &= watcher_->WatchFile(app.import_map);
  }
  if (!complete) log_.Warn("not all folders can be watched for changes");
}

bool Master::OnReloadLoaded(const Config& config, std::optional<LoadFailure> error) {
  loop_->reloading.cancel();
  if (error) {
    ReloadFailed("cannot load " + error->script + ": " + error->report);
    return false;
  }
  std::string reason;
  if (reloading_.apply && !reloading_.apply(config, &reason)) {
    ReloadFailed(reason);
    return false;
  }
  config_ = config;
  // Posted: the workers are told to swap when this returns, so that they are before they get connections of what is
  // new.
  asio::post(loop_->io, [this] { FinishReload(); });
  return true;
}

void Master::FinishReload() {
  if (stopping_) return;
  listeners_->Commit();
  const unsigned workers = WorkerCount();
  if (workers != pool_->shared()) log_.Info("changing the number of workers", {{"workers", std::int64_t{workers}}});
  pool_->Resize(workers, config_.server.drain, [this] {
    if (stopping_) return;
    reload_runs_ = false;
    WatchFiles();
    log_.Info("reloaded");
    ReloadEnded(true, {});
  });
}

void Master::ReloadFailed(const std::string& reason) {
  log_.Error("the reload has failed, all stays as it was: " + reason);
  listeners_->Discard();
  reload_runs_ = false;
  ReloadEnded(false, reason);
}

void Master::ReloadEnded(bool ok, std::string_view reason) {
  ++(ok ? counters_.reloads : counters_.failed_reloads);
  counters_.last_reload_failed = !ok;
  if (ok) counters_.configured = std::chrono::system_clock::now();
  service_manager_.Ready();
  for (const auto& answer : std::exchange(reload_answers_, std::exchange(next_reload_answers_, {}))) answer(ok, reason);
  if (std::exchange(reload_again_, false)) asio::post(loop_->io, [this] { Reload(); });
}

void Master::Stop(int status) {
  status_ = status;
  stopping_ = true;
  // After MAINPID= another process speaks for the service.
  if (!check_only_ && !retired_) service_manager_.Stopping();
  loop_->loading.cancel();
  loop_->reloading.cancel();
  listeners_->Stop(supervised() || retired_);
  if (metrics_server_) metrics_server_->Stop();
  // Not before: whoever connects after the answer finds the new server.
  AnswerUpgrade(retired_, retired_ ? "" : "the server is stopping");
  if (control_) control_->Stop(supervised() || retired_);
  for (const auto& answer : std::exchange(reload_answers_, {})) answer(false, "the server is stopping");
  for (const auto& answer : std::exchange(next_reload_answers_, {})) answer(false, "the server is stopping");
  // Where the scripts are being unloaded, it goes on when they are.
  if (unloading_) return;
  if (!pool_) return FinishStop({});
  pool_->Drain(
      config_.server.drain, [this](WorkerPool::Drained drained) { FinishStop(drained); },
      retired_ ? std::min(config_.server.drain, WorkerPool::kIdlePatience) : std::chrono::milliseconds(0));
}

void Master::FinishStop(WorkerPool::Drained drained) {
  if (drained.cut > 0) {
    if (status_ == 0) status_ = 1;
    log_.Warn("server.drain has passed, requests were cut", {{"requests", static_cast<std::int64_t>(drained.cut)}});
  }
  if (drained.stuck > 0) {
    pid_file_.reset();
    // Their threads cannot be joined, and what they use cannot be destroyed under them.
    log_.Error("workers are stuck in JavaScript, exiting without them",
               {{"workers", static_cast<std::int64_t>(drained.stuck)}});
    std::_Exit(status_ == 0 ? 1 : status_);
  }
  if (!check_only_ && status_ == 0) log_.Info("stopped");
  pid_file_.reset();
  if (drained.lost > 0) std::_Exit(status_);
  loop_->io.stop();
}

void Master::ReportStartFailure(const std::string& message) {
  log_.Error(message);
  if (parent_ != nullptr) parent_->Send(to_parent::kFailed, message);
  if (log_.sink().is_file()) std::fprintf(stderr, "jsd: %s\n", message.c_str());
}

}  // namespace jsd

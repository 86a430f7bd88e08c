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
#include <tuple>
#include <utility>
#include <vector>

#include "config/listen_address.h"
#include "core/check.h"
#include "core/modules/module_resolver.h"
#include "core/version.h"
#include "server/endpoint.h"
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

// How long the scripts of a reload may take to load.
constexpr std::chrono::seconds kReloadPatience{60};

// The key of a setting that a reload cannot change; null where none of those differs.
const char* NeedsRestart(const Config& before, const Config& after) {
  const auto listens = [](const Config& config) {
    std::vector<std::pair<std::string, Endpoint::Kind>> found;
    for (const Endpoint& endpoint : EndpointsOf(config)) found.emplace_back(endpoint.address, endpoint.kind);
    return found;
  };
  const auto log = [](const LogConfig& config) {
    return std::tie(config.level, config.format, config.file, config.access, config.access_format);
  };
  if (listens(before) != listens(after) || before.server.tls.size() != after.server.tls.size()) return "server.listen";
  if (before.server.workers != after.server.workers) return "server.workers";
  if (before.limits.connections != after.limits.connections) return "limits.connections";
  if (before.limits.connections_per_address != after.limits.connections_per_address) {
    return "limits.connections_per_address";
  }
  const auto fetch = [](const FetchConfig& config) {
    return std::tie(config.connect, config.response, config.body, config.idle, config.dns, config.connections,
                    config.headers, config.max_body, config.authorities);
  };
  if (fetch(before.fetch) != fetch(after.fetch)) return "fetch";
  if (log(before.log) != log(after.log)) return "log";
  return before.v8.flags != after.v8.flags ? "v8.flags" : nullptr;
}

AppOptions MakeAppOptions(const AppConfig& app) {
  AppOptions options;
  options.name = app.name;
  options.script = app.script.string();
  options.runtime.slice_limit = app.limits.slice;
  options.runtime.cpu_limit = app.limits.cpu;
  options.runtime.heap_limit = app.limits.heap;
  options.runtime.buffer_limit = app.limits.buffers;
  options.runtime.permissions = Permissions(app.permissions);
  options.runtime.env = app.env;
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
};

Master::Master(const Config& config, LogSink& sink, ConnectionHandlerFactory connections, HttpClientFactory http_client,
               Reloading reloading)
    : config_(config),
      log_(sink),
      log_sinks_{&sink},
      connections_(std::move(connections)),
      http_client_(std::move(http_client)),
      reloading_(std::move(reloading)),
      connection_count_(config.limits.connections, config.limits.connections_per_address),
      loop_(std::make_unique<Loop>()) {}

Master::~Master() = default;

int Master::Run() {
  // A client that has gone is an error of its connection's write, not a signal to the process.
  ::signal(SIGPIPE, SIG_IGN);
  WaitForSignal();
  if (!OpenListeners()) return 1;
  if (reloading_.load) loop_->signals.add(SIGHUP);
  loop_->signals.add(SIGUSR1);
  StartWorkers(config_.server.workers > 0 ? config_.server.workers : AvailableCpus());
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

bool Master::OpenListeners() {
  bool complete = true;
  for (const Endpoint& endpoint : EndpointsOf(config_)) {
    const Parsed<ListenAddress> address = ParseListenAddress(endpoint.address);
    JSD_CHECK(address.value);  // Loading the configuration has checked it.
    std::string error;
    std::unique_ptr<Listener> listener = Listener::Open(*address.value, &error);
    if (listener) {
      listeners_.push_back(std::move(listener));
    } else {
      ReportStartFailure(error);
      complete = false;
    }
  }
  return complete;
}

void Master::StartWorkers(unsigned count) {
  WorkerOptions options;
  options.log_sink = &log_.sink();
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
    Stop(1);
    return;
  }
  if (check_only_) {
    Stop(0);
    return;
  }
  const std::vector<Endpoint> endpoints = EndpointsOf(config_);
  for (unsigned i = 0; i < listeners_.size(); ++i) {
    acceptors_.push_back(std::make_unique<Acceptor>(
        loop_->io, *listeners_[i], log_,
        [this, i](UniqueFd socket, std::string address) { OnAccepted(std::move(socket), std::move(address), i); }));
    acceptors_.back()->Start();
    const bool tls = endpoints[i].kind == Endpoint::Kind::kTls;
    log_.Info("listening on " + ToString(listeners_[i]->address()) + (tls ? " with TLS" : ""));
  }
  std::string scripts;
  for (const AppConfig& app : config_.apps) scripts += (scripts.empty() ? "" : ", ") + app.script.string();
  log_.Info("jsd is ready", {{"version", kVersion},
                             {"v8", V8Version()},
                             {"workers", static_cast<std::int64_t>(pool_->size())},
                             {"script", scripts}});
  ready_ = true;
  WatchFiles();
  service_manager_.Ready();
  SayAlive();
  if (std::exchange(reload_again_, false)) Reload();
}

void Master::OnAccepted(UniqueFd socket, std::string address, unsigned listener) {
  if (auto ticket = connection_count_.Admit(address)) {
    return pool_->Adopt({std::move(socket), std::move(address), *std::move(ticket), listener});
  }
  ++refused_connections_;
  const auto now = std::chrono::steady_clock::now();
  if (last_refusal_logged_ && now - *last_refusal_logged_ < kRefusalLogPeriod) return;
  last_refusal_logged_ = now;
  log_.Warn(
      "connections were closed at once: there are as many as limits.connections or "
      "limits.connections_per_address allow",
      {{"connections", std::exchange(refused_connections_, 0)}, {"last", address}});
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
  if (stopping_) {
    log_.Warn("signal while stopping, exiting at once", {{"signal", signal}});
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

void Master::Reload() {
  if (stopping_) return;
  if (reload_runs_ || !ready_) {
    reload_again_ = true;
    return;
  }
  reload_runs_ = true;
  log_.Info("reloading");
  service_manager_.Reloading();
  LoadResult loaded = reloading_.load();
  if (!loaded.config) {
    std::string errors;
    for (const std::string& error : loaded.errors) errors += (errors.empty() ? "" : "\n") + error;
    return ReloadFailed(errors);
  }
  const Config& next = *loaded.config;
  if (const char* const key = NeedsRestart(config_, next); key != nullptr) {
    return ReloadFailed(std::string(key) + " has changed, which needs a restart");
  }
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
  reload_runs_ = false;
  WatchFiles();
  log_.Info("reloaded");
  service_manager_.Ready();
  if (std::exchange(reload_again_, false)) asio::post(loop_->io, [this] { Reload(); });
  return true;
}

void Master::ReloadFailed(const std::string& reason) {
  log_.Error("the reload has failed, all stays as it was: " + reason);
  reload_runs_ = false;
  service_manager_.Ready();
  if (std::exchange(reload_again_, false)) asio::post(loop_->io, [this] { Reload(); });
}

void Master::Stop(int status) {
  status_ = status;
  stopping_ = true;
  if (!check_only_) service_manager_.Stopping();
  loop_->loading.cancel();
  loop_->reloading.cancel();
  for (const auto& acceptor : acceptors_) acceptor->Stop();
  listeners_.clear();
  pool_->Drain(config_.server.drain, [this](WorkerPool::Drained drained) {
    if (drained.cut > 0) {
      if (status_ == 0) status_ = 1;
      log_.Warn("server.drain has passed, requests were cut", {{"requests", static_cast<std::int64_t>(drained.cut)}});
    }
    if (drained.stuck > 0) {
      // Their threads cannot be joined, and what they use cannot be destroyed under them.
      log_.Error("workers are stuck in JavaScript, exiting without them",
                 {{"workers", static_cast<std::int64_t>(drained.stuck)}});
      std::_Exit(status_ == 0 ? 1 : status_);
    }
    if (!check_only_ && status_ == 0) log_.Info("stopped");
    if (drained.lost > 0) std::_Exit(status_);
    loop_->io.stop();
  });
}

void Master::ReportStartFailure(const std::string& message) {
  log_.Error(message);
  if (log_.sink().is_file()) std::fprintf(stderr, "jsd: %s\n", message.c_str());
}

}  // namespace jsd

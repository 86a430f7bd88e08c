#include "worker/worker.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <string>
#include <utility>

#include "core/check.h"
#include "core/parking.h"
#include "core/signals_blocked.h"
#include "worker/crash_report.h"

namespace jsd {

namespace asio = boost::asio;

// Sockets and timers are used by the one thread alone, so the reactor needs no locks for them; the scheduler keeps its
// own, because others post.
struct Worker::Loop {
  asio::io_context io{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
};

// The worker's own lines are those of its app where there is but one.
Worker::Worker(unsigned index, const WorkerOptions& options, std::string own_app)
    : index_(index),
      options_(options),
      own_app_(std::move(own_app)),
      log_(*options.log_sink, index, options.apps.size() == 1 ? options.apps.front().name : own_app_),
      loop_(std::make_unique<Loop>()) {
  JSD_CHECK(!options.apps.empty());
}

Worker::~Worker() {
  if (thread_.joinable()) thread_.join();
}

void Worker::Start(Loaded loaded, Finished finished) {
  loaded_ = std::move(loaded);
  finished_ = std::move(finished);
  const SignalsBlocked blocked{ParkSignal()};
  thread_ = std::thread([this] { Run(); });
}

void Worker::Post(std::function<void()> work) { asio::post(loop_->io, std::move(work)); }

bool Worker::Add(Connection connection) {
  const std::lock_guard lock(unbegun_mutex_);
  unbegun_.push_back(std::move(connection));
  // One post takes all that have come before it.
  return adopting_.fetch_add(1, std::memory_order_relaxed) == 0;
}

void Worker::Begin() {
  asio::post(loop_->io, [this] { AdoptUnbegun(); });
}

void Worker::AdoptUnbegun() {
  for (Connection& connection : TakeUnbegun()) {
    // Another worker has read of it before this one was told to drain, or has been drained only since.
    const bool begun = connection.begun != nullptr;
    if (phase_ != Phase::kServing && !(phase_ == Phase::kDraining && begun)) continue;
    handler_->Adopt(std::move(connection));
    if (phase_ == Phase::kDraining) DrainConnections({});
  }
}

std::vector<Connection> Worker::TakeUnbegun() {
  const std::lock_guard lock(unbegun_mutex_);
  adopting_.store(0, std::memory_order_relaxed);
  return std::exchange(unbegun_, {});
}

void Worker::LogState() {
  const Execution::Stamp stamp = execution_.stamp();
  const bool script = stamp.in_javascript();
  const auto since = script ? stamp.age() * Execution::kTick : std::chrono::milliseconds(0);
  log_.Info("state of a worker", {{"runs", script ? "JavaScript" : "no JavaScript"},
                                  {"since_ms", std::int64_t{since.count()}},
                                  {"connections", static_cast<std::int64_t>(connections())},
                                  {"queue", static_cast<std::int64_t>(adopting_.load(std::memory_order_relaxed))}});
  execution_.Describe();
  asio::post(loop_->io, [this] {
    for (const auto& app : apps_) app->LogState();
  });
}

void Worker::Observe(std::function<void(std::vector<AppState>)> observed) {
  asio::post(loop_->io, [this, observed = std::move(observed)] {
    std::vector<AppState> states;
    for (const auto& app : apps_) {
      if (app->serves()) states.push_back(app->State());
    }
    observed(std::move(states));
  });
}

std::size_t Worker::connections() const {
  return adopting_.load(std::memory_order_relaxed) + (handler_ ? handler_->connections() : 0);
}

void Worker::Drain(std::chrono::milliseconds idle_patience, bool hold) {
  asio::post(loop_->io, [this, idle_patience, hold] {
    held_ = hold;
    StartDraining(idle_patience);
  });
}

void Worker::Release() {
  asio::post(loop_->io, [this] {
    held_ = false;
    FinishIfDrained();
  });
}

void Worker::Close() {
  {
    const std::lock_guard lock(apps_mutex_);
    for (const auto& app : apps_) app->Terminate();
  }
  asio::post(loop_->io, [this] {
    if (phase_ == Phase::kFinished) return;
    cut_ += handler_->CloseAll();
    for (const auto& app : apps_) cut_ += app->cut();
    Finish();
  });
}

std::size_t Worker::Abandon() {
  const std::size_t cut = handler_ == nullptr ? 0 : handler_->CloseAll();
  abandoned_.store(true, std::memory_order_release);
  abandoned_.notify_one();
  return cut;
}

// Between here and Run are the frames of sessions that are closed by now. They are not returned through: the thread
// ends where it is, without unwinding its stack, once it has dropped what is its own alone.
void Worker::EndLostThread() {
  abandoned_.wait(false, std::memory_order_acquire);
  for (const auto& app : apps_) app->Abandon();
  Execution::DetachFromThread();
  returned_();
  ::syscall(SYS_exit, 0);
}

void Worker::Run() {
  const SignalStack signal_stack;
  execution_.AttachToThread();
  execution_.set_abandoned([this] { EndLostThread(); });
  ::pthread_setname_np(::pthread_self(), ("jsd-worker-" + std::to_string(index_)).c_str());
  if (options_.http_client) http_client_ = options_.http_client(loop_->io, log_);
  std::vector<RequestSink*> sinks;
  for (const AppOptions& app : options_.apps) sinks.push_back(Runs(app) ? &AddApp() : nullptr);
  handler_ = options_.connections(loop_->io, sinks, log_);
  handler_->set_hand_over(options_.hand_over);
  loading_ = apps_.size();
  auto running = apps_.begin();
  for (const AppOptions& app : options_.apps) {
    if (!Runs(app)) continue;
    (*running++)->Prepare(app, [this, &app](std::optional<ScriptError> error) { OnAppLoaded(app, error); });
  }
  if (loading_ == 0) BeginServing();
  loop_->io.run();

  // What was cancelled just before the loop stopped still has to end, while those that it refers to are there.
  RunWhatIsDue();
  handler_.reset();
  RunWhatIsDue();
  {
    // Not destroyed under the lock.
    std::vector<std::unique_ptr<AppRuntime>> apps;
    const std::lock_guard lock(apps_mutex_);
    apps.swap(apps_);
  }
  http_client_.reset();
  RunWhatIsDue();
  Execution::DetachFromThread();
  finished_(cut_);
}

void Worker::RunWhatIsDue() {
  loop_->io.restart();
  loop_->io.poll();
}

void Worker::OnAppLoaded(const AppOptions& app, std::optional<ScriptError> error) {
  if (phase_ != Phase::kLoading || loading_ == 0) return;
  if (error) {
    loading_ = 0;
    return loaded_(LoadFailure{app.script, std::move(error->report)});
  }
  if (--loading_ == 0) BeginServing();
}

void Worker::BeginServing() {
  phase_ = Phase::kServing;
  for (const auto& app : apps_) app->Commit({});
  loaded_(std::nullopt);
}

AppRuntime& Worker::AddApp() {
  auto app = std::make_unique<AppRuntime>(
      loop_->io, execution_, log_.sink(), *options_.metrics, index_, [this] { FinishIfDrained(); }, http_client_.get());
  const std::lock_guard lock(apps_mutex_);
  return *apps_.emplace_back(std::move(app));
}

void Worker::PrepareReload(std::shared_ptr<const ReloadOptions> options, Loaded loaded) {
  asio::post(loop_->io, [this, options = std::move(options), loaded = std::move(loaded)]() mutable {
    if (phase_ != Phase::kServing) return;
    reload_ = std::move(options);
    reload_loaded_ = std::move(loaded);
    reload_apps_.clear();
    for (const AppOptions& app_options : reload_->apps) {
      if (!Runs(app_options)) {
        reload_apps_.push_back(nullptr);
        continue;
      }
      const auto same = std::ranges::find(apps_, app_options.name, [](const auto& app) { return app->options().name; });
      reload_apps_.push_back(same != apps_.end() ? same->get() : &AddApp());
    }
    reloading_ =
        static_cast<std::size_t>(std::ranges::count_if(reload_apps_, [](auto* app) { return app != nullptr; }));
    if (reloading_ == 0) return std::exchange(reload_loaded_, nullptr)(std::nullopt);
    for (std::size_t i = 0; i < reload_apps_.size(); ++i) {
      if (reload_apps_[i] == nullptr) continue;
      reload_apps_[i]->Prepare(reload_->apps[i], [this, i](std::optional<ScriptError> error) {
        if (!reload_loaded_) return;
        if (!error && --reloading_ > 0) return;
        std::optional<LoadFailure> failure;
        if (error) failure = LoadFailure{reload_->apps[i].script, std::move(error->report)};
        std::exchange(reload_loaded_, nullptr)(std::move(failure));
      });
    }
  });
}

void Worker::CommitReload() {
  asio::post(loop_->io, [this] {
    if (phase_ != Phase::kServing || !reload_) return;
    const auto reload = std::exchange(reload_, nullptr);
    for (AppRuntime* const app : reload_apps_) {
      if (app != nullptr) app->Commit(reload->patience);
    }
    for (const auto& app : apps_) {
      const bool kept = std::ranges::find(reload_apps_, app.get()) != reload_apps_.end();
      if (!kept) app->Remove(reload->patience);
    }
    const std::vector<RequestSink*> sinks(reload_apps_.begin(), reload_apps_.end());
    handler_->Reconfigure(reload->config, sinks);
  });
}

void Worker::DiscardReload() {
  asio::post(loop_->io, [this] {
    if (phase_ != Phase::kServing || !reload_) return;
    reload_loaded_ = nullptr;
    reload_ = nullptr;
    for (AppRuntime* const app : reload_apps_) {
      if (app != nullptr) app->Discard();
    }
    reload_apps_.clear();
    DropUnused();
  });
}

// Apps that the reload has added, which no session knows.
void Worker::DropUnused() {
  std::vector<std::unique_ptr<AppRuntime>> dropped;
  const std::lock_guard lock(apps_mutex_);
  const auto known =
      std::stable_partition(apps_.begin(), apps_.end(), [](const auto& app) { return !app->options().name.empty(); });
  dropped.assign(std::make_move_iterator(known), std::make_move_iterator(apps_.end()));
  apps_.erase(known, apps_.end());
}

void Worker::StartDraining(std::chrono::milliseconds idle_patience) {
  if (phase_ == Phase::kLoading) Finish();
  if (phase_ != Phase::kServing) return;
  phase_ = Phase::kDraining;
  for (const auto& app : apps_) app->Invoke("shutdown", "null");
  DrainConnections(idle_patience);
  FinishIfDrained();
}

void Worker::DrainConnections(std::chrono::milliseconds idle_patience) {
  connections_drained_ = false;
  const auto drained = [this] {
    connections_drained_ = handler_->connections() == 0;
    FinishIfDrained();
  };
  handler_->Drain(drained, idle_patience);
}

void Worker::FinishIfDrained() {
  if (phase_ != Phase::kDraining || !connections_drained_ || held_) return;
  for (const auto& app : apps_) {
    if (app->pending_background_work() != 0) return;
  }
  Finish();
}

void Worker::Finish() {
  phase_ = Phase::kFinished;
  loop_->io.stop();
}

}  // namespace jsd

#include "worker/app_runtime.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <string>
#include <utility>

#include "core/check.h"

namespace jsd {
namespace {

namespace asio = boost::asio;

LogLevel LevelOf(ConsoleLevel level) {
  switch (level) {
    case ConsoleLevel::kDebug:
      return LogLevel::kDebug;
    case ConsoleLevel::kLog:
    case ConsoleLevel::kInfo:
      return LogLevel::kInfo;
    case ConsoleLevel::kWarn:
      return LogLevel::kWarn;
    case ConsoleLevel::kError:
      return LogLevel::kError;
  }
  return LogLevel::kInfo;
}

std::string_view DescribeTermination(Termination::Reason reason) {
  switch (reason) {
    case Termination::Reason::kSlice:
      return "the script did not return in time and was terminated";
    case Termination::Reason::kCpu:
      return "a request has used up its time and was terminated";
    case Termination::Reason::kHeap:
      return "the script has used up its heap and was terminated";
    case Termination::Reason::kRequested:
      break;
  }
  return "the script was terminated while it ran";
}

// How long after a runtime could not be renewed it is tried again.
constexpr std::chrono::seconds kRenewalPause{1};

}  // namespace

// One runtime and its turns.
//
// Owner: the AppRuntime; handlers that Asio holds refer to it weakly. Thread: the worker's, but for WakeUp and
// Terminate. Lifetime: Close comes before the end of the AppRuntime.
class AppRuntime::Instance final : public RuntimeHost, public std::enable_shared_from_this<Instance> {
 public:
  Instance(AppRuntime& app, const AppOptions& options)
      : options(options), app_(app), log_(app.sink_, app.worker_, options.name), timer_(app.io_) {
    RuntimeOptions runtime_options = options.runtime;
    runtime_options.host = this;
    runtime_options.execution = &app.execution_;
    runtime_options.http_client = app.http_client_;
    runtime_options.script = options.script;
    runtime_ = JsRuntime::Create(runtime_options);
  }

  void Load(JsRuntime::Loaded loaded) {
    runtime_->LoadApp(options.script, std::move(loaded));
    Turn();
  }

  JsRuntime& runtime() const { return *runtime_; }
  void DropRuntime() { runtime_.reset(); }

  // The end of every call into the runtime: its next timer is seen to.
  void ArmTimer() { ArmTimer(runtime_->next_timer()); }

  void Turn() {
    ArmTimer(runtime_->Poll().next_timer);
    app_.OnTurned();
  }

  void FailIn(std::chrono::milliseconds patience) {
    deadline_.emplace(app_.io_, patience);
    deadline_->async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
      const InstancePtr self = weak.lock();
      if (!error && self) self->app_.FailOverdue(*self);
    });
  }

  const AppOptions options;
  bool failed = false;  // It has no requests, and gets no turns.

 private:
  void ArmTimer(std::optional<std::chrono::steady_clock::time_point> next) {
    // A timer that fires too early costs one idle turn, less than setting it back each time a script clears a timeout.
    if (!next || (armed_for_ && *armed_for_ <= *next)) return;
    armed_for_ = next;
    timer_.expires_at(*next);
    timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
      const InstancePtr self = weak.lock();
      if (error || !self || self->failed) return;
      self->armed_for_.reset();
      self->Turn();
    });
  }

  // RuntimeHost:
  void WakeUp() override {
    // One turn serves all that ask for it before it begins.
    if (turn_posted_.exchange(true)) return;
    asio::post(app_.io_, [weak = weak_from_this()] {
      const InstancePtr self = weak.lock();
      if (!self) return;
      self->turn_posted_.store(false);
      if (!self->failed) self->Turn();
    });
  }

  void Console(ConsoleLevel level, std::string_view message) override { log_.Write(LevelOf(level), message); }

  void UncaughtError(std::string_view origin, std::string_view report) override {
    log_.Error(std::string(origin) + ": " + std::string(report));
  }

  void Describes(const Running& running) override {
    log_.Info("what runs", {{"method", running.method}, {"path", running.path}, {"stack", running.stack}});
  }

  void Terminated(const Termination& termination) override {
    log_.Error(DescribeTermination(termination.reason), {{"limit", termination.setting()},
                                                         {"method", termination.method},
                                                         {"path", termination.path},
                                                         {"stack", termination.stack}});
    app_.counters_->CountTermination(termination.reason);
    if (termination.reason == Termination::Reason::kHeap) app_.ScheduleRenewal(*this);
  }

  AppRuntime& app_;
  Log log_;
  asio::steady_timer timer_;
  std::optional<asio::steady_timer> deadline_;
  std::atomic<bool> turn_posted_{false};
  // When the timer fires, which may be before the next timer of the runtime but never after it.
  std::optional<std::chrono::steady_clock::time_point> armed_for_;
  std::unique_ptr<JsRuntime> runtime_;  // It may use all of the above until its end.
};

AppRuntime::AppRuntime(asio::io_context& io, Execution& execution, LogSink& sink, Metrics& metrics, unsigned worker,
                       std::function<void()> turned, HttpClient* http_client)
    : io_(io),
      execution_(execution),
      sink_(sink),
      metrics_(metrics),
      worker_(worker),
      turned_(std::move(turned)),
      http_client_(http_client),
      self_(std::make_shared<AppRuntime*>(this)) {}

AppRuntime::~AppRuntime() {
  JSD_CHECK(waiting_.empty());
  // Nobody may find one that is half gone.
  Set(prepared_, nullptr);
  Set(current_, nullptr);
  std::vector<InstancePtr> retired;
  const std::lock_guard lock(instances_mutex_);
  retired.swap(retired_);
}

void AppRuntime::Set(InstancePtr& place, InstancePtr instance) {
  {
    const std::lock_guard lock(instances_mutex_);
    place.swap(instance);
  }
  // The old one goes here, where nobody waits for the lock.
}

template <typename Action>
void AppRuntime::ForEach(Action action) const {
  if (current_) action(*current_);
  if (prepared_) action(*prepared_);
  for (const InstancePtr& instance : retired_) action(*instance);
}

JsRuntime* AppRuntime::runtime() const { return current_ ? &current_->runtime() : nullptr; }

void AppRuntime::Prepare(const AppOptions& options, Loaded loaded) {
  DropPrepared();
  if (!counters_) counters_ = metrics_.Join(options.name);
  loaded_ = std::move(loaded);
  const auto instance = std::make_shared<Instance>(*this, options);
  Set(prepared_, instance);
  // Posted: whoever is told may drop the runtime, which is in the middle of its turn.
  instance->Load([this, weak = std::weak_ptr<Instance>(instance)](std::optional<ScriptError> error) {
    asio::post(io_, [this, weak, error = std::move(error)]() mutable {
      if (const InstancePtr loaded_one = weak.lock()) OnLoaded(*loaded_one, std::move(error));
    });
  });
}

void AppRuntime::OnLoaded(const Instance& instance, std::optional<ScriptError> error) {
  if (&instance == prepared_.get() && loaded_) std::exchange(loaded_, nullptr)(std::move(error));
}

void AppRuntime::Commit(std::chrono::milliseconds patience) {
  JSD_CHECK(prepared_ != nullptr);
  InstancePtr old;
  {
    const std::lock_guard lock(instances_mutex_);
    old = std::exchange(current_, std::exchange(prepared_, nullptr));
  }
  options_ = current_->options;
  removed_ = false;
  if (old) Retire(std::move(old), patience);
  DispatchWaiting();
}

void AppRuntime::Discard() {
  DropPrepared();
  if (renewing_) Renew();
}

void AppRuntime::DropPrepared() {
  loaded_ = nullptr;
  if (!prepared_) return;
  prepared_->failed = true;
  {
    const std::lock_guard lock(instances_mutex_);
    retired_.push_back(std::exchange(prepared_, nullptr));
  }
  ScheduleDrop();
}

void AppRuntime::Replace(const AppOptions& options, std::chrono::milliseconds patience, Loaded loaded) {
  Prepare(options, [this, patience, loaded = std::move(loaded)](std::optional<ScriptError> error) {
    if (error) {
      DropPrepared();
      DispatchWaiting();
    } else {
      Commit(patience);
    }
    loaded(std::move(error));
  });
}

void AppRuntime::ScheduleRenewal(const Instance& instance) {
  if (&instance != current_.get()) return;
  renewing_ = true;
  {
    const std::lock_guard lock(instances_mutex_);
    retired_.push_back(std::exchange(current_, nullptr));
  }
  // Posted: the runtime is in the middle of what exhausted it.
  asio::post(io_, [weak_self = std::weak_ptr<AppRuntime*>(self_), exhausted = instance.weak_from_this()] {
    const auto self = weak_self.lock();
    if (!self) return;
    if (const auto old = exhausted.lock()) (*self)->FailRetired(*old);
    if (!(*self)->current_ && !(*self)->removed_) (*self)->Renew();
  });
}

void AppRuntime::Renew() {
  renewing_ = true;
  // What is being loaded for a reload will serve as well.
  if (prepared_) return;
  Replace(AppOptions(options_), std::chrono::milliseconds(0), [this](std::optional<ScriptError> error) {
    Log log(sink_, worker_, options_.name);
    if (!error) {
      counters_->CountRenewal();
      return log.Info("the script was loaded anew");
    }
    log.Error("cannot load the script anew: " + error->report);
    const auto pause = std::make_shared<asio::steady_timer>(io_, kRenewalPause);
    pause->async_wait([pause, weak = std::weak_ptr<AppRuntime*>(self_)](const boost::system::error_code&) {
      const auto self = weak.lock();
      if (self && !(*self)->current_ && !(*self)->prepared_ && !(*self)->removed_) (*self)->Renew();
    });
  });
}

void AppRuntime::Remove(std::chrono::milliseconds patience) {
  removed_ = true;
  DropPrepared();
  InstancePtr old;
  {
    const std::lock_guard lock(instances_mutex_);
    old = std::exchange(current_, nullptr);
  }
  if (old) Retire(std::move(old), patience);
  DispatchWaiting();
}

void AppRuntime::Retire(InstancePtr instance, std::chrono::milliseconds patience) {
  {
    const std::lock_guard lock(instances_mutex_);
    retired_.push_back(instance);
  }
  instance->runtime().Invoke("shutdown", "null");
  instance->FailIn(patience);
  instance->Turn();
}

void AppRuntime::FailOverdue(const Instance& instance) {
  if (const std::size_t requests = instance.runtime().pending_requests(); requests > 0) {
    Log(sink_, worker_, instance.options.name)
        .Warn("server.drain has passed, requests on the script before the reload were cut",
              {{"requests", static_cast<std::int64_t>(requests)}});
  }
  FailRetired(instance);
}

void AppRuntime::FailRetired(const Instance& instance) {
  const auto found = std::ranges::find(retired_, &instance, &InstancePtr::get);
  if (found == retired_.end()) return;
  Instance& failing = **found;
  failing.failed = true;
  failing.runtime().FailRequests(FailReason::kTerminated);
  ScheduleDrop();
}

void AppRuntime::OnTurned() {
  if (!retired_.empty()) ScheduleDrop();
  turned_();
}

void AppRuntime::ScheduleDrop() {
  asio::post(io_, [weak = std::weak_ptr<AppRuntime*>(self_)] {
    if (const auto self = weak.lock()) (*self)->DropRetired();
  });
}

void AppRuntime::DropRetired() {
  std::vector<InstancePtr> dropped;
  {
    const std::lock_guard lock(instances_mutex_);
    const auto done = [](const InstancePtr& instance) {
      const JsRuntime& runtime = instance->runtime();
      return runtime.pending_requests() == 0 && (instance->failed || runtime.pending_background_work() == 0);
    };
    const auto kept = std::partition(retired_.begin(), retired_.end(), [&](const InstancePtr& i) { return !done(i); });
    dropped.assign(std::make_move_iterator(kept), std::make_move_iterator(retired_.end()));
    retired_.erase(kept, retired_.end());
  }
  for (const InstancePtr& instance : dropped) cut_ += instance->runtime().terminated_requests();
}

void AppRuntime::LogState() const {
  const auto log_state = [this](const Instance& instance, std::string_view which) {
    const JsRuntime& runtime = instance.runtime();
    Log(sink_, worker_, instance.options.name)
        .Info("state of a script", {{"script", which},
                                    {"requests", static_cast<std::int64_t>(runtime.pending_requests())},
                                    {"background", static_cast<std::int64_t>(runtime.pending_background_work())},
                                    {"timers", static_cast<std::int64_t>(runtime.pending_timers())},
                                    {"handles", static_cast<std::int64_t>(runtime.handle_bytes())},
                                    {"heap", static_cast<std::int64_t>(runtime.heap_bytes())},
                                    {"buffers", static_cast<std::int64_t>(runtime.buffer_bytes())}});
  };
  if (current_) log_state(*current_, "serving");
  if (prepared_) log_state(*prepared_, "loading");
  for (const InstancePtr& instance : retired_) log_state(*instance, "ending");
  if (!waiting_.empty()) {
    Log(sink_, worker_, options_.name)
        .Info("requests wait for the script", {{"requests", static_cast<std::int64_t>(waiting_.size())}});
  }
}

AppState AppRuntime::State() const {
  AppState state{.app = options_.name, .requests = waiting_.size(), .heap_limit = options_.runtime.heap_limit};
  ForEach([&state](const Instance& instance) {
    const JsRuntime& runtime = instance.runtime();
    state.requests += runtime.pending_requests();
    state.background += runtime.pending_background_work();
    state.timers += runtime.pending_timers();
    state.heap += runtime.heap_bytes();
    state.buffers += runtime.buffer_bytes();
  });
  return state;
}

void AppRuntime::Invoke(std::string_view event, std::string_view detail_json) {
  const InstancePtr current = current_;  // It may be replaced meanwhile.
  if (!current) return;
  current->runtime().Invoke(event, detail_json);
  current->Turn();
}

std::size_t AppRuntime::pending_background_work() const {
  std::size_t count = 0;
  ForEach([&count](const Instance& instance) {
    if (!instance.failed) count += instance.runtime().pending_background_work();
  });
  return count;
}

void AppRuntime::Abandon() {
  waiting_.clear();
  // Frames of the thread may refer to the instances for ever.
  ForEach([](Instance& instance) { instance.DropRuntime(); });
}

void AppRuntime::Terminate() {
  terminating_.store(true, std::memory_order_relaxed);
  const std::lock_guard lock(instances_mutex_);
  ForEach([](const Instance& instance) { instance.runtime().Terminate(); });
}

std::size_t AppRuntime::cut() const {
  std::size_t count = cut_;
  ForEach([&count](const Instance& instance) { count += instance.runtime().terminated_requests(); });
  return count;
}

void AppRuntime::Dispatch(std::span<RequestEvent* const> batch) {
  Instance* const current = current_.get();
  if (current == nullptr || terminating_.load(std::memory_order_relaxed)) [[unlikely]]
    return DispatchOtherwise(batch);
  for (RequestEvent* const event : batch) event->lent_to = current;
  const std::size_t taken = current->runtime().Dispatch(batch);
  current->ArmTimer();
  if (taken < batch.size()) [[unlikely]]
    DispatchOtherwise(batch.subspan(taken));
}

void AppRuntime::DispatchOtherwise(std::span<RequestEvent* const> batch) {
  // A script that was terminated a moment ago would do the same again.
  if (terminating_.load(std::memory_order_relaxed)) {
    for (RequestEvent* const event : batch) event->Fail(FailReason::kShuttingDown);
    cut_ += batch.size();
    return;
  }
  for (RequestEvent* const event : batch) {
    event->lent_to = nullptr;
    if (renewing_) {
      waiting_.push_back(event);
    } else {
      event->Fail(FailReason::kTerminated);
    }
  }
}

void AppRuntime::DispatchWaiting() {
  renewing_ = false;
  if (!waiting_.empty()) Dispatch(std::exchange(waiting_, {}));
}

void AppRuntime::Cancel(RequestEvent& event, std::string_view reason) {
  if (event.lent_to == nullptr) {
    std::erase(waiting_, &event);
    return;
  }
  if (lost()) return;
  auto* const instance = static_cast<Instance*>(event.lent_to);
  instance->runtime().Cancel(event, reason);
  instance->ArmTimer();
  if (!retired_.empty()) ScheduleDrop();
}

void AppRuntime::Drained(RequestEvent& event) {
  if (lost()) return;
  auto* const instance = static_cast<Instance*>(event.lent_to);
  instance->runtime().Drained(event);
  instance->ArmTimer();
  if (!retired_.empty()) ScheduleDrop();
}

void AppRuntime::DispatchMessages(std::span<const WebSocketEvent> batch) {
  if (lost()) return;
  // Those for one runtime that stand together go together.
  while (!batch.empty()) {
    void* const lent_to = batch.front().peer->lent_to;
    const auto other =
        std::ranges::find_if(batch, [lent_to](const auto& event) { return event.peer->lent_to != lent_to; });
    const auto count = static_cast<std::size_t>(other - batch.begin());
    if (auto* const instance = static_cast<Instance*>(lent_to); instance != nullptr) {
      instance->runtime().DispatchMessages(batch.first(count));
      instance->ArmTimer();
    }
    batch = batch.subspan(count);
  }
  if (!retired_.empty()) ScheduleDrop();
}

void AppRuntime::BodyArrived(RequestEvent& event, std::size_t filled) {
  if (lost()) return;
  auto* const instance = static_cast<Instance*>(event.lent_to);
  instance->runtime().BodyArrived(event, filled);
  instance->ArmTimer();
  if (!retired_.empty()) ScheduleDrop();
}

}  // namespace jsd

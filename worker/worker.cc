#include "worker/worker.h"

#include <pthread.h>
#include <signal.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

namespace jsd {
namespace {

namespace asio = boost::asio;

// Threads that start within its scope get no signals but those that report a fault of their own, and the profiler's:
// the others are for the master.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t blocked;
    ::sigfillset(&blocked);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGPROF}) {
      ::sigdelset(&blocked, fault);
    }
    ::pthread_sigmask(SIG_SETMASK, &blocked, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

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

std::pair<std::string_view, std::string_view> DescribeTermination(Termination::Reason reason) {
  switch (reason) {
    case Termination::Reason::kSlice:
      return {"limits.slice", "the script did not return in time and was terminated"};
    case Termination::Reason::kCpu:
      return {"limits.cpu", "a request has used up its time and was terminated"};
    case Termination::Reason::kHeap:
      return {"limits.heap", "the script has used up its heap and was terminated"};
    case Termination::Reason::kRequested:
      break;
  }
  return {"server.drain", "the script was terminated while it ran"};
}

}  // namespace

// Sockets and timers are used by the one thread alone, so the reactor needs no locks for them; the scheduler keeps its
// own, because others post.
struct Worker::Loop {
  asio::io_context io{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  asio::steady_timer timer{io};
};

Worker::Worker(unsigned index, const WorkerOptions& options)
    : index_(index),
      options_(options),
      log_(*options.log_sink, index, options.app_name),
      loop_(std::make_unique<Loop>()) {}

Worker::~Worker() {
  if (thread_.joinable()) thread_.join();
}

void Worker::Start(Loaded loaded, Finished finished) {
  loaded_ = std::move(loaded);
  finished_ = std::move(finished);
  const SignalsBlocked blocked;
  thread_ = std::thread([this] { Run(); });
}

void Worker::Post(std::function<void()> work) { asio::post(loop_->io, std::move(work)); }

void Worker::Adopt(Connection connection) {
  adopting_.fetch_add(1, std::memory_order_relaxed);
  asio::post(loop_->io, [this, connection = std::move(connection)]() mutable {
    if (phase_ == Phase::kServing) handler_->Adopt(std::move(connection));
    adopting_.fetch_sub(1, std::memory_order_relaxed);
  });
}

std::size_t Worker::connections() const {
  return adopting_.load(std::memory_order_relaxed) + (handler_ ? handler_->connections() : 0);
}

void Worker::Drain() {
  asio::post(loop_->io, [this] { StartDraining(); });
}

void Worker::Close() {
  closing_.store(true, std::memory_order_relaxed);
  {
    const std::lock_guard lock(runtime_mutex_);
    if (runtime_) runtime_->Terminate();
  }
  asio::post(loop_->io, [this] {
    if (phase_ == Phase::kFinished) return;
    cut_ += handler_->CloseAll() + runtime_->terminated_requests();
    Finish();
  });
}

void Worker::Run() {
  ::pthread_setname_np(::pthread_self(), ("jsd-worker-" + std::to_string(index_)).c_str());
  RuntimeOptions runtime_options = options_.runtime;
  runtime_options.host = this;
  runtime_options.execution = &execution_;
  SetRuntime(JsRuntime::Create(runtime_options));
  handler_ = options_.connections(loop_->io, *this, log_);
  runtime_->LoadApp(options_.script, [this](std::optional<ScriptError> error) { OnAppLoaded(std::move(error)); });
  if (phase_ != Phase::kFinished) Turn();
  loop_->io.run();

  // What was cancelled just before the loop stopped still has to end, while those that it refers to are there.
  loop_->timer.cancel();
  RunWhatIsDue();
  handler_.reset();
  RunWhatIsDue();
  SetRuntime(nullptr);
  finished_(cut_);
}

void Worker::SetRuntime(std::unique_ptr<JsRuntime> runtime) {
  {
    const std::lock_guard lock(runtime_mutex_);
    std::swap(runtime_, runtime);
  }
  // The old one goes here, where nobody waits for the lock.
}

void Worker::RunWhatIsDue() {
  loop_->io.restart();
  loop_->io.poll();
}

void Worker::OnAppLoaded(std::optional<ScriptError> error) {
  if (phase_ != Phase::kLoading) return;
  if (!error) phase_ = Phase::kServing;
  loaded_(std::move(error));
}

void Worker::StartDraining() {
  if (phase_ == Phase::kLoading) Finish();
  if (phase_ != Phase::kServing) return;
  phase_ = Phase::kDraining;
  runtime_->Invoke("shutdown", "null");
  handler_->Drain([this] {
    connections_drained_ = true;
    FinishIfDrained();
  });
  Turn();
}

void Worker::FinishIfDrained() {
  if (phase_ == Phase::kDraining && connections_drained_ && runtime_->pending_background_work() == 0) Finish();
}

void Worker::Finish() {
  phase_ = Phase::kFinished;
  loop_->io.stop();
}

void Worker::Turn() {
  ArmTimer(runtime_->Poll().next_timer);
  FinishIfDrained();
}

void Worker::ArmTimer(std::optional<std::chrono::steady_clock::time_point> next) {
  // A timer that fires too early costs one idle turn, less than setting it back each time a script clears a timeout.
  if (!next || (armed_for_ && *armed_for_ <= *next)) return;
  armed_for_ = next;
  loop_->timer.expires_at(*next);
  loop_->timer.async_wait([this](const boost::system::error_code& error) {
    if (error || phase_ == Phase::kFinished) return;
    armed_for_.reset();
    Turn();
  });
}

void Worker::WakeUp() {
  // One turn serves all that ask for it before it begins.
  if (turn_posted_.exchange(true)) return;
  asio::post(loop_->io, [this] {
    turn_posted_.store(false);
    if (phase_ != Phase::kFinished) Turn();
  });
}

void Worker::Console(ConsoleLevel level, std::string_view message) { log_.Write(LevelOf(level), message); }

void Worker::UncaughtError(std::string_view origin, std::string_view report) {
  log_.Error(std::string(origin) + ": " + std::string(report));
}

void Worker::Terminated(const Termination& termination) {
  const auto [limit, message] = DescribeTermination(termination.reason);
  log_.Error(
      message,
      {{"limit", limit}, {"method", termination.method}, {"path", termination.path}, {"stack", termination.stack}});
}

void Worker::Dispatch(std::span<RequestEvent* const> batch) {
  // Its script may have been terminated a moment ago, and would do the same again.
  if (closing_.load(std::memory_order_relaxed)) {
    for (RequestEvent* event : batch) event->Fail(FailReason::kShuttingDown);
    cut_ += batch.size();
    return;
  }
  runtime_->Dispatch(batch);
  ArmTimer(runtime_->next_timer());
}

void Worker::Cancel(RequestEvent& event, std::string_view reason) {
  runtime_->Cancel(event, reason);
  ArmTimer(runtime_->next_timer());
}

void Worker::Drained(RequestEvent& event) {
  runtime_->Drained(event);
  ArmTimer(runtime_->next_timer());
}

void Worker::BodyArrived(RequestEvent& event, std::size_t filled) {
  runtime_->BodyArrived(event, filled);
  ArmTimer(runtime_->next_timer());
}

void Worker::DispatchMessages(std::span<const WebSocketEvent> batch) {
  runtime_->DispatchMessages(batch);
  ArmTimer(runtime_->next_timer());
}

}  // namespace jsd

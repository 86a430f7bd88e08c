#ifndef JSD_WORKER_WORKER_H_
#define JSD_WORKER_WORKER_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>

#include "core/js_runtime.h"
#include "core/runtime_host.h"
#include "worker/connection.h"
#include "worker/connection_handler.h"
#include "worker/log.h"
#include "worker/request_sink.h"

namespace jsd {

// What every worker of a pool is made from.
struct WorkerOptions {
  LogSink* log_sink = nullptr;  // Never null; outlives the worker.
  std::string app_name;         // Stands in the log lines.
  std::string script;           // Path of the application's module.
  RuntimeOptions runtime;       // The worker sets `host` and `execution`.
  ConnectionHandlerFactory connections;
};

// One thread with an event loop, a runtime and the connections that it serves. Nothing of it is shared: whoever wants
// something of a worker posts it.
//
// Owner: the pool.
// Thread: the public methods are for the owner's, but where they say more; everything else runs on the worker's own.
// Lifetime: until destroyed. A worker that was started must have finished, by Drain or Close, before that.
class Worker final : private RuntimeHost, private RequestSink {
 public:
  using Loaded = std::function<void(std::optional<ScriptError>)>;
  using Finished = std::function<void(std::size_t cut)>;

  Worker(unsigned index, const WorkerOptions& options);
  ~Worker();  // Waits for the thread.
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Starts the thread and loads the script. Both functions are called once, on the worker's thread: `loaded` when the
  // script is ready to serve or has failed, `finished` when everything that the worker had is gone, with the number of
  // requests that Close cut. A worker that is told to finish while it loads never calls `loaded`.
  void Start(Loaded loaded, Finished finished);

  // Runs `work` on the worker's thread, soon. From any thread. What comes too late to be run is destroyed unrun.
  void Post(std::function<void()> work);

  void Adopt(Connection connection);

  // Connections that are open or on their way here. From any thread, while no Drain has begun.
  std::size_t connections() const;

  // Finishes in good order: listeners of `shutdown` run, connections close after the replies that are in flight, work
  // that the script asked to wait for settles.
  void Drain();

  // Finishes now: JavaScript that is running is terminated, what is open is closed.
  void Close();

  unsigned index() const { return index_; }

  // For watchers.
  Execution& execution() { return execution_; }

 private:
  struct Loop;

  void Run();
  void SetRuntime(std::unique_ptr<JsRuntime> runtime);
  void RunWhatIsDue();
  void StartDraining();
  void FinishIfDrained();
  void Finish();

  // One turn of the runtime, and what must follow it.
  void Turn();
  void ArmTimer(std::optional<std::chrono::steady_clock::time_point> next);
  void OnAppLoaded(std::optional<ScriptError> error);

  // RuntimeHost:
  void WakeUp() override;
  void Console(ConsoleLevel level, std::string_view message) override;
  void UncaughtError(std::string_view origin, std::string_view report) override;
  void Terminated(const Termination& termination) override;

  // RequestSink:
  void Dispatch(std::span<RequestEvent* const> batch) override;
  void Cancel(RequestEvent& event, std::string_view reason) override;
  void Drained(RequestEvent& event) override;
  void BodyArrived(RequestEvent& event, std::size_t filled) override;
  void DispatchMessages(std::span<const WebSocketEvent> batch) override;

  enum class Phase { kLoading, kServing, kDraining, kFinished };

  const unsigned index_;
  const WorkerOptions options_;
  Log log_;
  Execution execution_;
  Loaded loaded_;
  Finished finished_;

  std::atomic<std::size_t> adopting_{0};  // Sockets that were posted here and are not with the handler yet.
  std::atomic<bool> turn_posted_{false};
  std::atomic<bool> closing_{false};  // The drain time is over: the script gets no more requests.

  // Of the worker's thread:
  Phase phase_ = Phase::kLoading;
  bool connections_drained_ = false;
  std::size_t cut_ = 0;
  // When the timer of the loop fires, which may be before the next timer of the runtime but never after it.
  std::optional<std::chrono::steady_clock::time_point> armed_for_;

  // Posting needs the loop for as long as the worker can be reached, so it goes last; the runtime goes before it and
  // the connections before the runtime, both on the worker's thread.
  std::unique_ptr<Loop> loop_;
  std::mutex runtime_mutex_;  // Held where runtime_ is set, and by others that use it.
  std::unique_ptr<JsRuntime> runtime_;
  std::unique_ptr<ConnectionHandler> handler_;
  std::thread thread_;
};

}  // namespace jsd

#endif  // JSD_WORKER_WORKER_H_

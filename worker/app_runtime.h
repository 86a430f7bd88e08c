#ifndef JSD_WORKER_APP_RUNTIME_H_
#define JSD_WORKER_APP_RUNTIME_H_

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
#include <vector>

#include "core/execution.h"
#include "core/js_runtime.h"
#include "worker/app_options.h"
#include "worker/log.h"
#include "worker/metrics.h"
#include "worker/request_sink.h"

namespace boost::asio {
class io_context;
}

namespace jsd {

// What an app has in hand on one worker, in all of its runtimes.
struct AppState {
  std::string app;
  std::size_t requests = 0;    // That have no reply yet, or not all of it.
  std::size_t background = 0;  // ctx.waitUntil promises.
  std::size_t timers = 0;
  std::size_t heap = 0;        // Bytes of JavaScript heap.
  std::size_t heap_limit = 0;  // Of one runtime.
  std::size_t buffers = 0;     // Bytes of array buffers.
};

// One app on one worker: the runtime that serves it, one that is being loaded to take its place, and those that it has
// had before, for as long as requests are in flight there. It drives them: whoever posts to the loop gives them turns.
//
// Owner: the worker. Thread: the worker's, but for Terminate.
// Lifetime: within that of the io_context and the sink; sessions refer to it as their RequestSink, so it goes after
// them. No event may be lent to it when it goes.
class AppRuntime final : public RequestSink {
 public:
  using Loaded = std::function<void(std::optional<ScriptError>)>;

  // The execution is the worker's, of which `worker` is the number. `turned` is called after each turn of a runtime.
  // `http_client` sends what the scripts fetch; it and `metrics` outlive this.
  AppRuntime(boost::asio::io_context& io, Execution& execution, LogSink& sink, Metrics& metrics, unsigned worker,
             std::function<void()> turned, HttpClient* http_client = nullptr);
  ~AppRuntime();
  AppRuntime(const AppRuntime&) = delete;
  AppRuntime& operator=(const AppRuntime&) = delete;

  // Loads a runtime beside the one that serves. `loaded` is called once, never from inside V8, and not if the runtime
  // is discarded or another one is prepared before; Commit or Discard comes next.
  void Prepare(const AppOptions& options, Loaded loaded);

  // What was prepared serves from now on. The one before gets its `shutdown` event and answers the requests that it has
  // and settles what the script asked to wait for, within `patience`; then the rest is answered 503 and it is dropped.
  void Commit(std::chrono::milliseconds patience);

  // Drops what was prepared; the one before serves on.
  void Discard();

  // Prepare, then Commit or, where it fails, Discard; the one that serves stays in that case.
  void Replace(const AppOptions& options, std::chrono::milliseconds patience, Loaded loaded);

  // The app has gone from the configuration: what comes is answered 503, as by Commit for what is there.
  void Remove(std::chrono::milliseconds patience);

  // Writes lines to the log: what its runtimes have in hand, and how much memory they use.
  void LogState() const;

  AppState State() const;

  // Calls the listeners of `event` in the runtime that serves.
  void Invoke(std::string_view event, std::string_view detail_json);

  // ctx.waitUntil promises that have not settled, in all of its runtimes.
  std::size_t pending_background_work() const;

  // Ends the JavaScript that is running, and answers every request that comes by 503. From any thread.
  void Terminate();

  // On a thread that is lost (core/execution.h) and has come back: drops the runtimes and nothing else. Until then
  // whoever closes the sessions of such a thread calls the sink's methods, which leave the runtimes alone.
  void Abandon();

  // Requests that were ended by a termination, or came after Terminate.
  std::size_t cut() const;

  bool serves() const { return current_ != nullptr; }
  const AppOptions& options() const { return options_; }
  // Null while nothing serves.
  JsRuntime* runtime() const;

  // RequestSink; an event stays with the runtime that it was dispatched to.
  void Dispatch(std::span<RequestEvent* const> batch) override;
  void Cancel(RequestEvent& event, std::string_view reason) override;
  void Drained(RequestEvent& event) override;
  void BodyArrived(RequestEvent& event, std::size_t filled) override;
  void DispatchMessages(std::span<const WebSocketEvent> batch) override;

 private:
  class Instance;
  using InstancePtr = std::shared_ptr<Instance>;

  // For a runtime that can serve no more: nothing is dispatched to it any longer, what comes waits for a new one with
  // the same options, and at the next turn of the loop it is dropped, with 503 for its requests.
  void ScheduleRenewal(const Instance& instance);
  // Loads the new one. Where it cannot be loaded, what waits is answered 503, and it is tried again later.
  void Renew();
  void DropPrepared();
  void OnLoaded(const Instance& instance, std::optional<ScriptError> error);
  void OnTurned();
  void Retire(InstancePtr instance, std::chrono::milliseconds patience);
  void FailRetired(const Instance& instance);
  void FailOverdue(const Instance& instance);
  // Drops what has nothing left to do; posted, because the caller may be inside it.
  void ScheduleDrop();
  void DropRetired();
  void DispatchOtherwise(std::span<RequestEvent* const> batch);
  void DispatchWaiting();
  // All of its runtimes; also for Terminate, which looks at them on other threads.
  template <typename Action>
  void ForEach(Action action) const;
  void Set(InstancePtr& place, InstancePtr instance);
  bool lost() const { return execution_.stamp().place() == Execution::Place::kLost; }

  boost::asio::io_context& io_;
  Execution& execution_;
  LogSink& sink_;
  Metrics& metrics_;
  const unsigned worker_;
  const std::function<void()> turned_;
  HttpClient* const http_client_;
  AppOptions options_;                     // Of what serves.
  std::shared_ptr<AppCounters> counters_;  // From Prepare on.

  std::atomic<bool> terminating_{false};
  std::size_t cut_ = 0;
  bool renewing_ = false;  // What comes waits.
  bool removed_ = false;
  std::vector<RequestEvent*> waiting_;
  Loaded loaded_;

  // What posted handlers hold weakly.
  const std::shared_ptr<AppRuntime*> self_;
  mutable std::mutex instances_mutex_;  // Held where these change, and by others that use them.
  InstancePtr current_;
  InstancePtr prepared_;
  std::vector<InstancePtr> retired_;
};

}  // namespace jsd

#endif  // JSD_WORKER_APP_RUNTIME_H_

#ifndef JSD_CORE_JS_RUNTIME_H_
#define JSD_CORE_JS_RUNTIME_H_

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/execution.h"
#include "core/http_client.h"
#include "core/module_options.h"
#include "core/permissions.h"
#include "core/request_event.h"
#include "core/runtime_host.h"
#include "core/web_socket.h"

namespace jsd {

class BroadcastGroup;

// A script that cannot be loaded: a text for a person, with file, line, column, excerpt and caret where there are any.
struct ScriptError {
  std::string report;
};

struct RuntimeOptions {
  // Never null; outlives the runtime.
  RuntimeHost* host = nullptr;
  // What sends requests; null: `fetch` fails. Outlives the runtime.
  HttpClient* http_client = nullptr;
  // The BroadcastChannels of the app's other runtimes; null: those of this one hear only each other.
  std::shared_ptr<BroadcastGroup> broadcasts;
  // False: run the bootstrap files instead of reading the snapshot that is built into the binary.
  bool use_snapshot = true;
  // Where the thread's comings and goings are noted for watchers, who make limits of time work. Outlives the runtime;
  // null: a private one, which nobody watches.
  Execution* execution = nullptr;
  // How long one call from outside may take, and all that runs for one request together; 0: as long as it wants. See
  // core/limiter.h.
  std::chrono::milliseconds slice_limit{};
  std::chrono::milliseconds cpu_limit{};
  // Bytes of JavaScript heap. A script that comes near it is ended. 0 leaves V8's own choice, which ends the process.
  std::size_t heap_limit = 0;
  // Bytes of array buffers; 0 means no limit.
  std::size_t buffer_limit = 0;
  // Whether the script may make code from text (HostEnsureCanCompileStrings of ECMA-262); else that is an EvalError.
  bool eval = true;
  // What the handler gets as `env`: strings by name.
  std::vector<std::pair<std::string, std::string>> env;
  // What the script may reach; by default nothing.
  Permissions permissions;
  ModuleOptions modules;
  // What LoadApp will be given, read while the isolate is made. May be empty.
  std::string script;
};

// What a turn of Poll leaves behind.
struct PollResult {
  // Timers, async ops or foreground tasks are outstanding.
  bool pending = false;
  // When the next timer is due; none when there is no timer. Poll must be called again then, or after WakeUp.
  std::optional<std::chrono::steady_clock::time_point> next_timer;
};

// One execution context for JavaScript, about a Web Worker: an isolate, a context, its modules, timers and ops.
//
// Owner: one worker.
// Thread: the one that created it, for every method.
// Lifetime: until destroyed; everything that was lent to it must have been answered or cancelled before, unless the
// thread is lost (core/execution.h).
class JsRuntime {
 public:
  using Loaded = std::function<void(std::optional<ScriptError>)>;

  // Makes the process-wide V8 platform if this is the first runtime. A failure here is a bug and ends the process.
  static std::unique_ptr<JsRuntime> Create(const RuntimeOptions& options);

  ~JsRuntime();
  JsRuntime(const JsRuntime&) = delete;
  JsRuntime& operator=(const JsRuntime&) = delete;

  // Loads the ES module at `path` as the application: evaluates it with its imports and top-level await, and looks up
  // its handlers. `loaded` is called once, from here or from a later Poll, when V8 has been left.
  void LoadApp(const std::string& path, Loaded loaded);

  // The same for a module that need not have handlers.
  void LoadModule(const std::string& path, Loaded loaded);

  // Runs classic scripts in the global scope, each as far as it gets, and then the microtasks. What one throws is
  // reported as an uncaught error. For conformance tests, whose harness is no module.
  struct ClassicScript {
    std::string name;  // Of the file, for positions.
    std::string source;
  };
  void RunScripts(std::span<const ClassicScript> scripts);

  // Hands over a batch of requests: V8 is entered once, each handler is called, one microtask checkpoint follows.
  // Replies that are ready come back through the events before this returns, the others from later calls of Poll.
  // Returns how many it has taken: one that exhausts the heap is the last, and those behind it are left to a runtime
  // that can serve them.
  std::size_t Dispatch(std::span<RequestEvent* const> batch);

  // Takes an event back that was not answered yet: its client is gone, or its time is over. Its `request.signal`
  // aborts; what the handler still answers is ignored. The event may be reused at once. The caller answers the client.
  void Cancel(RequestEvent& event, std::string_view reason);

  // The session has room again for a stream whose Write returned false.
  void Drained(RequestEvent& event);

  // What RequestEvent::AwaitBody asked for is there, or the body has ended. `filled`: how many bytes of the room that
  // was given are used.
  void BodyArrived(RequestEvent& event, std::size_t filled);
  // Hands over what WebSockets got, in this order; each message is a task of its own, with its microtasks.
  void DispatchMessages(std::span<const WebSocketEvent> batch);

  // Takes back every event that was not answered, without running JavaScript, and ends it for `reason`. What the
  // handlers still answer is ignored. WebSockets are closed.
  void FailRequests(FailReason reason);

  // Calls the listeners that the script registered by jsd.listen(event, …) with `detail_json` parsed. Returns when
  // they returned; promises of theirs go on.
  void Invoke(std::string_view event, std::string_view detail_json);

  // One turn: microtasks, V8 foreground tasks, due timers, finished async ops. Call after WakeUp, after Invoke, and
  // when the next timer is due.
  PollResult Poll();

  // When the next timer is due, without a turn: after Dispatch, Cancel, Drained and BodyArrived, which run
  // microtasks themselves, the timers are all that a loop has to see to. Cheap.
  std::optional<std::chrono::steady_clock::time_point> next_timer() const;

  // The number of events that were dispatched and neither answered nor cancelled, and of WebSockets that have not
  // closed.
  std::size_t pending_requests() const;

  // The number of ctx.waitUntil promises that have not settled.
  std::size_t pending_background_work() const;

  // The heap limit was reached: requests still work, as long as they find memory, but a new runtime should take over.
  bool exhausted() const;

  // The number of requests that were failed because Terminate ended what ran for them.
  std::size_t terminated_requests() const;

  // Bytes of JavaScript heap in use, and of V8's table of global handles: what native code holds of the heap. Cheap.
  std::size_t heap_bytes() const;
  std::size_t handle_bytes() const;

  // Timers that have been set and have not fired.
  std::size_t pending_timers() const;

  // Bytes of array buffers in use.
  std::size_t buffer_bytes() const;

  // Called on the runtime's thread, from inside V8, when the heap is near its limit: gets the present and the initial
  // limit in bytes, and returns the new one. One at a time; it must not run JavaScript.
  using NearHeapLimit = std::function<std::size_t(std::size_t current, std::size_t initial)>;
  void AddNearHeapLimitCallback(NearHeapLimit callback);
  void RemoveNearHeapLimitCallback();

  // Ends the JavaScript that is running, from any thread. What was running counts as failed, and so does each request
  // whose continuation went with it; the runtime lives on.
  void Terminate();

 private:
  class Impl;
  explicit JsRuntime(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Hands flags to V8, each as "--name" or "--name=value"; before the first runtime. False, with `error` naming the flag,
// where V8 does not know one.
bool ConfigureV8(const std::vector<std::string>& flags, std::string* error);

// "13.6.233.17-node.37".
const char* V8Version();

}  // namespace jsd

#endif  // JSD_CORE_JS_RUNTIME_H_

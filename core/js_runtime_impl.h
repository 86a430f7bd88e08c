#ifndef JSD_CORE_JS_RUNTIME_IMPL_H_
#define JSD_CORE_JS_RUNTIME_IMPL_H_

#include <v8.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/array_buffer_allocator.h"
#include "core/js_runtime.h"
#include "core/limiter.h"
#include "core/module_loader.h"
#include "core/platform.h"
#include "core/runtime_state.h"

namespace jsd {

// What is behind JsRuntime, whose methods hand over to those of the same name. Three files define it: js_runtime.cc its
// making, its end and its turns, js_runtime_loading.cc how scripts get in, js_runtime_events.cc what comes from
// outside.
//
// Owner, thread, lifetime: as JsRuntime.
class JsRuntime::Impl {
 public:
  explicit Impl(const RuntimeOptions& options);
  ~Impl();

  void Load(const std::string& path, bool as_app, Loaded loaded);
  void RunScripts(std::span<const ClassicScript> scripts);
  std::size_t Dispatch(std::span<RequestEvent* const> batch);
  void Cancel(RequestEvent& event, std::string_view reason);
  void Drained(RequestEvent& event);
  void BodyArrived(RequestEvent& event, std::size_t filled);
  void DispatchMessages(std::span<const WebSocketEvent> batch);
  void Invoke(std::string_view event, std::string_view detail_json);
  PollResult Poll();

 private:
  friend class JsRuntime;

  // The scopes in which V8 is used.
  struct Entered {
    explicit Entered(Impl& runtime)
        : entry(*runtime.state_.execution, *runtime.limiter_),
          isolate_scope(runtime.isolate_.get()),
          handle_scope(runtime.isolate_.get()),
          context(runtime.context_.Get(runtime.isolate_.get())),
          context_scope(context) {
      runtime.limiter_->BeginEntry();
    }
    Execution::Entry entry;
    v8::Isolate::Scope isolate_scope;
    v8::HandleScope handle_scope;
    v8::Local<v8::Context> context;
    v8::Context::Scope context_scope;
  };

  void InitializeIsolate(const RuntimeOptions& options);
  void AttachState(const RuntimeOptions& options);
  void RunBootstrap(v8::Local<v8::Context> context);

  // Calls a cached function; false where it threw (reported) or was terminated.
  bool Call(v8::Local<v8::Context> context, Callback callback, std::span<v8::Local<v8::Value>> arguments,
            v8::Local<v8::Value>* result = nullptr);
  // After every call of a script's code: makes V8 usable again where it was terminated. Returns whether it was.
  bool EndCall(bool terminated = false);
  void DropGarbage();
  // After a turn's calls: microtasks, then the rejections that nobody handled.
  void Checkpoint(v8::Local<v8::Context> context);
  // The end of an entry from outside: the checkpoint, and what a termination has left.
  void EndTurn(v8::Local<v8::Context> context);
  // After a termination: fails the requests that nothing will answer any more.
  void FailOrphans(v8::Local<v8::Context> context);
  std::vector<std::uint32_t> FindOrphans(v8::Local<v8::Context> context);
  void FailRequest(std::uint32_t handle);
  void FailRequests(FailReason reason);
  void TakeFinishedOps(v8::Local<v8::Context> context);
  void TakeFetchEvents(v8::Local<v8::Context> context);
  void TakeBroadcasts(v8::Local<v8::Context> context);
  void TakeWebSocketEvents(v8::Local<v8::Context> context);
  // False where this thread is lost.
  bool DeliverWebSocketEvent(v8::Local<v8::Context> context, const WebSocketEvent& event);
  void FireTimers(v8::Local<v8::Context> context);
  void CheckLoading(v8::Local<v8::Context> context);
  void FinishLoading(std::optional<ScriptError> error);
  // Outside of V8: tells that loading has finished, if it has.
  void DeliverLoaded();
  std::optional<ScriptError> InstallApp(v8::Local<v8::Context> context);
  v8::Local<v8::Object> MakeEnv(v8::Local<v8::Context> context);
  ScriptError DescribeFailure(v8::Local<v8::Context> context, const v8::TryCatch& try_catch);
  // When the next timer or delayed task is due.
  std::optional<TimerQueue::Clock::time_point> next_due();
  bool has_work();
  // Gives back memory of large buffers that has been free for a while.
  void TrimBuffers();
  // Something has been begun that will give it work.
  bool awaits_something() const {
    return state_.timers.size() != 0 || state_.ops.pending() != 0 || state_.fetches.size() != 0 ||
           state_.web_socket_clients.size() != 0;
  }

  // The report of an uncaught error; what the error itself says where bootstrap/error.js cannot be run.
  static std::string FormatError(v8::Local<v8::Context> context, v8::Local<v8::Value> error);
  static void OnMessage(v8::Local<v8::Message> message, v8::Local<v8::Value> error);
  static v8::MaybeLocal<v8::Value> PrepareStackTrace(v8::Local<v8::Context> context, v8::Local<v8::Value> error,
                                                     v8::Local<v8::Array> sites);
  static std::size_t OnNearHeapLimit(void* data, std::size_t current, std::size_t initial);

  // Destroyed from the last to the first: what the isolate uses until its end stands before it, what uses the isolate
  // after it.
  const std::vector<std::pair<std::string, std::string>> env_;
  NearHeapLimit near_heap_limit_;
  const std::shared_ptr<ArrayBufferAllocator> allocator_;
  const std::vector<std::intptr_t> external_references_;
  v8::StartupData snapshot_ = {nullptr, 0};  // V8 keeps the address of this, and makes the context from it.
  std::atomic<bool> woken_ = false;
  Execution unwatched_;
  std::optional<Limiter> limiter_;
  IsolateHolder isolate_;
  RuntimeState state_;
  std::optional<ModuleLoader> modules_;
  v8::Global<v8::Context> context_;
  std::optional<ForegroundTasks::Clock::time_point> next_task_;
  std::optional<TimerQueue::Clock::time_point> next_trim_;  // Where the allocator keeps some.
  std::size_t terminated_requests_ = 0;
  Termination::Reason last_reason_{};
  bool may_have_orphans_ = false;  // Something was terminated in this entry.
  v8::Global<v8::Promise> loading_;
  std::shared_ptr<const void> read_ahead_;  // Until the script has been loaded.
  bool loading_app_ = false;
  bool loading_terminated_ = false;
  bool load_finished_ = false;
  std::optional<ScriptError> load_error_;
  Loaded loaded_;
};

}  // namespace jsd

#endif  // JSD_CORE_JS_RUNTIME_IMPL_H_

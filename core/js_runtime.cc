#include "core/js_runtime.h"

#include <v8.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "core/array_buffer_allocator.h"
#include "core/bindings.h"
#include "core/bootstrap_files.h"
#include "core/check.h"
#include "core/fatal_errors.h"
#include "core/limiter.h"
#include "core/module_loader.h"
#include "core/ops/fetch.h"
#include "core/ops/wasm_streaming.h"
#include "core/ops/web_socket.h"
#include "core/platform.h"
#include "core/runtime_state.h"
#include "core/snapshot.h"
#include "core/value.h"

namespace jsd {
namespace {

constexpr std::uint16_t kGoingAway = 1001;
constexpr std::string_view kTerminatedLoading = "the script was terminated while it was loading";

}  // namespace

class JsRuntime::Impl {
 public:
  explicit Impl(const RuntimeOptions& options);
  ~Impl();

  void Load(const std::string& path, bool as_app, Loaded loaded);
  void RunScripts(std::span<const ClassicScript> scripts);
  void Dispatch(std::span<RequestEvent* const> batch);
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
  v8::Local<v8::Context> ContextFromSnapshot();
  v8::Local<v8::Context> ContextFromBindings();

  // Calls a cached function; false where it threw (reported) or was terminated.
  bool Call(v8::Local<v8::Context> context, Callback callback, std::span<v8::Local<v8::Value>> arguments,
            v8::Local<v8::Value>* result = nullptr);
  // After every call of a script's code: makes V8 usable again where it was terminated. Returns whether it was.
  bool EndCall(bool terminated = false);
  // After a turn's calls: microtasks, then the rejections that nobody handled.
  void Checkpoint(v8::Local<v8::Context> context);
  // The end of every entry from outside: after a termination, fails the requests that nothing will answer any more.
  void FailOrphans(v8::Local<v8::Context> context);
  std::vector<std::uint32_t> FindOrphans(v8::Local<v8::Context> context);
  void FailRequest(std::uint32_t handle);
  void TakeFinishedOps(v8::Local<v8::Context> context);
  void TakeFetchEvents(v8::Local<v8::Context> context);
  void FireTimers(v8::Local<v8::Context> context);
  void CheckLoading(v8::Local<v8::Context> context);
  void FinishLoading(std::optional<ScriptError> error);
  // Outside of V8: tells that loading has finished, if it has.
  void DeliverLoaded();
  std::optional<ScriptError> InstallApp(v8::Local<v8::Context> context);
  v8::Local<v8::Object> MakeEnv(v8::Local<v8::Context> context);
  std::string FormatError(v8::Local<v8::Context> context, v8::Local<v8::Value> error);
  ScriptError DescribeFailure(v8::Local<v8::Context> context, const v8::TryCatch& try_catch);
  // When the next timer or delayed task is due.
  std::optional<TimerQueue::Clock::time_point> next_due();
  bool has_work();

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
  std::size_t terminated_requests_ = 0;
  Termination::Reason last_reason_{};
  bool may_have_orphans_ = false;  // Something was terminated in this entry.
  v8::Global<v8::Promise> loading_;
  bool loading_app_ = false;
  bool loading_terminated_ = false;
  bool load_finished_ = false;
  std::optional<ScriptError> load_error_;
  Loaded loaded_;
};

JsRuntime::Impl::Impl(const RuntimeOptions& options)
    : env_(options.env),
      allocator_(std::make_shared<ArrayBufferAllocator>(options.buffer_limit)),
      external_references_(ExternalReferences(AllBindings())) {
  JSD_CHECK(options.host != nullptr);
  state_.execution = options.execution != nullptr ? options.execution : &unwatched_;
  InitializeIsolate(options);
  v8::Isolate* isolate = isolate_.get();
  limiter_.emplace(isolate, state_, Limiter::Limits{options.slice_limit, options.cpu_limit, options.heap_limit});
  const v8::Isolate::Scope isolate_scope(isolate);
  const v8::HandleScope handle_scope(isolate);
  state_.host = options.host;
  state_.permissions = options.permissions;
  state_.buffers = allocator_;
  state_.Attach(isolate);
  const v8::Local<v8::Context> context = options.use_snapshot ? ContextFromSnapshot() : ContextFromBindings();
  context_.Reset(isolate, context);
  // From here on script code may run, and find its runtime.
  isolate->SetPromiseRejectCallback(RejectionTracker::OnPromiseReject);
  isolate->SetPrepareStackTraceCallback(PrepareStackTrace);
  isolate->AddMessageListener(OnMessage);
  modules_.emplace(isolate, options.modules);
  state_.modules = &*modules_;
  state_.env = &env_;
  const auto wake_up = [this] {
    woken_.store(true, std::memory_order_release);
    state_.host->WakeUp();
  };
  isolate_.tasks().set_wake_up(wake_up);
  state_.ops.set_wake_up(wake_up);
  state_.fetches.Connect(options.http_client, wake_up);
}

JsRuntime::Impl::~Impl() {
  state_.execution->Forget(*limiter_);
  JSD_CHECK((state_.events.size() == 0 && state_.web_sockets.size() == 0) ||
            state_.execution->stamp().place() == Execution::Place::kLost);
  isolate_.tasks().set_wake_up(nullptr);
  state_.ops.set_wake_up(nullptr);
}

void JsRuntime::Impl::InitializeIsolate(const RuntimeOptions& options) {
  v8::Isolate::CreateParams parameters;
  parameters.array_buffer_allocator_shared = allocator_;
  parameters.external_references = external_references_.data();
  if (options.heap_limit != 0) parameters.constraints.ConfigureDefaultsFromHeapSize(0, options.heap_limit);
  if (options.use_snapshot) {
    std::string error;
    const auto found = ReadSnapshot(EmbeddedSnapshot(), AllBindings(), &error);
    if (!found) std::fprintf(stderr, "%s\n", error.c_str());
    JSD_CHECK(found);
    snapshot_ = *found;
    parameters.snapshot_blob = &snapshot_;
  }
  v8::Isolate::Initialize(isolate_.get(), parameters);
  InstallFatalErrorHandlers(isolate_.get());
  isolate_.get()->SetMicrotasksPolicy(v8::MicrotasksPolicy::kExplicit);
  EnableWasmStreaming(isolate_.get());
  // Requests share the thread: it must not sleep, and nobody could wake it (ECMA-262, AgentCanSuspend).
  isolate_.get()->SetAllowAtomicsWait(false);
}

v8::Local<v8::Context> JsRuntime::Impl::ContextFromSnapshot() {
  const v8::Local<v8::Context> context = v8::Context::New(isolate_.get());
  const v8::Context::Scope context_scope(context);
  RestoreCallbacks(context, &state_.callbacks);
  return context;
}

v8::Local<v8::Context> JsRuntime::Impl::ContextFromBindings() {
  const v8::Local<v8::Context> context = v8::Context::New(isolate_.get());
  const v8::Context::Scope context_scope(context);
  std::string error;
  const bool ran = RunBootstrapFiles(context, MakeCoreObject(context, AllBindings()), &error);
  if (!ran) std::fprintf(stderr, "%s\n", error.c_str());
  JSD_CHECK(ran);
  return context;
}

v8::MaybeLocal<v8::Value> JsRuntime::Impl::PrepareStackTrace(v8::Local<v8::Context> context, v8::Local<v8::Value> error,
                                                             v8::Local<v8::Array> sites) {
  v8::Isolate* isolate = context->GetIsolate();
  v8::Local<v8::Value> arguments[] = {error, sites};
  return RuntimeState::From(isolate)
      .callbacks.Get(isolate, Callback::kPrepareStackTrace)
      ->Call(context, v8::Undefined(isolate), 2, arguments);
}

// Errors that end in nobody's TryCatch: those thrown by microtasks.
void JsRuntime::Impl::OnMessage(v8::Local<v8::Message> message, v8::Local<v8::Value> error) {
  v8::Isolate* isolate = message->GetIsolate();
  const RuntimeState& state = RuntimeState::From(isolate);
  const v8::Local<v8::Context> context = isolate->GetCurrentContext();
  v8::TryCatch try_catch(isolate);
  v8::Local<v8::Value> arguments[] = {error};
  v8::Local<v8::Value> report;
  if (state.callbacks.Get(isolate, Callback::kFormatError)
          ->Call(context, v8::Undefined(isolate), 1, arguments)
          .ToLocal(&report)) {
    state.host->UncaughtError("microtask", DescribeValue(context, report));
  }
}

std::size_t JsRuntime::Impl::OnNearHeapLimit(void* data, std::size_t current, std::size_t initial) {
  return static_cast<Impl*>(data)->near_heap_limit_(current, initial);
}

std::string JsRuntime::Impl::FormatError(v8::Local<v8::Context> context, v8::Local<v8::Value> error) {
  v8::Isolate* isolate = isolate_.get();
  v8::TryCatch try_catch(isolate);
  v8::Local<v8::Value> arguments[] = {error};
  v8::Local<v8::Value> report;
  if (state_.callbacks.Get(isolate, Callback::kFormatError)
          ->Call(context, v8::Undefined(isolate), 1, arguments)
          .ToLocal(&report)) {
    return DescribeValue(context, report);
  }
  return DescribeValue(context, error);
}

ScriptError JsRuntime::Impl::DescribeFailure(v8::Local<v8::Context> context, const v8::TryCatch& try_catch) {
  return {FormatError(context, try_catch.Exception())};
}

bool JsRuntime::Impl::Call(v8::Local<v8::Context> context, Callback callback, std::span<v8::Local<v8::Value>> arguments,
                           v8::Local<v8::Value>* result) {
  if (!state_.execution->BeginCall()) return false;
  v8::Isolate* isolate = isolate_.get();
  v8::TryCatch try_catch(isolate);
  v8::Local<v8::Value> value;
  const v8::Local<v8::Function> function = state_.callbacks.Get(isolate, callback);
  const bool returned =
      function->Call(context, v8::Undefined(isolate), static_cast<int>(arguments.size()), arguments.data())
          .ToLocal(&value);
  if (EndCall(try_catch.HasTerminated())) return false;
  if (!returned) {
    state_.host->UncaughtError("runtime", FormatError(context, try_catch.Exception()));
    return false;
  }
  if (result != nullptr) *result = value;
  return true;
}

bool JsRuntime::Impl::EndCall(bool terminated) {
  if (!terminated && !limiter_->terminating()) [[likely]]
    return false;
  const Termination termination = limiter_->Conclude();
  last_reason_ = termination.reason;
  may_have_orphans_ = true;
  if (!loading_.IsEmpty()) loading_terminated_ = true;
  // What is still to be called in this turn did not cause it.
  if (const Execution::Op op(*state_.execution); op) state_.host->Terminated(termination);
  return true;
}

void JsRuntime::Impl::Checkpoint(v8::Local<v8::Context> context) {
  v8::Isolate* isolate = isolate_.get();
  if (!state_.execution->BeginCall()) return;
  isolate->PerformMicrotaskCheckpoint();
  EndCall(isolate->IsExecutionTerminating());
  while (!state_.rejections.empty()) {
    state_.rejections.Notify(context);
    isolate->PerformMicrotaskCheckpoint();
    // Listeners that reject for ever come to an end with this too.
    if (EndCall(isolate->IsExecutionTerminating())) state_.rejections.Clear();
  }
}

void JsRuntime::Impl::FailRequest(std::uint32_t handle) {
  RequestEvent* const event = state_.events.Find(handle);
  if (event == nullptr) return;
  const Execution::Op op(*state_.execution);
  if (!op) return;
  state_.EndEvent(handle);
  if (last_reason_ == Termination::Reason::kRequested) ++terminated_requests_;
  event->Fail(FailReason::kTerminated);
}

void JsRuntime::Impl::FailOrphans(v8::Local<v8::Context> context) {
  if (!may_have_orphans_) [[likely]]
    return;
  may_have_orphans_ = false;
  // What a script kept in an exhausted heap may be anything; none of its requests can be trusted to end.
  const bool all = last_reason_ == Termination::Reason::kHeap;
  const auto orphans = all ? state_.events.Handles() : FindOrphans(context);
  for (const std::uint32_t handle : orphans) FailRequest(handle);
}

std::vector<std::uint32_t> JsRuntime::Impl::FindOrphans(v8::Local<v8::Context> context) {
  v8::Isolate* isolate = isolate_.get();
  std::vector<std::pair<v8::Global<v8::Object>, std::uint32_t>> waiting;
  {
    const v8::HandleScope handle_scope(isolate);
    v8::Local<v8::Value> aside;
    if (state_.events.size() == 0 || !Call(context, Callback::kSetRequestsAside, {}, &aside)) return {};
    const auto entries = aside.As<v8::Array>();
    for (std::uint32_t i = 0; i + 1 < entries->Length(); i += 2) {
      v8::Local<v8::Value> entry, handle;
      JSD_CHECK(entries->Get(context, i).ToLocal(&entry) && entries->Get(context, i + 1).ToLocal(&handle));
      waiting.emplace_back(v8::Global<v8::Object>(isolate, entry.As<v8::Object>()), handle.As<v8::Uint32>()->Value());
      waiting.back().first.SetWeak();
    }
  }
  isolate->LowMemoryNotification();
  const v8::HandleScope handle_scope(isolate);
  v8::LocalVector<v8::Value> held(isolate);
  std::vector<std::uint32_t> orphans;
  for (const auto& [entry, handle] : waiting) {
    if (entry.IsEmpty()) {
      orphans.push_back(handle);
    } else {
      held.push_back(entry.Get(isolate));
    }
  }
  v8::Local<v8::Value> arguments[] = {v8::Array::New(isolate, held.data(), held.size())};
  Call(context, Callback::kTakeRequestsBack, arguments);
  return orphans;
}

void JsRuntime::Impl::Dispatch(std::span<RequestEvent* const> batch) {
  const Entered entered(*this);
  v8::Isolate* isolate = isolate_.get();
  const v8::Local<v8::Function> handle = state_.callbacks.Get(isolate, Callback::kDispatchFetch);
  const v8::Local<v8::Value> receiver = v8::Undefined(isolate);
  v8::TryCatch try_catch(isolate);
  for (RequestEvent* event : batch) {
    if (!state_.execution->BeginCall()) return;
    const v8::HandleScope handle_scope(isolate);
    const std::uint32_t id = state_.events.Add(*event);
    v8::Local<v8::Value> arguments[] = {v8::Integer::NewFromUnsigned(isolate, id)};
    isolate->SetContinuationPreservedEmbedderData(arguments[0]);
    if (!handle->Call(entered.context, receiver, 1, arguments).IsEmpty() && !limiter_->terminating()) continue;
    // The function catches what handlers throw, so this is a termination or a full stack.
    if (EndCall(try_catch.HasTerminated())) {
      FailRequest(id);
    } else if (state_.events.Find(id) == event) {
      const Execution::Op op(*state_.execution);
      if (!op) return;
      state_.EndEvent(id);
      event->Fail(FailReason::kHandlerError);
    }
    try_catch.Reset();
  }
  isolate->SetContinuationPreservedEmbedderData(receiver);
  Checkpoint(entered.context);
  FailOrphans(entered.context);
}

void JsRuntime::Impl::Cancel(RequestEvent& event, std::string_view reason) {
  const std::uint32_t id = event.runtime_handle;
  JSD_CHECK(state_.events.Find(id) == &event);
  const Entered entered(*this);
  v8::Local<v8::String> text;
  if (ToV8(isolate_.get(), reason).ToLocal(&text)) {
    v8::Local<v8::Value> arguments[] = {v8::Integer::NewFromUnsigned(isolate_.get(), id), text};
    Call(entered.context, Callback::kCancelFetch, arguments);
  }
  if (state_.events.Find(id) == &event) state_.EndEvent(id);
  Checkpoint(entered.context);
  FailOrphans(entered.context);
}

void JsRuntime::Impl::Drained(RequestEvent& event) {
  if (state_.fetches.ForwardDrained(event.runtime_handle)) return;
  const Entered entered(*this);
  v8::Local<v8::Value> arguments[] = {v8::Integer::NewFromUnsigned(isolate_.get(), event.runtime_handle)};
  Call(entered.context, Callback::kStreamDrained, arguments);
  Checkpoint(entered.context);
  FailOrphans(entered.context);
}

void JsRuntime::Impl::BodyArrived(RequestEvent& event, std::size_t filled) {
  const Entered entered(*this);
  const std::uint32_t id = event.runtime_handle;
  if (BodyGather* const gather = state_.gathers.Find(id)) {
    const Execution::Op op(*state_.execution);
    if (!op) return;
    gather->filled += filled;
    if (!GoOnGathering(isolate_.get(), event, *gather)) return;
  }
  v8::Local<v8::Value> arguments[] = {v8::Integer::NewFromUnsigned(isolate_.get(), id)};
  Call(entered.context, Callback::kBodyArrived, arguments);
  Checkpoint(entered.context);
  FailOrphans(entered.context);
}

void JsRuntime::Impl::DispatchMessages(std::span<const WebSocketEvent> batch) {
  constexpr std::uint16_t kInternalError = 1011;
  const Entered entered(*this);
  v8::Isolate* isolate = isolate_.get();
  for (const WebSocketEvent& event : batch) {
    const std::uint32_t id = event.peer->runtime_handle;
    if (state_.web_sockets.Find(id) != event.peer) continue;
    const v8::HandleScope handle_scope(isolate);
    const v8::Local<v8::Value> handle = v8::Integer::NewFromUnsigned(isolate, id);
    if (event.kind == WebSocketEvent::Kind::kClosed) {
      state_.web_sockets.Remove(id);
      v8::Local<v8::String> reason;
      if (!ToV8(isolate, event.data).ToLocal(&reason)) reason = v8::String::Empty(isolate);
      v8::Local<v8::Value> arguments[] = {handle, v8::Integer::New(isolate, event.code), reason,
                                          v8::Boolean::New(isolate, event.clean),
                                          v8::Boolean::New(isolate, event.failed)};
      Call(entered.context, Callback::kWebSocketClosed, arguments);
    } else {
      v8::Local<v8::Value> message;
      bool taken = false;
      if (MessageValue(isolate, event).ToLocal(&message)) {
        v8::Local<v8::Value> arguments[] = {handle, message};
        taken = Call(entered.context, Callback::kWebSocketMessage, arguments);
      } else {
        state_.host->UncaughtError("WebSocket", "there is no memory for a message");
      }
      // The function catches what listeners throw, so there is no memory, the script was terminated or its stack is
      // full.
      if (!taken) {
        const Execution::Op op(*state_.execution);
        if (!op) return;
        event.peer->Close(kInternalError, {});
      }
    }
    Checkpoint(entered.context);
  }
  FailOrphans(entered.context);
}

void JsRuntime::Impl::Invoke(std::string_view event, std::string_view detail_json) {
  const Entered entered(*this);
  v8::Local<v8::String> name, json;
  v8::Local<v8::Value> detail;
  JSD_CHECK(ToV8(isolate_.get(), event).ToLocal(&name) && ToV8(isolate_.get(), detail_json).ToLocal(&json));
  JSD_CHECK(v8::JSON::Parse(entered.context, json).ToLocal(&detail));
  v8::Local<v8::Value> arguments[] = {name, detail};
  Call(entered.context, Callback::kInvoke, arguments);
  Checkpoint(entered.context);
  FailOrphans(entered.context);
}

void JsRuntime::Impl::Load(const std::string& path, bool as_app, Loaded loaded) {
  JSD_CHECK(!loaded_);
  loading_app_ = as_app;
  loaded_ = std::move(loaded);
  {
    const Entered entered(*this);
    v8::TryCatch try_catch(isolate_.get());
    v8::Local<v8::Promise> evaluation;
    const bool started = modules_->LoadMain(entered.context, path).ToLocal(&evaluation);
    if (EndCall(try_catch.HasTerminated())) {
      FinishLoading(ScriptError{std::string(kTerminatedLoading)});
    } else if (!started) {
      FinishLoading(DescribeFailure(entered.context, try_catch));
    } else {
      evaluation->MarkAsHandled();  // Its failure is told by `loaded`, not as a rejection that nobody handled.
      loading_.Reset(isolate_.get(), evaluation);
      Checkpoint(entered.context);
      CheckLoading(entered.context);
    }
  }
  DeliverLoaded();
}

void JsRuntime::Impl::RunScripts(std::span<const ClassicScript> scripts) {
  const Entered entered(*this);
  v8::Isolate* isolate = isolate_.get();
  for (const ClassicScript& script : scripts) {
    const v8::HandleScope handle_scope(isolate);
    v8::TryCatch try_catch(isolate);
    v8::Local<v8::String> name, text;
    v8::Local<v8::Script> compiled;
    v8::Local<v8::Value> result;
    if (ToV8(isolate, script.name).ToLocal(&name) && ToV8(isolate, script.source).ToLocal(&text)) {
      v8::ScriptOrigin origin(name);
      if (v8::Script::Compile(entered.context, text, &origin).ToLocal(&compiled) &&
          compiled->Run(entered.context).ToLocal(&result)) {
        continue;
      }
    }
    if (!try_catch.CanContinue()) return;
    v8::Local<v8::Value> arguments[] = {try_catch.Exception(), Literal(isolate, "script")};
    Call(entered.context, Callback::kReportException, arguments);
  }
  Checkpoint(entered.context);
}

void JsRuntime::Impl::CheckLoading(v8::Local<v8::Context> context) {
  if (loading_.IsEmpty()) return;
  const v8::Local<v8::Promise> evaluation = loading_.Get(isolate_.get());
  switch (evaluation->State()) {
    case v8::Promise::kFulfilled:
      return FinishLoading(loading_app_ ? InstallApp(context) : std::nullopt);
    case v8::Promise::kRejected:
      return FinishLoading(ScriptError{FormatError(context, evaluation->Result())});
    case v8::Promise::kPending:
      if (has_work() || state_.timers.size() != 0 || state_.ops.pending() != 0 || state_.fetches.size() != 0) return;
      if (loading_terminated_) return FinishLoading(ScriptError{std::string(kTerminatedLoading)});
      return FinishLoading(ScriptError{"a top-level await never settles" + modules_->DescribeStalledAwaits(context)});
  }
}

void JsRuntime::Impl::FinishLoading(std::optional<ScriptError> error) {
  loading_.Reset();
  modules_->Settle();
  load_finished_ = true;
  load_error_ = std::move(error);
}

void JsRuntime::Impl::DeliverLoaded() {
  if (!std::exchange(load_finished_, false)) return;
  std::exchange(loaded_, nullptr)(std::exchange(load_error_, std::nullopt));
}

v8::Local<v8::Object> JsRuntime::Impl::MakeEnv(v8::Local<v8::Context> context) {
  const v8::Local<v8::Object> env = v8::Object::New(isolate_.get());
  for (const auto& [name, value] : env_) {
    v8::Local<v8::String> key, text;
    JSD_CHECK(ToV8(isolate_.get(), name).ToLocal(&key) && ToV8(isolate_.get(), value).ToLocal(&text));
    JSD_CHECK(env->CreateDataProperty(context, key, text).FromMaybe(false));
  }
  return env;
}

std::optional<ScriptError> JsRuntime::Impl::InstallApp(v8::Local<v8::Context> context) {
  v8::TryCatch try_catch(isolate_.get());
  v8::Local<v8::Value> arguments[] = {modules_->MainNamespace(isolate_.get()), MakeEnv(context)};
  v8::Local<v8::Value> has_handler;
  const bool returned = state_.callbacks.Get(isolate_.get(), Callback::kInstallApp)
                            ->Call(context, v8::Undefined(isolate_.get()), 2, arguments)
                            .ToLocal(&has_handler);
  if (EndCall(try_catch.HasTerminated())) return ScriptError{std::string(kTerminatedLoading)};
  if (!returned) return DescribeFailure(context, try_catch);
  if (has_handler->IsTrue()) return std::nullopt;
  return ScriptError{
      "the script has no handler: it must `export default { fetch(request) { … } }` or call "
      "`addEventListener('fetch', …)`"};
}

void JsRuntime::Impl::TakeFinishedOps(v8::Local<v8::Context> context) {
  v8::Isolate* isolate = isolate_.get();
  if (state_.ops.pending() == 0) return;
  const auto finished = state_.ops.Take();
  if (finished.empty() || !state_.execution->BeginCall()) return;
  v8::LocalVector<v8::Value> results(isolate);
  for (const auto& op : finished) {
    v8::TryCatch try_catch(isolate);
    v8::Local<v8::Value> value;
    const bool made = op.make_value(context).ToLocal(&value);
    if (EndCall(try_catch.HasTerminated())) continue;
    results.push_back(v8::Integer::NewFromUnsigned(isolate, op.id));
    results.push_back(v8::Boolean::New(isolate, made));
    results.push_back(made ? value : try_catch.Exception());
  }
  v8::Local<v8::Value> arguments[] = {v8::Array::New(isolate, results.data(), results.size())};
  Call(context, Callback::kRecv, arguments);
  Checkpoint(context);
}

void JsRuntime::Impl::TakeFetchEvents(v8::Local<v8::Context> context) {
  if (!state_.fetches.has_news()) return;
  TellFetches(context,
              [&](std::span<v8::Local<v8::Value>> arguments) { Call(context, Callback::kFetchEvent, arguments); });
  Checkpoint(context);
}

void JsRuntime::Impl::FireTimers(v8::Local<v8::Context> context) {
  if (state_.timers.size() == 0) return;
  // Timers that are made meanwhile wait for the next turn, however short they are.
  const auto now = TimerQueue::Clock::now();
  while (const auto timer = state_.timers.TakeDue(now)) {
    const v8::HandleScope handle_scope(isolate_.get());
    v8::Local<v8::Value> arguments[] = {v8::Integer::NewFromUnsigned(isolate_.get(), timer->id)};
    RuntimeState::SetCurrentRequest(isolate_.get(), timer->request);
    Call(context, Callback::kFireTimer, arguments);
    RuntimeState::SetCurrentRequest(isolate_.get(), 0);
    Checkpoint(context);
  }
}

std::optional<TimerQueue::Clock::time_point> JsRuntime::Impl::next_due() {
  const auto timer = state_.timers.next_due();
  return timer && next_task_ ? std::min(*timer, *next_task_) : timer ? timer : next_task_;
}

bool JsRuntime::Impl::has_work() {
  if (woken_.load(std::memory_order_acquire)) return true;
  const auto due = next_due();
  return due && *due <= TimerQueue::Clock::now();
}

PollResult JsRuntime::Impl::Poll() {
  if (has_work() || !loading_.IsEmpty()) {
    woken_.store(false, std::memory_order_release);
    {
      const Entered entered(*this);
      if (isolate_.tasks().RunDue()) {
        EndCall(isolate_.get()->IsExecutionTerminating());
        Checkpoint(entered.context);
      }
      next_task_ = isolate_.tasks().next_due();
      TakeFinishedOps(entered.context);
      TakeFetchEvents(entered.context);
      FireTimers(entered.context);
      CheckLoading(entered.context);
      FailOrphans(entered.context);
    }
    DeliverLoaded();
  }
  PollResult result;
  result.next_timer = next_due();
  result.pending = state_.timers.size() != 0 || state_.ops.pending() != 0 || state_.fetches.size() != 0 ||
                   woken_.load(std::memory_order_acquire);
  return result;
}

std::unique_ptr<JsRuntime> JsRuntime::Create(const RuntimeOptions& options) {
  return std::unique_ptr<JsRuntime>(new JsRuntime(std::make_unique<Impl>(options)));
}

JsRuntime::JsRuntime(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
JsRuntime::~JsRuntime() = default;

void JsRuntime::LoadApp(const std::string& path, Loaded loaded) { impl_->Load(path, true, std::move(loaded)); }
void JsRuntime::LoadModule(const std::string& path, Loaded loaded) { impl_->Load(path, false, std::move(loaded)); }
void JsRuntime::RunScripts(std::span<const ClassicScript> scripts) { impl_->RunScripts(scripts); }
void JsRuntime::Dispatch(std::span<RequestEvent* const> batch) { impl_->Dispatch(batch); }
void JsRuntime::Cancel(RequestEvent& event, std::string_view reason) { impl_->Cancel(event, reason); }
void JsRuntime::Drained(RequestEvent& event) { impl_->Drained(event); }
void JsRuntime::BodyArrived(RequestEvent& event, std::size_t filled) { impl_->BodyArrived(event, filled); }
void JsRuntime::DispatchMessages(std::span<const WebSocketEvent> batch) { impl_->DispatchMessages(batch); }
void JsRuntime::Invoke(std::string_view event, std::string_view detail_json) { impl_->Invoke(event, detail_json); }
PollResult JsRuntime::Poll() { return impl_->Poll(); }
std::optional<std::chrono::steady_clock::time_point> JsRuntime::next_timer() const { return impl_->next_due(); }
void JsRuntime::FailRequests(FailReason reason) {
  EventTable& events = impl_->state_.events;
  for (const std::uint32_t handle : events.Handles()) {
    RequestEvent* const event = events.Find(handle);
    events.Remove(handle);
    event->Fail(reason);
  }
  auto& web_sockets = impl_->state_.web_sockets;
  for (const std::uint32_t handle : web_sockets.Handles()) {
    WebSocketPeer* const peer = web_sockets.Find(handle);
    web_sockets.Remove(handle);
    peer->lent_to = nullptr;
    peer->Close(kGoingAway, {});
  }
}
std::size_t JsRuntime::pending_requests() const {
  return impl_->state_.events.size() + impl_->state_.web_sockets.size();
}
std::size_t JsRuntime::pending_background_work() const { return impl_->state_.waiting_until; }
bool JsRuntime::exhausted() const { return impl_->limiter_->exhausted(); }
std::size_t JsRuntime::terminated_requests() const { return impl_->terminated_requests_; }
std::size_t JsRuntime::buffer_bytes() const { return impl_->allocator_->used(); }
void JsRuntime::Terminate() { impl_->limiter_->Request(); }

void JsRuntime::AddNearHeapLimitCallback(NearHeapLimit callback) {
  JSD_CHECK(!impl_->near_heap_limit_);
  impl_->near_heap_limit_ = std::move(callback);
  impl_->isolate_.get()->AddNearHeapLimitCallback(Impl::OnNearHeapLimit, impl_.get());
}

void JsRuntime::RemoveNearHeapLimitCallback() {
  JSD_CHECK(impl_->near_heap_limit_);
  impl_->isolate_.get()->RemoveNearHeapLimitCallback(Impl::OnNearHeapLimit, 0);
  impl_->near_heap_limit_ = nullptr;
}

bool ConfigureV8(const std::vector<std::string>& flags, std::string* error) { return Platform::SetFlags(flags, error); }

const char* V8Version() { return v8::V8::GetVersion(); }

}  // namespace jsd

#include "core/js_runtime.h"

#include <v8.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "core/bindings.h"
#include "core/bootstrap_files.h"
#include "core/check.h"
#include "core/fatal_errors.h"
#include "core/js_runtime_impl.h"
#include "core/ops/fetch.h"
#include "core/ops/wasm_streaming.h"
#include "core/script_text.h"
#include "core/snapshot.h"
#include "core/value.h"

namespace jsd {
namespace {

// How long freed memory of large buffers is kept, at least.
constexpr std::chrono::seconds kTrimPeriod{1};

}  // namespace

JsRuntime::Impl::Impl(const RuntimeOptions& options)
    : env_(options.env),
      allocator_(std::make_shared<ArrayBufferAllocator>(options.buffer_limit)),
      external_references_(ExternalReferences(AllBindings())) {
  JSD_CHECK(options.host != nullptr);
  state_.execution = options.execution != nullptr ? options.execution : &unwatched_;
  // The order of docs/architecture.md; the platform is there since `isolate_` is.
  if (!options.script.empty()) read_ahead_ = ReadAhead(options.script, options.modules.cache_folder);
  InitializeIsolate(options);
  v8::Isolate* isolate = isolate_.get();
  limiter_.emplace(isolate, state_, Limiter::Limits{options.slice_limit, options.cpu_limit, options.heap_limit});
  const v8::Isolate::Scope isolate_scope(isolate);
  const v8::HandleScope handle_scope(isolate);
  const v8::Local<v8::Context> context = v8::Context::New(isolate);
  const v8::Context::Scope context_scope(context);
  context_.Reset(isolate, context);
  AttachState(options);
  if (options.use_snapshot) {
    RestoreCallbacks(context, &state_.callbacks);
  } else {
    RunBootstrap(context);
  }
  if (!options.eval) {
    context->AllowCodeGenerationFromStrings(false);
    context->SetErrorMessageForCodeGenerationFromStrings(
        Literal(isolate, "Code generation from strings is disallowed for this app: [app] eval = true would allow it"));
  }
  // From here on script code may run, and find its runtime.
  isolate->SetPromiseRejectCallback(RejectionTracker::OnPromiseReject);
  isolate->SetPrepareStackTraceCallback(PrepareStackTrace);
  isolate->AddMessageListener(OnMessage);
  modules_.emplace(isolate, options.modules);
  state_.modules = &*modules_;
  const auto wake_up = [this] {
    woken_.store(true, std::memory_order_release);
    state_.host->WakeUp();
  };
  isolate_.tasks().set_wake_up(wake_up);
  state_.ops.set_wake_up(wake_up);
  state_.fetches.Connect(options.http_client, wake_up);
  state_.broadcasts.Connect(options.broadcasts, wake_up);
  state_.web_socket_clients.Connect(options.http_client, wake_up);
}

JsRuntime::Impl::~Impl() {
  state_.execution->Forget(*limiter_);
  JSD_CHECK((state_.events.size() == 0 && state_.web_sockets.size() == state_.own_web_sockets) ||
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

void JsRuntime::Impl::AttachState(const RuntimeOptions& options) {
  state_.host = options.host;
  state_.permissions = options.permissions;
  state_.buffers = allocator_;
  state_.env = &env_;
  state_.Attach(isolate_.get());
}

void JsRuntime::Impl::RunBootstrap(v8::Local<v8::Context> context) {
  std::string error;
  const bool ran = RunBootstrapFiles(context, MakeCoreObject(context, AllBindings()), &error);
  if (!ran) std::fprintf(stderr, "%s\n", error.c_str());
  JSD_CHECK(ran);
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
  RuntimeState::From(isolate).host->UncaughtError("microtask", FormatError(isolate->GetCurrentContext(), error));
}

std::size_t JsRuntime::Impl::OnNearHeapLimit(void* data, std::size_t current, std::size_t initial) {
  return static_cast<Impl*>(data)->near_heap_limit_(current, initial);
}

std::string JsRuntime::Impl::FormatError(v8::Local<v8::Context> context, v8::Local<v8::Value> error) {
  v8::Isolate* isolate = context->GetIsolate();
  v8::TryCatch try_catch(isolate);
  v8::Local<v8::Value> arguments[] = {error};
  v8::Local<v8::Value> report;
  const bool formatted = RuntimeState::From(isolate)
                             .callbacks.Get(isolate, Callback::kFormatError)
                             ->Call(context, v8::Undefined(isolate), 1, arguments)
                             .ToLocal(&report);
  return DescribeValue(context, formatted ? report : error);
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
  // JavaScript had no chance to put back what it had set.
  isolate_.get()->SetContinuationPreservedEmbedderData(v8::Undefined(isolate_.get()));
  DropGarbage();
  return true;
}

// What was terminated may have left a heap that is nearly full, and whatever runs next would be ended for it.
void JsRuntime::Impl::DropGarbage() {
  if (last_reason_ == Termination::Reason::kHeap || !state_.execution->BeginCall()) return;
  v8::HeapStatistics statistics;
  isolate_.get()->GetHeapStatistics(&statistics);
  if (statistics.used_heap_size() > statistics.heap_size_limit() / 2) isolate_.get()->LowMemoryNotification();
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

void JsRuntime::Impl::EndTurn(v8::Local<v8::Context> context) {
  Checkpoint(context);
  FailOrphans(context);
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

// Each message is a task of its own. What comes meanwhile waits for the next turn.
void JsRuntime::Impl::TakeBroadcasts(v8::Local<v8::Context> context) {
  if (state_.broadcasts.empty()) return;
  std::size_t dropped;
  for (auto& [channel, message] : state_.broadcasts.Take(dropped)) {
    const v8::HandleScope handle_scope(isolate_.get());
    state_.broadcasts.current = std::move(message);
    v8::Local<v8::Value> arguments[] = {v8::Integer::NewFromUnsigned(isolate_.get(), channel)};
    Call(context, Callback::kBroadcast, arguments);
    state_.broadcasts.current.reset();
    Checkpoint(context);
  }
  if (dropped == 0) return;
  state_.host->Console(ConsoleLevel::kWarn, "BroadcastChannel: " + std::to_string(dropped) +
                                                " messages were dropped, because the script was too busy to read them");
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
  const auto next = timer && next_task_ ? std::min(*timer, *next_task_) : timer ? timer : next_task_;
  if (allocator_->kept() == 0) [[likely]]
    return next;
  if (!next_trim_) next_trim_ = TimerQueue::Clock::now() + kTrimPeriod;
  return next ? std::min(*next, *next_trim_) : next_trim_;
}

void JsRuntime::Impl::TrimBuffers() {
  if (!next_trim_ || *next_trim_ > TimerQueue::Clock::now()) return;
  next_trim_.reset();
  allocator_->Trim();
}

bool JsRuntime::Impl::has_work() {
  if (woken_.load(std::memory_order_acquire)) return true;
  const auto due = next_due();
  return due && *due <= TimerQueue::Clock::now();
}

PollResult JsRuntime::Impl::Poll() {
  TrimBuffers();
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
      TakeBroadcasts(entered.context);
      TakeWebSocketEvents(entered.context);
      FireTimers(entered.context);
      CheckLoading(entered.context);
      FailOrphans(entered.context);
    }
    DeliverLoaded();
  }
  PollResult result;
  result.next_timer = next_due();
  result.pending = awaits_something() || woken_.load(std::memory_order_acquire);
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
std::size_t JsRuntime::Dispatch(std::span<RequestEvent* const> batch) { return impl_->Dispatch(batch); }
void JsRuntime::Cancel(RequestEvent& event, std::string_view reason) { impl_->Cancel(event, reason); }
void JsRuntime::Drained(RequestEvent& event) { impl_->Drained(event); }
void JsRuntime::BodyArrived(RequestEvent& event, std::size_t filled) { impl_->BodyArrived(event, filled); }
void JsRuntime::DispatchMessages(std::span<const WebSocketEvent> batch) { impl_->DispatchMessages(batch); }
void JsRuntime::Invoke(std::string_view event, std::string_view detail_json) { impl_->Invoke(event, detail_json); }
void JsRuntime::FailRequests(FailReason reason) { impl_->FailRequests(reason); }
PollResult JsRuntime::Poll() { return impl_->Poll(); }
std::optional<std::chrono::steady_clock::time_point> JsRuntime::next_timer() const { return impl_->next_due(); }
std::size_t JsRuntime::pending_requests() const {
  return impl_->state_.events.size() + impl_->state_.web_sockets.size() - impl_->state_.own_web_sockets;
}
std::size_t JsRuntime::pending_background_work() const { return impl_->state_.waiting_until; }
std::size_t JsRuntime::heap_bytes() const {
  v8::HeapStatistics statistics;
  impl_->isolate_.get()->GetHeapStatistics(&statistics);
  return statistics.used_heap_size();
}
std::size_t JsRuntime::handle_bytes() const {
  v8::HeapStatistics statistics;
  impl_->isolate_.get()->GetHeapStatistics(&statistics);
  return statistics.used_global_handles_size();
}
std::size_t JsRuntime::pending_timers() const { return impl_->state_.timers.size(); }

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

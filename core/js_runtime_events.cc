// What comes to a runtime from outside: requests and what becomes of them, WebSocket messages, the process's own
// events.
#include "core/check.h"
#include "core/js_runtime_impl.h"
#include "core/ops/web_socket.h"
#include "core/value.h"

namespace jsd {
namespace {

constexpr std::uint16_t kGoingAway = 1001;
constexpr std::uint16_t kInternalError = 1011;

}  // namespace

std::size_t JsRuntime::Impl::Dispatch(std::span<RequestEvent* const> batch) {
  const Entered entered(*this);
  v8::Isolate* isolate = isolate_.get();
  const v8::Local<v8::Function> handle = state_.callbacks.Get(isolate, Callback::kDispatchFetch);
  const v8::Local<v8::Value> receiver = v8::Undefined(isolate);
  v8::TryCatch try_catch(isolate);
  std::size_t taken = 0;
  for (RequestEvent* event : batch) {
    if (!state_.execution->BeginCall()) return batch.size();
    ++taken;
    const v8::HandleScope handle_scope(isolate);
    const std::uint32_t id = state_.events.Add(*event);
    v8::Local<v8::Value> arguments[] = {v8::Integer::NewFromUnsigned(isolate, id)};
    isolate->SetContinuationPreservedEmbedderData(arguments[0]);
    if (!handle->Call(entered.context, receiver, 1, arguments).IsEmpty() && !limiter_->terminating()) continue;
    // The function catches what handlers throw, so this is a termination or a full stack.
    if (EndCall(try_catch.HasTerminated())) {
      FailRequest(id);
      if (last_reason_ == Termination::Reason::kHeap) break;
    } else if (state_.events.Find(id) == event) {
      const Execution::Op op(*state_.execution);
      if (!op) return batch.size();
      state_.EndEvent(id);
      event->Fail(FailReason::kHandlerError);
    }
    try_catch.Reset();
  }
  isolate->SetContinuationPreservedEmbedderData(receiver);
  EndTurn(entered.context);
  return taken;
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
  EndTurn(entered.context);
}

void JsRuntime::Impl::Drained(RequestEvent& event) {
  if (state_.fetches.ForwardDrained(event.runtime_handle)) return;
  const Entered entered(*this);
  v8::Local<v8::Value> arguments[] = {v8::Integer::NewFromUnsigned(isolate_.get(), event.runtime_handle)};
  Call(entered.context, Callback::kStreamDrained, arguments);
  EndTurn(entered.context);
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
  EndTurn(entered.context);
}

void JsRuntime::Impl::DispatchMessages(std::span<const WebSocketEvent> batch) {
  const Entered entered(*this);
  for (const WebSocketEvent& event : batch) {
    if (!DeliverWebSocketEvent(entered.context, event)) return;
  }
  FailOrphans(entered.context);
}

bool JsRuntime::Impl::DeliverWebSocketEvent(v8::Local<v8::Context> context, const WebSocketEvent& event) {
  v8::Isolate* isolate = isolate_.get();
  const std::uint32_t id = event.peer->runtime_handle;
  if (state_.web_sockets.Find(id) != event.peer) return true;
  const v8::HandleScope handle_scope(isolate);
  const v8::Local<v8::Value> handle = v8::Integer::NewFromUnsigned(isolate, id);
  if (event.kind == WebSocketEvent::Kind::kClosed) {
    state_.web_sockets.Remove(id);
    v8::Local<v8::String> reason;
    if (!ToV8(isolate, event.data).ToLocal(&reason)) reason = v8::String::Empty(isolate);
    v8::Local<v8::Value> arguments[] = {handle, v8::Integer::New(isolate, event.code), reason,
                                        v8::Boolean::New(isolate, event.clean),
                                        v8::Boolean::New(isolate, event.failed)};
    Call(context, Callback::kWebSocketClosed, arguments);
  } else {
    v8::Local<v8::Value> message;
    bool taken = false;
    if (MessageValue(isolate, event).ToLocal(&message)) {
      v8::Local<v8::Value> arguments[] = {handle, message};
      taken = Call(context, Callback::kWebSocketMessage, arguments);
    } else {
      state_.host->UncaughtError("WebSocket", "there is no memory for a message");
    }
    // The function catches what listeners throw, so there is no memory, the script was terminated or its stack is
    // full.
    if (!taken) {
      const Execution::Op op(*state_.execution);
      if (!op) return false;
      event.peer->Close(kInternalError, {});
    }
  }
  Checkpoint(context);
  return true;
}

void JsRuntime::Impl::TakeWebSocketEvents(v8::Local<v8::Context> context) {
  WebSocketClients& clients = state_.web_socket_clients;
  if (!clients.has_news()) return;
  v8::Isolate* isolate = isolate_.get();
  for (const std::uint32_t id : clients.TakeReady()) {
    const v8::HandleScope handle_scope(isolate);
    OutgoingWebSocket* socket = clients.Find(id);
    if (socket == nullptr) continue;
    const v8::Local<v8::Value> number = v8::Integer::NewFromUnsigned(isolate, id);
    if (socket->failure()) {
      const HttpClientFailure failure = *socket->failure();
      clients.Drop(id);
      v8::Local<v8::String> code, message;
      if (!ToV8(isolate, failure.code).ToLocal(&code)) code = v8::String::Empty(isolate);
      if (!ToV8(isolate, failure.message).ToLocal(&message)) message = v8::String::Empty(isolate);
      v8::Local<v8::Value> arguments[] = {number, code, message};
      Call(context, Callback::kWebSocketFailed, arguments);
      Checkpoint(context);
      continue;
    }
    if (WebSocketPeer* const peer = socket->TakeOpened()) {
      ++state_.own_web_sockets;
      const std::uint32_t handle = state_.web_sockets.Add(*peer);
      v8::Local<v8::String> protocol;
      if (!ToV8(isolate, socket->protocol()).ToLocal(&protocol)) protocol = v8::String::Empty(isolate);
      v8::Local<v8::Value> arguments[] = {number, v8::Integer::NewFromUnsigned(isolate, handle), protocol};
      Call(context, Callback::kWebSocketOpened, arguments);
      Checkpoint(context);
      socket = clients.Find(id);
    }
    bool closed = false;
    if (socket != nullptr) {
      socket->TakeEvents([&](const WebSocketEvent& event) {
        closed = event.kind == WebSocketEvent::Kind::kClosed;
        return DeliverWebSocketEvent(context, event);
      });
    }
    if (closed) {
      --state_.own_web_sockets;
      clients.Drop(id);
    }
  }
}

void JsRuntime::Impl::Invoke(std::string_view event, std::string_view detail_json) {
  const Entered entered(*this);
  v8::Local<v8::String> name, json;
  v8::Local<v8::Value> detail;
  JSD_CHECK(ToV8(isolate_.get(), event).ToLocal(&name) && ToV8(isolate_.get(), detail_json).ToLocal(&json));
  JSD_CHECK(v8::JSON::Parse(entered.context, json).ToLocal(&detail));
  v8::Local<v8::Value> arguments[] = {name, detail};
  Call(entered.context, Callback::kInvoke, arguments);
  EndTurn(entered.context);
}

void JsRuntime::Impl::FailRequests(FailReason reason) {
  for (const std::uint32_t handle : state_.events.Handles()) {
    RequestEvent* const event = state_.events.Find(handle);
    state_.events.Remove(handle);
    event->Fail(reason);
  }
  for (const std::uint32_t handle : state_.web_sockets.Handles()) {
    WebSocketPeer* const peer = state_.web_sockets.Find(handle);
    state_.web_sockets.Remove(handle);
    peer->lent_to = nullptr;
    peer->Close(kGoingAway, {});
  }
  state_.web_socket_clients.Clear();
  state_.own_web_sockets = 0;
}

}  // namespace jsd

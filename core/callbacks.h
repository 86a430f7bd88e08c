#ifndef JSD_CORE_CALLBACKS_H_
#define JSD_CORE_CALLBACKS_H_

#include <v8.h>

#include <array>
#include <cstddef>
#include <string_view>

namespace jsd {

// JavaScript functions that native code calls. Bootstrap files hand each of them over once, by
// `core.bindCallback(name, function)` (`recv` has a binding of its own); they are found again in a snapshot.
enum class Callback : std::size_t {
  kRecv,                // ([id, ok, value, id, ok, value, …]): async ops that finished.
  kDispatchFetch,       // (handle): one request.
  kCancelFetch,         // (handle, reason): its client is gone, or its time is over.
  kStreamDrained,       // (handle): a streamed reply may go on.
  kSetRequestsAside,    // () → [entry, handle, …] of the requests that only script code can answer; forgets them.
  kTakeRequestsBack,    // ([entry, …]): of those, the ones that script code can still reach.
  kBodyArrived,         // (handle): there is more of a body, or it has ended, or it is gathered.
  kWebSocketMessage,    // (handle, string or ArrayBuffer)
  kWebSocketClosed,     // (handle, code, reason, whether it was clean, whether it failed): the last of a WebSocket.
  kWebSocketOpened,     // (id, handle, protocol): the handshake of one that the script has asked for is done.
  kWebSocketFailed,     // (id, code, message): it is not going to be.
  kFetchEvent,          // (handle, event, …): something has happened to an outgoing request.
  kBroadcast,           // (channel): a BroadcastChannel has been sent a message.
  kFireTimer,           // (id)
  kUnhandledRejection,  // (promise, reason): no handler at the end of the turn.
  kRejectionHandled,    // (promise, reason): it got one later.
  kInvoke,              // (event, detail): the rare events.
  kInstallApp,          // (module namespace, env) → whether there is a handler.
  kFormatError,         // (error) → the report of an uncaught error, with excerpt and stack.
  kPrepareStackTrace,   // (error, call sites) → `error.stack`.
  kMakeDomException,    // (message, name) → a DOMException.
  kReportException,     // (error, origin): one that no script code caught; listeners of `error` hear of it first.
  kWasmStreaming,       // (response, sink): reads a module that WebAssembly compiles as it comes.
  kRequire,             // (path, whether it is JSON) → the `module.exports` of a CommonJS module.
  kLoadBuiltin,         // (name) → the exports of a `node:` module.
  kCount,
};

inline constexpr std::size_t kCallbackCount = static_cast<std::size_t>(Callback::kCount);

// The names that `core.bindCallback` takes, in the order of the enumeration.
inline constexpr std::array<std::string_view, kCallbackCount> kCallbackNames = {
    "recv",
    "dispatchFetch",
    "cancelFetch",
    "streamDrained",
    "setRequestsAside",
    "takeRequestsBack",
    "bodyArrived",
    "webSocketMessage",
    "webSocketClosed",
    "webSocketOpened",
    "webSocketFailed",
    "fetchEvent",
    "broadcast",
    "fireTimer",
    "unhandledRejection",
    "rejectionHandled",
    "invoke",
    "installApp",
    "formatError",
    "prepareStackTrace",
    "makeDomException",
    "reportException",
    "wasmStreaming",
    "require",
    "loadBuiltin",
};

// The cached functions of one runtime.
//
// Owner: the runtime's state. Thread: the runtime's. Lifetime: cleared before the isolate goes.
class CallbackTable {
 public:
  bool Has(Callback callback) const { return !functions_[Index(callback)].IsEmpty(); }
  v8::Local<v8::Function> Get(v8::Isolate* isolate, Callback callback) const {
    return functions_[Index(callback)].Get(isolate);
  }
  void Set(v8::Isolate* isolate, Callback callback, v8::Local<v8::Function> function) {
    functions_[Index(callback)].Reset(isolate, function);
  }
  void Clear() {
    for (auto& function : functions_) function.Reset();
  }

 private:
  static std::size_t Index(Callback callback) { return static_cast<std::size_t>(callback); }
  std::array<v8::Global<v8::Function>, kCallbackCount> functions_;
};

}  // namespace jsd

#endif  // JSD_CORE_CALLBACKS_H_

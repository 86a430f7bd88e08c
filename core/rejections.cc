#include "core/rejections.h"

#include <utility>

#include "core/runtime_state.h"

namespace jsd {

void RejectionTracker::OnPromiseReject(v8::PromiseRejectMessage message) {
  const v8::Local<v8::Promise> promise = message.GetPromise();
  v8::Isolate* isolate = promise->GetIsolate();
  RejectionTracker& tracker = RuntimeState::From(isolate).rejections;
  switch (message.GetEvent()) {
    case v8::kPromiseRejectWithNoHandler:
      tracker.unhandled_.push_back(
          {v8::Global<v8::Promise>(isolate, promise), v8::Global<v8::Value>(isolate, message.GetValue())});
      break;
    case v8::kPromiseHandlerAddedAfterReject:
      if (std::erase_if(tracker.unhandled_, [&](const Rejection& rejection) { return rejection.promise == promise; }) ==
          0) {
        tracker.handled_late_.emplace_back(isolate, promise);
      }
      break;
    case v8::kPromiseRejectAfterResolved:
    case v8::kPromiseResolveAfterResolved:
      break;
  }
}

void RejectionTracker::Notify(v8::Local<v8::Context> context) {
  v8::Isolate* isolate = context->GetIsolate();
  const RuntimeState& state = RuntimeState::From(isolate);
  // The listeners may reject more promises; those wait for the next checkpoint.
  const auto unhandled = std::exchange(unhandled_, {});
  const auto handled_late = std::exchange(handled_late_, {});
  for (const Rejection& rejection : unhandled) {
    const v8::HandleScope handle_scope(isolate);
    if (rejection.promise.Get(isolate)->HasHandler()) continue;
    v8::TryCatch try_catch(isolate);
    v8::Local<v8::Value> arguments[] = {rejection.promise.Get(isolate), rejection.reason.Get(isolate)};
    if (state.callbacks.Get(isolate, Callback::kUnhandledRejection)
            ->Call(context, v8::Undefined(isolate), 2, arguments)
            .IsEmpty() &&
        !try_catch.CanContinue()) {
      return;
    }
  }
  for (const auto& promise : handled_late) {
    const v8::HandleScope handle_scope(isolate);
    v8::TryCatch try_catch(isolate);
    v8::Local<v8::Value> arguments[] = {promise.Get(isolate), promise.Get(isolate)->Result()};
    if (state.callbacks.Get(isolate, Callback::kRejectionHandled)
            ->Call(context, v8::Undefined(isolate), 2, arguments)
            .IsEmpty() &&
        !try_catch.CanContinue()) {
      return;
    }
  }
}

}  // namespace jsd

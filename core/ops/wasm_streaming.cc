#include "core/ops/wasm_streaming.h"

#include <cstdint>
#include <memory>
#include <string_view>

#include "core/check.h"
#include "core/runtime_state.h"
#include "core/value.h"

namespace jsd {
namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;

// sink(bytes): some more. sink(): that was all. sink(undefined, error): the promise rejects with the error. Neither of
// the last two may be followed by another call.
void Sink(const Info& info) {
  const std::shared_ptr<v8::WasmStreaming> streaming = v8::WasmStreaming::Unpack(info.GetIsolate(), info.Data());
  std::string_view bytes;
  if (info.Length() == 0) {
    streaming->Finish();
  } else if (info.Length() == 1) {
    JSD_CHECK(GetBytes(info[0], &bytes));
    streaming->OnBytesReceived(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  } else {
    streaming->Abort(info[1]);
  }
}

// V8 calls it with what the promise that a script passed was fulfilled with.
void Start(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const v8::Local<v8::Context> context = isolate->GetCurrentContext();
  v8::Local<v8::Function> sink;
  if (!v8::Function::New(context, Sink, info.Data(), 0, v8::ConstructorBehavior::kThrow).ToLocal(&sink)) return;
  v8::Local<v8::Value> arguments[] = {info[0], sink};
  // It reports by the sink; only a termination ends it otherwise.
  v8::Local<v8::Value> promise;
  const v8::Local<v8::Function> callback = RuntimeState::From(isolate).callbacks.Get(isolate, Callback::kWasmStreaming);
  if (!callback->Call(context, v8::Undefined(isolate), 2, arguments).ToLocal(&promise)) return;
}

}  // namespace

void EnableWasmStreaming(v8::Isolate* isolate) { isolate->SetWasmStreamingCallback(Start); }

}  // namespace jsd

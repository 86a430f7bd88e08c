#include "core/ops/broadcast.h"

#include <memory>
#include <utility>

#include "core/check.h"
#include "core/ops/structured_clone.h"
#include "core/runtime_state.h"
#include "core/value.h"

namespace jsd {
namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;

// The locks of a group are other workers' too, so a thread must not be given up while it holds one: each of the
// following is an Execution::Op.

// broadcastJoin(name) → the number of the channel. A name is any sequence of code units, so two of them make a byte
// string that no other name has.
void Join(const Info& info) {
  JSD_CHECK(info.Length() == 1 && info[0]->IsString());
  v8::Isolate* isolate = info.GetIsolate();
  const v8::Local<v8::String> text = info[0].As<v8::String>();
  std::string name(static_cast<std::size_t>(text->Length()) * 2, '\0');
  text->WriteV2(isolate, 0, static_cast<std::uint32_t>(text->Length()), reinterpret_cast<std::uint16_t*>(name.data()));
  RuntimeState& state = RuntimeState::From(isolate);
  const Execution::Op op(*state.execution);
  if (op) info.GetReturnValue().Set(state.broadcasts.Join(std::move(name)));
}

// broadcastLeave(channel)
void Leave(const Info& info) {
  JSD_CHECK(info.Length() == 1 && info[0]->IsUint32());
  RuntimeState& state = RuntimeState::From(info.GetIsolate());
  const Execution::Op op(*state.execution);
  if (op) state.broadcasts.Leave(info[0].As<v8::Uint32>()->Value());
}

// broadcastPost(channel, value, writeObjects); see SerializedValue::Write.
void Post(const Info& info) {
  JSD_CHECK(info.Length() == 3 && info[0]->IsUint32() && info[2]->IsFunction());
  v8::Isolate* isolate = info.GetIsolate();
  std::shared_ptr<const SerializedValue> message =
      SerializedValue::Write(isolate->GetCurrentContext(), info[1], info[2].As<v8::Function>());
  if (!message) return;
  RuntimeState& state = RuntimeState::From(isolate);
  const Execution::Op op(*state.execution);
  if (!op) return;
  const std::size_t size = message->size();
  state.broadcasts.Post(info[0].As<v8::Uint32>()->Value(), std::move(message), size);
}

// broadcastRead(readObjects) → the message that the runtime is being told of.
void Read(const Info& info) {
  JSD_CHECK(info.Length() == 1 && info[0]->IsFunction());
  v8::Isolate* isolate = info.GetIsolate();
  const auto message = RuntimeState::From(isolate).broadcasts.current;
  JSD_CHECK(message != nullptr);
  v8::Local<v8::Value> value;
  if (message->Read(isolate->GetCurrentContext(), info[0].As<v8::Function>()).ToLocal(&value)) {
    info.GetReturnValue().Set(value);
  }
}

constexpr Binding kBindings[] = {
    {"broadcastJoin", Join},
    {"broadcastLeave", Leave},
    {"broadcastPost", Post},
    {"broadcastRead", Read},
};

}  // namespace

std::span<const Binding> BroadcastBindings() { return kBindings; }

}  // namespace jsd

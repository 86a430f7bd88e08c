#include "core/ops/webidl.h"

#include <cstdint>

namespace jsd {
namespace {

enum BufferKind : std::uint32_t {
  kNone = 0,
  kArrayBuffer = 1,
  kSharedArrayBuffer = 2,
  kView = 4,       // Together with the kind of its buffer.
  kResizable = 8,  // The buffer is resizable or growable.
};

std::uint32_t KindOfBuffer(v8::Local<v8::Value> value) {
  if (value->IsArrayBuffer()) {
    return kArrayBuffer | (value.As<v8::ArrayBuffer>()->IsResizableByUserJavaScript() ? kResizable : kNone);
  }
  if (value->IsSharedArrayBuffer()) {
    const auto store = value.As<v8::SharedArrayBuffer>()->GetBackingStore();
    return kSharedArrayBuffer | (store->IsResizableByUserJavaScript() ? kResizable : kNone);
  }
  return kNone;
}

void GetBufferKind(const v8::FunctionCallbackInfo<v8::Value>& info) {
  const v8::Local<v8::Value> value = info[0];
  if (!value->IsArrayBufferView()) return info.GetReturnValue().Set(KindOfBuffer(value));
  const auto view = value.As<v8::ArrayBufferView>();
  // A small array has no buffer until somebody asks for it, which costs; it is neither shared nor resizable.
  info.GetReturnValue().Set(kView | (view->HasBuffer() ? KindOfBuffer(view->Buffer()) : kArrayBuffer));
}

// As Object.defineProperty would, without the time that it takes to read a descriptor: every event has one.
void DefineUnforgeable(const v8::FunctionCallbackInfo<v8::Value>& info) {
  info[0].As<v8::Object>()->SetAccessorProperty(info[1].As<v8::Name>(), info[2].As<v8::Function>(),
                                                v8::Local<v8::Function>(), v8::DontDelete);
}

// An object with the same map and the same values, private fields too.
void CopyObject(const v8::FunctionCallbackInfo<v8::Value>& info) {
  info.GetReturnValue().Set(info[0].As<v8::Object>()->Clone(info.GetIsolate()));
}

constexpr Binding kBindings[] = {
    {"bufferKind", GetBufferKind}, {"defineUnforgeable", DefineUnforgeable}, {"copyObject", CopyObject}};

}  // namespace

std::span<const Binding> WebIdlBindings() { return kBindings; }

}  // namespace jsd

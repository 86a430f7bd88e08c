#include "core/ops/console.h"

#include "core/check.h"
#include "core/runtime_state.h"
#include "core/value.h"

namespace jsd {
namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;

void ConsoleWrite(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  JSD_CHECK(info.Length() == 2 && info[0]->IsUint32() && info[1]->IsString());
  const auto level = static_cast<ConsoleLevel>(info[0].As<v8::Uint32>()->Value());
  RuntimeState::From(isolate).host->Console(level, ToUtf8(isolate, info[1].As<v8::String>()));
}

// The classes that the console shows in a way of their own. The first test that holds decides.
struct Kind {
  const char* name;
  bool (v8::Value::*test)() const;
};
constexpr Kind kKinds[] = {
    {"Proxy", &v8::Value::IsProxy},
    {"Array", &v8::Value::IsArray},
    {"Error", &v8::Value::IsNativeError},
    {"Function", &v8::Value::IsFunction},
    {"Date", &v8::Value::IsDate},
    {"RegExp", &v8::Value::IsRegExp},
    {"Map", &v8::Value::IsMap},
    {"Set", &v8::Value::IsSet},
    {"Promise", &v8::Value::IsPromise},
    {"TypedArray", &v8::Value::IsTypedArray},
    {"DataView", &v8::Value::IsDataView},
    {"ArrayBuffer", &v8::Value::IsArrayBuffer},
    {"SharedArrayBuffer", &v8::Value::IsSharedArrayBuffer},
    {"MapIterator", &v8::Value::IsMapIterator},
    {"SetIterator", &v8::Value::IsSetIterator},
    {"WeakMap", &v8::Value::IsWeakMap},
    {"WeakSet", &v8::Value::IsWeakSet},
    {"WeakRef", &v8::Value::IsWeakRef},
    {"Number", &v8::Value::IsNumberObject},
    {"String", &v8::Value::IsStringObject},
    {"Boolean", &v8::Value::IsBooleanObject},
    {"BigInt", &v8::Value::IsBigIntObject},
    {"Symbol", &v8::Value::IsSymbolObject},
    {"Generator", &v8::Value::IsGeneratorObject},
    {"Arguments", &v8::Value::IsArgumentsObject},
    {"Module", &v8::Value::IsModuleNamespaceObject},
    {"External", &v8::Value::IsExternal},
};

void KindOf(const Info& info) {
  for (const Kind& kind : kKinds) {
    if (((*info[0])->*kind.test)()) return info.GetReturnValue().Set(Literal(info.GetIsolate(), kind.name));
  }
  info.GetReturnValue().SetEmptyString();
}

void ReturnPair(const Info& info, v8::Local<v8::Value> first, v8::Local<v8::Value> second) {
  v8::Local<v8::Value> pair[] = {first, second};
  info.GetReturnValue().Set(v8::Array::New(info.GetIsolate(), pair, 2));
}

// isPromise(value): whatever its prototype says.
void IsPromise(const Info& info) { info.GetReturnValue().Set(info[0]->IsPromise()); }

void IsProxy(const Info& info) { info.GetReturnValue().Set(info[0]->IsProxy()); }

void ProxyDetails(const Info& info) {
  const auto proxy = info[0].As<v8::Proxy>();
  ReturnPair(info, proxy->GetTarget(), proxy->GetHandler());
}

void PromiseDetails(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const auto promise = info[0].As<v8::Promise>();
  switch (promise->State()) {
    case v8::Promise::kPending:
      return ReturnPair(info, Literal(isolate, "pending"), v8::Undefined(isolate));
    case v8::Promise::kFulfilled:
      return ReturnPair(info, Literal(isolate, "fulfilled"), promise->Result());
    case v8::Promise::kRejected:
      return ReturnPair(info, Literal(isolate, "rejected"), promise->Result());
  }
}

void PreviewEntries(const Info& info) {
  bool is_key_value = false;
  v8::Local<v8::Array> entries;
  if (info[0].As<v8::Object>()->PreviewEntries(&is_key_value).ToLocal(&entries)) {
    ReturnPair(info, entries, v8::Boolean::New(info.GetIsolate(), is_key_value));
  }
}

void OwnNonIndexKeys(const Info& info) {
  v8::Local<v8::Array> keys;
  if (info[0]
          .As<v8::Object>()
          ->GetPropertyNames(info.GetIsolate()->GetCurrentContext(), v8::KeyCollectionMode::kOwnOnly,
                             v8::PropertyFilter::ONLY_ENUMERABLE, v8::IndexFilter::kSkipIndices)
          .ToLocal(&keys)) {
    info.GetReturnValue().Set(keys);
  }
}

constexpr Binding kBindings[] = {
    {"consoleWrite", ConsoleWrite},     {"kindOf", KindOf},
    {"isPromise", IsPromise},           {"isProxy", IsProxy},
    {"proxyDetails", ProxyDetails},     {"promiseDetails", PromiseDetails},
    {"previewEntries", PreviewEntries}, {"ownNonIndexKeys", OwnNonIndexKeys},
};

}  // namespace

std::span<const Binding> ConsoleBindings() { return kBindings; }

}  // namespace jsd

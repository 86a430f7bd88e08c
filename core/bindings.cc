#include "core/bindings.h"

#include "core/check.h"
#include "core/ops/base64.h"
#include "core/ops/broadcast.h"
#include "core/ops/compression.h"
#include "core/ops/console.h"
#include "core/ops/crypto.h"
#include "core/ops/crypto_asymmetric.h"
#include "core/ops/crypto_key.h"
#include "core/ops/crypto_symmetric.h"
#include "core/ops/encoding.h"
#include "core/ops/fetch.h"
#include "core/ops/fetch_event.h"
#include "core/ops/file.h"
#include "core/ops/modules.h"
#include "core/ops/multipart.h"
#include "core/ops/node_crypto.h"
#include "core/ops/request_body.h"
#include "core/ops/runtime.h"
#include "core/ops/structured_clone.h"
#include "core/ops/timers.h"
#include "core/ops/url.h"
#include "core/ops/web_socket.h"
#include "core/ops/webidl.h"
#include "core/value.h"
#include "core/version.h"

namespace jsd {

const std::vector<Binding>& AllBindings() {
  static const std::vector<Binding> bindings = [] {
    std::vector<Binding> all;
    // clang-format off
    const std::span<const Binding> capabilities[] = {
        Base64Bindings(),
        BroadcastBindings(),
        CompressionBindings(),
        ConsoleBindings(),
        CryptoAsymmetricBindings(),
        CryptoBindings(),
        CryptoKeyBindings(),
        CryptoSymmetricBindings(),
        EncodingBindings(),
        FetchBindings(),
        FetchEventBindings(),
        FileBindings(),
        ModuleBindings(),
        MultipartBindings(),
        NodeCryptoBindings(),
        RequestBodyBindings(),
        RuntimeBindings(),
        StructuredCloneBindings(),
        TimerBindings(),
        UrlBindings(),
        WebIdlBindings(),
        WebSocketBindings(),
    };
    // clang-format on
    for (const auto capability : capabilities) all.insert(all.end(), capability.begin(), capability.end());
    return all;
  }();
  return bindings;
}

std::vector<std::intptr_t> ExternalReferences(std::span<const Binding> bindings) {
  std::vector<std::intptr_t> references;
  references.reserve(bindings.size() + 1);
  for (const Binding& binding : bindings) references.push_back(reinterpret_cast<std::intptr_t>(binding.function));
  references.push_back(0);
  return references;
}

std::string BindingsFingerprint(std::span<const Binding> bindings) {
  std::string names;
  for (const Binding& binding : bindings) names.append(binding.name).push_back('\n');
  return names;
}

v8::Local<v8::Object> MakeCoreObject(v8::Local<v8::Context> context, std::span<const Binding> bindings) {
  v8::Isolate* isolate = context->GetIsolate();
  const auto make = [&] { return v8::Object::New(isolate, v8::Null(isolate), nullptr, nullptr, 0); };
  const auto set = [&](v8::Local<v8::Object> object, const char* name, v8::Local<v8::Value> value) {
    JSD_CHECK(object->Set(context, Literal(isolate, name), value).FromJust());
  };
  const v8::Local<v8::Object> ops = make();
  const v8::Local<v8::Object> async_ops = make();
  const v8::Local<v8::Array> names = v8::Array::New(isolate, static_cast<int>(bindings.size()));
  for (std::uint32_t id = 0; id < bindings.size(); ++id) {
    const Binding& binding = bindings[id];
    // `ops` is every function's data: `send` finds the others there.
    const v8::Local<v8::Function> function =
        v8::Function::New(context, binding.function, ops, 0, v8::ConstructorBehavior::kThrow).ToLocalChecked();
    function->SetName(Literal(isolate, binding.name));
    JSD_CHECK(!ops->HasOwnProperty(context, Literal(isolate, binding.name)).FromJust());
    set(ops, binding.name, function);
    JSD_CHECK(names->Set(context, id, Literal(isolate, binding.name)).FromJust());
    if (binding.kind == OpKind::kAsync) set(async_ops, binding.name, v8::True(isolate));
  }
  const v8::Local<v8::Object> core = make();
  set(core, "ops", ops);
  set(core, "asyncOps", async_ops);
  set(core, "opNames", names);
  set(core, "version", Literal(isolate, kVersion));
  return core;
}

}  // namespace jsd

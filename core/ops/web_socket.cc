#include "core/ops/web_socket.h"

#include <ada.h>
#include <icu_simdutf.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "core/check.h"
#include "core/guarded.h"
#include "core/ops/outgoing_url.h"
#include "core/request_event.h"
#include "core/runtime_state.h"
#include "core/value.h"
#include "core/web_socket.h"

namespace jsd {
namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;

std::uint32_t HandleOf(const Info& info) { return info[0].As<v8::Uint32>()->Value(); }

WebSocketPeer* FindPeer(const Info& info) {
  return RuntimeState::From(info.GetIsolate()).web_sockets.Find(HandleOf(info));
}

RequestEvent* FindEvent(const Info& info) { return RuntimeState::From(info.GetIsolate()).events.Find(HandleOf(info)); }

void WebSocketUpgradable(const Info& info) {
  const RequestEvent* event = FindEvent(info);
  info.GetReturnValue().Set(event != nullptr && event->upgradable());
}

void WebSocketUpgrade(const Info& info) {
  RequestEvent* const event = FindEvent(info);
  if (event == nullptr || !event->upgradable()) return info.GetReturnValue().Set(-1);
  RuntimeState& state = RuntimeState::From(info.GetIsolate());
  const std::string fields = Latin1Text(info.GetIsolate(), info[1]);
  state.events.Remove(HandleOf(info));
  info.GetReturnValue().Set(state.web_sockets.Add(event->Upgrade(fields)));
}

void WebSocketSend(const Info& info) {
  WebSocketPeer* const peer = FindPeer(info);
  if (peer == nullptr) return;
  if (!info[1]->IsString()) {
    std::string_view bytes;
    JSD_CHECK(GetBytes(info[1], &bytes));
    return peer->Send(WebSocketPeer::Kind::kBinary, bytes);
  }
  v8::Isolate* const isolate = info.GetIsolate();
  const auto text = info[1].As<v8::String>();
  {
    // Nothing may allocate in V8's heap while the view lives; a session does not.
    const v8::String::ValueView view(isolate, text);
    const char* const data = reinterpret_cast<const char*>(view.data8());
    const auto length = static_cast<std::size_t>(view.length());
    if (view.is_one_byte() && simdutf::validate_ascii(data, length)) {
      return peer->Send(WebSocketPeer::Kind::kText, {data, length});
    }
  }
  peer->Send(WebSocketPeer::Kind::kText, ToUtf8(isolate, text));
}

void WebSocketClose(const Info& info) {
  WebSocketPeer* const peer = FindPeer(info);
  if (peer == nullptr) return;
  peer->Close(static_cast<std::uint16_t>(info[1].As<v8::Uint32>()->Value()),
              ToUtf8(info.GetIsolate(), info[2].As<v8::String>()));
}

void WebSocketBufferedAmount(const Info& info) {
  const WebSocketPeer* const peer = FindPeer(info);
  info.GetReturnValue().Set(peer == nullptr ? 0.0 : static_cast<double>(peer->buffered_amount()));
}

void WebSocketExtensions(const Info& info) {
  const WebSocketPeer* const peer = FindPeer(info);
  if (peer == nullptr) return info.GetReturnValue().SetEmptyString();
  info.GetReturnValue().Set(ToV8Latin1(info.GetIsolate(), peer->extensions()).ToLocalChecked());
}

// ---- Those that the script asks for ----

void WebSocketConnect(const Info& info) {
  v8::Isolate* const isolate = info.GetIsolate();
  RuntimeState& state = RuntimeState::From(isolate);
  if (!state.web_socket_clients.connected()) return info.GetReturnValue().Set(0);
  const auto url = ada::parse<ada::url_aggregator>(Latin1Text(isolate, info[0]));
  JSD_CHECK(url.has_value());
  const OutgoingUrl to(*url);
  if (!state.permissions.AllowsNet(to.host, to.port)) {
    return ThrowDomException(isolate, "NotAllowedError", Permissions::NetRefusal(to.host, to.port));
  }
  const std::string fields = Latin1Text(isolate, info[1]);
  OutgoingRequest request;
  request.method = "GET";
  to.PutInto(request);
  request.fields = fields;
  info.GetReturnValue().Set(state.web_socket_clients.Start(request).id());
}

void WebSocketAbandon(const Info& info) {
  RuntimeState::From(info.GetIsolate()).web_socket_clients.Drop(info[0].As<v8::Uint32>()->Value());
}

constexpr Binding kBindings[] = {
    {"webSocketUpgradable", Guarded<WebSocketUpgradable>},
    {"webSocketUpgrade", Guarded<WebSocketUpgrade>},
    {"webSocketSend", Guarded<WebSocketSend>},
    {"webSocketClose", Guarded<WebSocketClose>},
    {"webSocketBufferedAmount", Guarded<WebSocketBufferedAmount>},
    {"webSocketExtensions", Guarded<WebSocketExtensions>},
    {"webSocketConnect", Guarded<WebSocketConnect>},
    {"webSocketAbandon", Guarded<WebSocketAbandon>},
};

}  // namespace

v8::MaybeLocal<v8::Value> MessageValue(v8::Isolate* isolate, const WebSocketEvent& event) {
  const std::string_view data = event.data;
  if (event.kind == WebSocketEvent::Kind::kText) {
    v8::Local<v8::String> text;
    const bool made = simdutf::validate_ascii(data.data(), data.size()) ? ToV8Latin1(isolate, data).ToLocal(&text)
                                                                        : ToV8(isolate, data).ToLocal(&text);
    return made ? text : v8::MaybeLocal<v8::Value>();
  }
  v8::Local<v8::ArrayBuffer> buffer;
  if (!v8::ArrayBuffer::MaybeNew(isolate, data.size(), v8::BackingStoreInitializationMode::kUninitialized)
           .ToLocal(&buffer)) {
    return {};
  }
  if (!data.empty()) std::memcpy(buffer->Data(), data.data(), data.size());
  return buffer;
}

std::span<const Binding> WebSocketBindings() { return kBindings; }

}  // namespace jsd

#ifndef JSD_CORE_OPS_WEB_SOCKET_H_
#define JSD_CORE_OPS_WEB_SOCKET_H_

#include <span>

#include "core/bindings.h"
#include "core/web_socket.h"

namespace jsd {

// WebSockets by their handles; one whose connection has ended is not found, and then nothing happens.
//
//   webSocketUpgradable(request) → whether the request asks for a WebSocket and can have one
//   webSocketUpgrade(request, fields) → the socket; the event has ended. -1 where it is not upgradable. `fields` is a
//     header block, "name: value\r\n…", without what the protocol says itself
//   webSocketSend(socket, string or bytes)
//   webSocketClose(socket, code or 0, reason)
//   webSocketBufferedAmount(socket) → number
//   webSocketExtensions(socket) → string
//
// Those that the script asks for:
//
//   webSocketConnect(href, fields) → an id, or 0 where this runtime has no network; the callbacks `webSocketOpened` or
//     `webSocketFailed` follow. `href` is an http: or https: URL; `fields` a header block with Sec-WebSocket-Protocol
//   webSocketAbandon(id): neither will follow
std::span<const Binding> WebSocketBindings();

// A message as scripts get it, a string or an ArrayBuffer; empty where there is no memory for it.
v8::MaybeLocal<v8::Value> MessageValue(v8::Isolate* isolate, const WebSocketEvent& event);

}  // namespace jsd

#endif  // JSD_CORE_OPS_WEB_SOCKET_H_

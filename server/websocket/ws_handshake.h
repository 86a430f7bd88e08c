#ifndef JSD_SERVER_WEBSOCKET_WS_HANDSHAKE_H_
#define JSD_SERVER_WEBSOCKET_WS_HANDSHAKE_H_

#include <span>
#include <string>
#include <string_view>

#include "core/request_event.h"

namespace jsd {

// The opening handshake of WebSockets (RFC 6455 section 4).

// The value of Sec-WebSocket-Accept for a client's Sec-WebSocket-Key.
std::string WsAcceptKey(std::string_view key);

// What is wrong with a request that asks for a WebSocket, GET with Upgrade and Connection, as the status of its answer:
// 0 nothing, 400, 403 for an origin that is not in `origins`, 426 for another version. No origins: any is welcome, and
// so are clients that send none, which are no browsers.
int CheckWsHandshake(const RequestHead& head, std::span<const std::string> origins);

// The values of a field that may be repeated, joined by commas.
std::string JoinedFields(const RequestHead& head, std::string_view name);

}  // namespace jsd

#endif  // JSD_SERVER_WEBSOCKET_WS_HANDSHAKE_H_

// How a session becomes a WebSocket's.

#include <utility>

#include "server/http/http_session.h"
#include "server/websocket/ws_handshake.h"

namespace jsd {
namespace {

// RFC 6455 section 4.4 and RFC 9110 section 15.5.22.
constexpr std::string_view kUpgradeFields =
    "Content-Type: text/plain\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n";

}  // namespace

WsNegotiation HttpSession::NegotiateCompression(const HttpExchange& exchange, WsDeflateAgreement* agreement) const {
  return NegotiateWsDeflate(JoinedFields(exchange.head(), "sec-websocket-extensions"),
                            context_.config.websocket.compression, agreement);
}

bool HttpSession::RefuseUpgrade(HttpExchange& exchange) {
  WsDeflateAgreement agreement;
  int status = CheckWsHandshake(exchange.head(), context_.config.websocket.origins);
  if (status == 0 && NegotiateCompression(exchange, &agreement) == WsNegotiation::kMalformed) status = 400;
  if (status == 0) return false;
  // It is an ordinary request now, and others may follow it.
  exchange.request().websocket = false;
  if (status != 426) {
    exchange.Answer(status);
    return true;
  }
  const std::string_view text = GenericBody(status);
  char* const room =
      exchange.Reply(ReplyHead{.status = status, .status_text = {}, .fields = kUpgradeFields}, text.size());
  if (room != nullptr) text.copy(room, text.size());
  return true;
}

WebSocketPeer& HttpSession::TakeOver(HttpExchange& exchange, const WsDeflateAgreement* agreement) {
  websocket_ = std::make_unique<HttpWebSocket>(context_, *this, exchange, agreement);
  // Frames that came with the request are read in a turn of their own.
  context_.ScheduleTurn(*this);
  if (context_.draining) websocket_->GoAway();
  return *websocket_;
}

void HttpSession::ParseFrames() {
  limited_ = false;
  if (input_ != nullptr && input_->size() != 0) input_->begin += websocket_->Read(input_->first(), input_->size());
  if (websocket_->full()) {
    resume_ = true;
  } else if (eof_) {
    websocket_->OnInputEnd();
  }
}

void HttpSession::EndAfter(HttpExchange& exchange) {
  last_request_seen_ = linger_ = true;
  Finished(exchange);
}

}  // namespace jsd

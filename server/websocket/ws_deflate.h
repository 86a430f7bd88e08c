#ifndef JSD_SERVER_WEBSOCKET_WS_DEFLATE_H_
#define JSD_SERVER_WEBSOCKET_WS_DEFLATE_H_

#include <zlib.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"

namespace jsd {

// permessage-deflate (RFC 7692).

// What both ends have agreed on.
struct WsDeflateAgreement {
  bool server_context = false;  // The server goes on with what it has sent before; else each message stands alone.
  bool client_context = false;
  int server_window_bits = 15;
  int client_window_bits = 15;

  // The value of the server's Sec-WebSocket-Extensions that says so.
  std::string response;
};

enum class WsNegotiation { kNone, kAgreed, kMalformed };

// Looks for the first offer in the client's Sec-WebSocket-Extensions, its fields joined by commas, that can be met.
WsNegotiation NegotiateWsDeflate(std::string_view offers, WebSocketCompression mode, WsDeflateAgreement* agreement);

// What a client writes into Sec-WebSocket-Extensions; empty for kOff.
std::string_view OfferWsDeflate(WebSocketCompression mode);

// What the server has made of that offer, its fields joined by commas and not empty. kMalformed: the offer does not
// allow it (RFC 6455 section 9.1), so the connection has to fail.
WsNegotiation AcceptWsDeflate(std::string_view answer, WebSocketCompression mode, WsDeflateAgreement* agreement);

// Compresses whole messages.
//
// Owner: a connection, where messages share a context, or else the worker. Thread: the worker's. Lifetime: the owner's.
class WsDeflater {
 public:
  explicit WsDeflater(int window_bits);
  ~WsDeflater();
  WsDeflater(const WsDeflater&) = delete;
  WsDeflater& operator=(const WsDeflater&) = delete;

  // The payload of `message`, which is not empty, without the empty block at its end; valid until the next call.
  std::string_view Deflate(std::string_view message);
  // Forgets what was compressed.
  void Reset();

 private:
  z_stream stream_{};
  std::string out_;
};

// Decompresses whole messages.
//
// Owner, thread, lifetime: as of WsDeflater.
class WsInflater {
 public:
  WsInflater();
  ~WsInflater();
  WsInflater(const WsInflater&) = delete;
  WsInflater& operator=(const WsInflater&) = delete;

  // Appends the message to `out`. Returns 0, kWsInvalidData, or kWsTooBig where it has more than `limit` bytes.
  std::uint16_t Inflate(std::string_view payload, std::size_t limit, std::string& out);
  void Reset();

 private:
  std::uint16_t Feed(std::string_view bytes, std::size_t limit, std::string& out);

  z_stream stream_{};
};

// The compressors and the decompressor for messages that stand alone: connections of a worker use them in turn. Each is
// made for the first that needs it.
//
// Owner: the context. Thread: the worker's. Lifetime: longer than the sessions'.
class SharedWsDeflate {
 public:
  // `window_bits` from 9 to 15.
  WsDeflater& DeflaterFor(int window_bits);
  WsInflater& Inflater();

 private:
  std::array<std::unique_ptr<WsDeflater>, 7> deflaters_;  // By window.
  std::unique_ptr<WsInflater> inflater_;
};

}  // namespace jsd

#endif  // JSD_SERVER_WEBSOCKET_WS_DEFLATE_H_

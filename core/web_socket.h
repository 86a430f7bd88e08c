#ifndef JSD_CORE_WEB_SOCKET_H_
#define JSD_CORE_WEB_SOCKET_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace jsd {

// The native end of a WebSocket whose other end is one in JavaScript. It knows framing; the runtime knows messages.
//
// Owner: the session that made it. It is lent to the runtime from the op that made it, RequestEvent::Upgrade for one
// that a handler accepts, until its kClosed event has been dispatched, and outlives that. Thread: the worker's. The
// runtime calls these methods while JavaScript runs; they must not call back into it.
class WebSocketPeer {
 public:
  enum class Kind { kText, kBinary };

  // Sends a message; text is UTF-8. One that is sent after Close, or that there is no room for, is dropped.
  virtual void Send(Kind kind, std::string_view message) = 0;

  // Starts the closing handshake after what has been sent. `code` is one that a Close frame may carry, or 0 for none;
  // the reason is UTF-8 of at most 123 bytes.
  virtual void Close(std::uint16_t code, std::string_view reason) = 0;

  // Bytes of messages that have been sent here and not to the network.
  virtual std::size_t buffered_amount() const = 0;

  // As the attributes of these names in the WebSockets standard.
  virtual std::string_view extensions() const = 0;

  // The runtime's own handle while the peer is lent; the session only carries it.
  std::uint32_t runtime_handle = 0;

  // As RequestEvent::lent_to, of the request that it was made of; null once no runtime has it.
  void* lent_to = nullptr;

 protected:
  ~WebSocketPeer() = default;
};

// What a WebSocket got from the network. The views are valid for the call that hands it over.
struct WebSocketEvent {
  enum class Kind {
    kText,    // A message, `data` in UTF-8.
    kBinary,  // A message.
    kClosed,  // The last event: `code` and the reason in `data` as the close event has them.
  };

  WebSocketPeer* peer = nullptr;
  Kind kind = Kind::kText;
  std::string_view data;
  std::uint16_t code = 0;
  bool clean = false;   // Of kClosed: both sides have sent a Close frame.
  bool failed = false;  // Of kClosed: an error event comes first.
};

}  // namespace jsd

#endif  // JSD_CORE_WEB_SOCKET_H_

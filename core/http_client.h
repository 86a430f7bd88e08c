#ifndef JSD_CORE_HTTP_CLIENT_H_
#define JSD_CORE_HTTP_CLIENT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/web_socket.h"

namespace jsd {

// An outgoing request as a runtime asks for it. The views need to last for the call of HttpClient::Start only.
struct OutgoingRequest {
  static constexpr std::int64_t kNoBody = -1;
  static constexpr std::int64_t kUnknownLength = -2;

  std::string_view method;  // A token in the script's own case.
  bool secure = false;      // https
  std::string_view host;    // As the URL standard writes it: "example.org", "192.0.2.1", "[2001:db8::1]".
  std::uint16_t port = 0;
  std::string_view target;  // Origin form, "/path?query".
  // "name: value\r\n" repeated, checked, in Latin-1; neither Host, which is the URL's, nor what frames the message or
  // concerns the connection.
  std::string_view fields;
  // Bytes of the body. A body that is not in `body` whole comes by HttpClientRequest::Write.
  std::int64_t body_length = kNoBody;
  std::string_view body;
};

// What a response says before its body. The views are valid for the call.
struct IncomingHead {
  int status = 0;
  std::string_view status_text;
  // "name: value\r\n" repeated, names in lower case, in the order of arrival, without the fields that concern the
  // connection alone (RFC 9110 section 7.6.1).
  std::string_view fields;
  std::string_view content_encoding;  // Its value, empty where there is none.
  bool has_body = false;              // False: OnEnd follows at once, without a byte.
};

// Why a request failed. The code is one that scripts know from elsewhere: "ECONNREFUSED", "ENOTFOUND", "ETIMEDOUT",
// "CERT_HAS_EXPIRED"; the message is for a person.
struct HttpClientFailure {
  std::string code;
  std::string message;
};

// What becomes of one outgoing request. Nothing is called from inside the methods of HttpClient and HttpClientRequest,
// and nothing after OnEnd or OnFailure.
//
// Owner: the runtime. Thread: the worker's. Lifetime: longer than the HttpClientRequest that it was started with.
class HttpClientEvents {
 public:
  // Whether the runtime may talk to this address: 4 or 16 bytes in network order. Asked for each address that a name
  // stands for before it is connected to, and for the one of a connection that is used again.
  virtual bool MayConnect(std::string_view address, std::uint16_t port) = 0;

  virtual void OnHead(const IncomingHead& head) = 0;
  // A piece of the body, valid for the call. False: that is enough for now, until HttpClientRequest::Resume; what has
  // been read already may still come.
  virtual bool OnBody(std::string_view bytes) = 0;
  // The response is complete. `trailers` are fields as in IncomingHead, often none.
  virtual void OnEnd(std::string_view trailers) = 0;
  virtual void OnFailure(const HttpClientFailure& failure) = 0;
  // There is room again after a Write that returned false.
  virtual void OnDrained() = 0;

 protected:
  ~HttpClientEvents() = default;
};

// A request that is under way. Destroying it before its end aborts it, in whatever phase it is.
//
// Owner: the runtime. Thread: the worker's. Lifetime: within that of its client.
class HttpClientRequest {
 public:
  virtual ~HttpClientRequest() = default;

  // A piece of a body that did not come whole. False: enough is buffered, and OnDrained says when to go on.
  virtual bool Write(std::string_view bytes) = 0;
  virtual void EndBody() = 0;

  // More of the response is wanted, after an OnBody that returned false.
  virtual void Resume() = 0;
};

// What becomes of a WebSocket that a runtime has asked for. Nothing is called from inside the methods of HttpClient,
// WebSocketConnection and WebSocketPeer.
//
// Owner: the runtime. Thread: the worker's. Lifetime: longer than the WebSocketConnection that it was started with.
class WebSocketClientEvents {
 public:
  // As HttpClientEvents has it.
  virtual bool MayConnect(std::string_view address, std::uint16_t port) = 0;

  // The handshake is done: the peer is lent until a kClosed event has been passed on. `protocol`: the subprotocol that
  // the server has chosen, empty for none.
  virtual void OnOpen(WebSocketPeer& peer, std::string_view protocol) = 0;
  // There will be no OnOpen.
  virtual void OnFailure(const HttpClientFailure& failure) = 0;
  // A message, or the end. False: that is enough for now, until WebSocketConnection::Resume; what has been read already
  // may still come.
  virtual bool OnEvent(const WebSocketEvent& event) = 0;

 protected:
  ~WebSocketClientEvents() = default;
};

// The connection of such a WebSocket. Destroying it ends it: during the handshake by giving up, later by a Close frame
// that says that this end is going away.
//
// Owner: the runtime. Thread: the worker's. Lifetime: within that of its client.
class WebSocketConnection {
 public:
  virtual ~WebSocketConnection() = default;

  // More is wanted, after an OnEvent that returned false.
  virtual void Resume() = 0;
};

// What sends requests and receives their responses; core knows neither protocol nor sockets.
//
// Owner: the worker. Thread: the worker's. Lifetime: longer than the runtimes that were given it.
class HttpClient {
 public:
  virtual ~HttpClient() = default;

  // Never null: what goes wrong comes by `events`.
  virtual std::unique_ptr<HttpClientRequest> Start(const OutgoingRequest& request, HttpClientEvents& events) = 0;

  // Opens a WebSocket. Of the request count where it goes and its fields, which lack what the protocol says itself but
  // have Sec-WebSocket-Protocol where subprotocols are asked for. Never null, as above.
  virtual std::unique_ptr<WebSocketConnection> ConnectWebSocket(const OutgoingRequest& request,
                                                                WebSocketClientEvents& events) = 0;
};

}  // namespace jsd

#endif  // JSD_CORE_HTTP_CLIENT_H_

#ifndef JSD_CORE_REQUEST_EVENT_H_
#define JSD_CORE_REQUEST_EVENT_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/web_socket.h"

namespace jsd {

// One header field as it was received. Names keep their case; values have no surrounding white space.
struct HeaderField {
  std::string_view name;
  std::string_view value;
};

// What a request says before its body. The views are valid until the event has been replied to or cancelled.
struct RequestHead {
  std::string_view method;          // A token in the client's own case, "GET".
  std::string_view scheme;          // "http" or "https".
  std::string_view authority;       // Host and optional port, already checked against RFC 9110 section 7.2.
  std::string_view target;          // Origin form, "/path?query", or "*".
  std::string_view remote_address;  // The client's IP address; empty over a unix socket.
  std::uint16_t remote_port = 0;    // 0: not known.
  std::span<const HeaderField> fields;
  // The same fields as they came, from the first name to the last value: lines "name: value". Empty where they did not
  // come as one text.
  std::string_view field_lines = {};
};

// What a reply says before its body.
struct ReplyHead {
  int status = 200;              // 200 to 599.
  std::string_view status_text;  // Empty: the standard phrase.
  // "name: value\r\n" repeated, checked, in Latin-1; neither Content-Length nor Transfer-Encoding nor Connection.
  std::string_view fields;
  // The script's own Content-Length for a streamed body; negative: none, so the body is chunked.
  std::int64_t declared_length = -1;
};

// How far the body of a request is.
enum class BodyState {
  kNone,      // It has none.
  kWhole,     // All of it is there, in one piece.
  kArriving,  // It is on its way: read in pieces, as they come.
  kArrived,   // As before, but nothing will be added to what is there.
};

// Why a request ends without the handler's reply.
enum class FailReason {
  kHandlerError,  // It threw, rejected, or returned no Response.
  kTimedOut,      // limits.request passed.
  kTerminated,    // limits.slice, or the heap limit.
  kShuttingDown,  // The drain time is over.
};

// The status of the reply that tells of it.
constexpr int StatusOf(FailReason reason) {
  switch (reason) {
    case FailReason::kHandlerError:
      return 500;
    case FailReason::kTimedOut:
      return 504;
    case FailReason::kTerminated:
    case FailReason::kShuttingDown:
      return 503;
  }
  return 500;
}

// The reason to cancel a request whose time is over: its signal aborts with a TimeoutError, for any other reason with
// an AbortError. bootstrap/fetch_event.js knows the text.
inline constexpr std::string_view kRequestOverdue = "The request has taken too long.";

// A request on its way through a runtime.
//
// Owner: the session that read it; lent to the runtime from JsRuntime::Dispatch until the runtime called Reply,
// EndStream or Fail, or the session called JsRuntime::Cancel. After that the runtime never touches it again.
// Thread: the worker's. The runtime calls these methods from inside Dispatch and Poll; they must not call back into it.
class RequestEvent {
 public:
  virtual const RequestHead& head() const = 0;

  BodyState body_state() const { return body_state_; }

  // The body, where it is whole when the event is dispatched: a small one, as a rule.
  virtual std::string_view body() const = 0;

  // A body that arrives is pulled: the session reads ahead a bounded number of bytes and leaves the rest in the socket.
  // The length that the client has declared, or negative.
  virtual std::int64_t body_length() const { return -1; }
  // How many bytes can be read now.
  virtual std::size_t body_bytes() const { return 0; }
  // Moves bytes that are there into `room`, and returns how many.
  virtual std::size_t ReadBody(std::span<char>) { return 0; }
  // When nothing is there: asks to be told, once, by JsRuntime::BodyArrived, of more or of the end. With `room`, more
  // means that this is full; it has to stay until then, or to the end of the event. Sends "100 Continue" if it is
  // waited for.
  virtual void AwaitBody(std::span<char>) {}

  // Ends the request with a whole reply. Returns room for exactly `body_size` bytes, which the caller fills before it
  // returns to the session. The session adds Date, Content-Length and Connection, and leaves the body out for HEAD.
  // The room is null where the body will not be sent (HEAD, 204, 304) and `body_size` only counts.
  virtual char* Reply(const ReplyHead& head, std::size_t body_size) = 0;

  // The same for a body that lies in memory as it is. The session may send it from there, and keeps nothing of it.
  virtual void ReplyWith(const ReplyHead& head, std::string_view body) {
    char* const room = Reply(head, body.size());
    if (room != nullptr && !body.empty()) std::memcpy(room, body.data(), body.size());
  }

  // The same for a body that stays where it is, unchanged, as long as `owner` lives. The session may send it from there
  // until all of it has left, and may let go of the owner on another thread.
  virtual void ReplyWithOwned(const ReplyHead& head, std::string_view body, std::shared_ptr<const void> /*owner*/) {
    ReplyWith(head, body);
  }

  // A reply whose body comes in pieces: StartStream once, Write any number of times, then EndStream.
  virtual void StartStream(const ReplyHead& head) = 0;
  // False: enough is buffered; the session calls JsRuntime::Drained when the client has read on.
  virtual bool Write(std::string_view chunk) = 0;
  // Fields to follow the body (RFC 9110 section 6.5), "name: value\r\n" repeated, before EndStream. They are dropped
  // where the client has not said that it takes any.
  virtual void SetTrailers(std::string_view /*fields*/) {}
  // `complete` false: the source failed, and the connection is cut so that the client notices.
  virtual void EndStream(bool complete) = 0;

  // The connection's TLS as JSON: { version, cipher, serverName, resumed, clientCertificate }. Empty without TLS.
  // The view is valid as long as those of the head.
  virtual std::string_view DescribeTls() const { return {}; }

  // The request asks for a WebSocket, in a way that can be answered by one.
  virtual bool upgradable() const { return false; }
  // Ends an upgradable request with status 101. The peer is lent to the runtime at once. `fields` as in ReplyHead,
  // without those of the handshake but Sec-WebSocket-Protocol.
  virtual WebSocketPeer& Upgrade([[maybe_unused]] std::string_view fields) { std::abort(); }

  // Ends the request with a generic reply for `reason`.
  virtual void Fail(FailReason reason) = 0;

  // The runtime's own handle of this event while it is lent; the session only carries it.
  std::uint32_t runtime_handle = 0;

  // Of whoever chooses among runtimes: to which one it lent the event.
  void* lent_to = nullptr;

 protected:
  ~RequestEvent() = default;

  BodyState body_state_ = BodyState::kNone;
};

}  // namespace jsd

#endif  // JSD_CORE_REQUEST_EVENT_H_

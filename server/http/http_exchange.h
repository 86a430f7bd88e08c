#ifndef JSD_SERVER_HTTP_HTTP_EXCHANGE_H_
#define JSD_SERVER_HTTP_HTTP_EXCHANGE_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/request_event.h"
#include "server/http/http_buffer.h"
#include "server/http/http_check.h"
#include "server/http/http_parser.h"
#include "server/http/http_reply.h"
#include "server/http/http_router.h"

namespace jsd {

class HttpSession;

// Unsent bytes of a streamed reply above which Write asks its source to wait, and below which it may go on.
inline constexpr std::size_t kStreamHighWater = 256 * 1024;
inline constexpr std::size_t kStreamLowWater = 64 * 1024;
// So much of a streamed reply is sent at once, not at the end of the turn: a larger piece costs fewer system calls and
// wakes the client less often.
inline constexpr std::size_t kStreamBatch = 256 * 1024;
// So much of it one turn may send: others are to have theirs, however quickly this client reads.
inline constexpr std::size_t kStreamTurn = 256 * 1024;

// Bytes of a request's body that are read ahead of the script.
inline constexpr std::size_t kBodyWindow = 64 * 1024;

// One request and its reply.
//
// Owner: its service, which lends it to a session from the request's header to the end of its reply, and keeps it and
// its memory for another. Thread: the worker's. Lifetime: the service's.
class HttpExchange final : public RequestEvent, public BodySink {
 public:
  enum class State {
    kReceiving,  // It is being parsed.
    kRunning,    // The runtime has it.
    kStreaming,  // The runtime has it and has sent the head of the reply.
    kUpgraded,   // The connection is a WebSocket's.
    kDone,       // The reply is written; at most it waits for those before it.
  };

  explicit HttpExchange(BlockPool& pool) : output_(pool), body_queue_(pool) {}
  HttpExchange(const HttpExchange&) = delete;
  HttpExchange& operator=(const HttpExchange&) = delete;
  ~HttpExchange() = default;

  // From the service's store and back to it.
  void Begin(HttpSession& session);
  void End();

  // --- What the session does with it.

  HttpRequest& request() { return request_; }

  // The bytes of the session's input that the request's views lie in. Own copies them, and the views with them.
  void SetSource(std::string_view source) { source_ = source; }
  void Own();

  // A body that lies in the source whole.
  void SetBody(std::string_view body) {
    body_ = body;
    body_state_ = body.empty() ? BodyState::kNone : BodyState::kWhole;
  }
  // A body that comes in pieces, of `length` bytes or, if that is negative, until its end.
  void ExpectBody(std::int64_t length) {
    body_state_ = BodyState::kArriving;
    body_length_ = length;
  }
  // Whether more of it may be read: there is room in the window, or in that of the runtime.
  bool TakesBody() const { return !body_room_.empty() || body_queue_.bytes() < kBodyWindow; }
  // Where up to `size` next bytes of it go, as they come from the socket; then how many have come.
  std::span<char> BodyRoom(std::size_t size);
  void BodyReceived(std::size_t size);
  // Bytes of it that came elsewhere.
  void AppendBody(std::string_view bytes) override;
  void BodyEnded() { body_state_ = BodyState::kArrived; }
  // The body has come whole before the event is dispatched, if it is small.
  void MakeBodyWhole();
  // Gives back memory for what did not come.
  void TrimBody() {
    if (body_queue_.empty()) body_queue_.Clear();
  }

  // The runtime waits for the body; and whether there is something to tell it. TakeNews ends the wait, and returns how
  // many bytes of the runtime's room are used.
  bool awaits_body() const { return awaits_body_; }
  bool has_news() const {
    if (!awaits_body_) return false;
    if (body_state_ == BodyState::kArrived) return true;
    return direct_ ? body_room_.empty() : !body_queue_.empty();
  }
  std::size_t TakeNews();
  // Nobody wants it any more.
  void DropBody() {
    TakeNews();
    body_queue_.Clear();
  }

  // Answers with the generic reply of `status` what the runtime does not have, or has no longer.
  void Answer(int status) { Answer(status, GenericBody(status)); }
  void Answer(int status, std::string_view text);

  // The runtime may go on writing.
  bool blocked() const { return blocked_; }
  void Unblock() {
    blocked_ = false;
    streamed_ = 0;
  }

  // The runtime streams a body that the client does not get.
  bool discards() const { return state == State::kStreaming && discard_; }
  // The reply ended before its declared end: only the end of the connection tells the client.
  bool cut() const { return cut_; }
  bool ends_with_connection() const { return framing_ == Framing::kNone; }

  // Of the reply; 0 while there is none.
  int status() const { return status_; }
  std::uint64_t body_written() const { return body_written_; }

  // The runtime has it.
  bool lent() const { return state == State::kRunning || state == State::kStreaming; }

  OutputQueue& output() { return output_; }

  State state = State::kDone;
  HttpApp* app = nullptr;     // Whose request it is; null where there is none, or it is not known yet.
  std::int64_t deadline = 0;  // Of the reply, in the service's milliseconds.
  // Of the header, where the session's context observes requests.
  std::chrono::steady_clock::time_point started;
  HttpExchange* next = nullptr;  // The session's next one, or the next free one.

  // --- RequestEvent

  const RequestHead& head() const override { return request_.head; }
  std::string_view body() const override { return body_; }
  std::int64_t body_length() const override { return body_length_; }
  std::size_t body_bytes() const override { return body_queue_.bytes(); }
  std::size_t ReadBody(std::span<char> room) override;
  void AwaitBody(std::span<char> room) override;
  char* Reply(const ReplyHead& head, std::size_t body_size) override;
  void ReplyWith(const ReplyHead& head, std::string_view body) override;
  void ReplyWithOwned(const ReplyHead& head, std::string_view body, std::shared_ptr<const void> owner) override;
  void StartStream(const ReplyHead& head) override;
  bool Write(std::string_view chunk) override;
  void SetTrailers(std::string_view fields) override;
  void EndStream(bool complete) override;
  void Fail(FailReason reason) override;
  std::string_view DescribeTls() const override;
  bool upgradable() const override { return request_.websocket; }
  WebSocketPeer& Upgrade(std::string_view fields) override;

 private:
  // How a whole reply is framed; whether its body is sent.
  bool FrameWhole(const ReplyHead& head, std::size_t body_size, ReplyFraming& framing);
  void PutHead(OutputQueue& out, const ReplyHead& head, const ReplyFraming& framing);
  // Appends a part of the body and what frames its end, or sends them with what is queued if that is much.
  void Put(OutputQueue& out, std::string_view bytes, std::string_view tail = {});
  // The view at its place in the copy, where it lies in the source.
  void Rebase(std::string_view& view, const char* copy) const;

  HttpSession* session_ = nullptr;
  HttpRequest request_;
  std::string_view source_;
  std::string_view body_;
  OutputQueue output_;            // Replies that others come before.
  std::unique_ptr<char[]> copy_;  // Of the source.
  std::size_t copy_capacity_ = 0;
  OutputQueue body_queue_;       // What has come of the body and was not read.
  std::span<char> body_room_;    // The rest of the runtime's room for the body.
  std::size_t body_filled_ = 0;  // Of that room.
  std::int64_t body_length_ = -1;
  std::uint64_t remaining_ = 0;  // Of a declared length.
  std::uint64_t body_written_ = 0;
  std::string trailers_;
  std::size_t streamed_ = 0;  // Since the runtime was last asked to wait.
  int status_ = 0;
  Framing framing_ = Framing::kNone;
  bool discard_ = false;
  bool blocked_ = false;
  bool cut_ = false;
  bool awaits_body_ = false;
  bool direct_ = false;  // It waits with a room of its own.
};

}  // namespace jsd

#endif  // JSD_SERVER_HTTP_HTTP_EXCHANGE_H_

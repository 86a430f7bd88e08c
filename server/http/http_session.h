#ifndef JSD_SERVER_HTTP_HTTP_SESSION_H_
#define JSD_SERVER_HTTP_HTTP_SESSION_H_

#include <sys/epoll.h>

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "server/http/http_check.h"
#include "server/http/http_context.h"
#include "server/http/http_exchange.h"
#include "server/http/http_parser.h"
#include "server/http/http_websocket.h"
#include "server/poller.h"
#include "server/tls/tls_stream.h"
#include "worker/connection.h"
#include "worker/unique_fd.h"

namespace jsd {

// One connection. All that the session does happens in turns, which the service calls: what has come is parsed, the
// requests of all sessions that have a turn are dispatched as one batch, and what they have to send is sent. A session
// has a turn after each read, when its socket takes more of what did not leave at once, and after each turn of the
// runtime in which it replied.
//
// TLS lies beneath Receive, SendOnce and Close; another protocol comes in by taking over the socket and what is left in
// input_.
//
// Owner: its service, while it is open; whoever acts on it shares in it meanwhile.
// Thread: the worker's. Lifetime: open until Close, which needs the context; after that only its memory stays.
class HttpSession final : public Poller::Client,
                          public boost::intrusive_ref_counter<HttpSession, boost::sp_adl_block::thread_unsafe_counter> {
 public:
  // `begun` is what MoveAway made of it elsewhere, or null.
  HttpSession(HttpContext& context, Connection connection, BegunConnection* begun = nullptr);
  HttpSession(const HttpSession&) = delete;
  HttpSession& operator=(const HttpSession&) = delete;
  ~HttpSession();

  // --- For the service.

  // Watches the socket; false where that cannot be done.
  bool Start();
  // A turn has two halves: parsing, which adds to the batch, and after its dispatch the rest.
  void BeginTurn();
  void EndTurn();

  // What waits to be sent.
  std::size_t output_bytes() const { return output_.bytes(); }
  // No requests beyond those that have begun to arrive. Closes the session if there are none; with a patience above
  // zero waits so long for one.
  void Drain(std::chrono::milliseconds idle_patience);

  // Acts on what is overdue at `now`.
  void CheckDeadlines(std::int64_t now);

  // Answers what is in flight by 503, as far as that leaves at once, and closes the connection.
  void Cut(std::string_view reason);
  // Cancels what is in flight, for `reason`, and closes the connection at once.
  void Close(std::string_view reason);

  // Requests that have no reply, or one that is not sent whole. What has not been read yet counts as one.
  std::size_t unanswered() const;

  HttpSession* next = nullptr;  // In the service's list.
  HttpSession* previous = nullptr;
  bool turn_scheduled = false;

  // --- For its exchanges.

  std::string_view remote_address() const { return remote_address_; }
  std::uint16_t remote_port() const { return remote_port_; }
  std::string_view date() { return context_.date.Get(); }
  // For scripts; empty without TLS.
  std::string_view DescribeTls() const { return tls_ == nullptr ? std::string_view() : tls_->Describe(); }
  // A field line for every reply, or nothing.
  std::string_view hsts() const { return tls_ == nullptr ? std::string_view() : tls_->hsts(); }
  // Where an exchange writes now: to the socket's queue if it is the first without a reply, else to its own.
  OutputQueue& OutputFor(HttpExchange& exchange) {
    return &exchange == first_ && !closed_ ? output_ : exchange.output();
  }
  // Sends what the socket takes at once of what is queued and of `body` and `tail` behind it, which are the exchange's
  // if that is the first. Returns how many bytes of those two have left.
  std::size_t SendFromItsPlace(const HttpExchange& exchange, std::string_view body, std::string_view tail = {});
  ConnectionOption ConnectionOptionFor(const HttpExchange& exchange);
  // The connection ends with this exchange's reply.
  void CloseAfter(const HttpExchange& exchange);
  // The client sends the body of this exchange only once it is told to.
  bool OwesContinue(HttpExchange& exchange) {
    return &exchange == receiving_ && std::exchange(exchange.request().expect_continue, false);
  }
  // There is room again for the body that is being read.
  void ReadOn() {
    resume_ = true;
    Wrote();
  }
  // The exchange waits for more of its body: the time until then is the client's.
  void Awaits(HttpExchange& exchange) {
    exchange.deadline = CoarseClock::kNever;
    Wrote();
  }
  void Wrote() {
    if (!in_turn_ && !closed_) context_.ScheduleTurn(*this);
  }
  void Finished(HttpExchange& exchange);
  WsNegotiation NegotiateCompression(const HttpExchange& exchange, WsDeflateAgreement* agreement) const;
  // From now on the connection is a WebSocket's; the agreement is null where nothing is compressed.
  WebSocketPeer& TakeOver(HttpExchange& exchange, const WsDeflateAgreement* agreement);

  // --- For its WebSocket.

  // Sends what the socket takes at once, if the exchange is the first. Trouble comes up again in the next turn.
  void Flush(const HttpExchange& exchange);
  // The connection ends when what is queued has been sent.
  void EndAfter(HttpExchange& exchange);

 private:
  static constexpr std::string_view kClientGone = "The client has closed the connection.";
  static constexpr std::string_view kRefused = "The request body is malformed or too large.";

  // What the client keeps the session waiting for; each has its timeout.
  enum class Waiting { kNothing, kHandshake, kRequest, kHeader, kBody, kUnwantedBody, kEnd };

  // Edge-triggered: the kernel looks at a socket once for each time that something comes, and the session remembers
  // when it has not read all of it. Changing what is watched for brings up what is there already.
  static constexpr std::uint32_t kInputEvents = EPOLLIN | EPOLLRDHUP;

  // How a client keeps up with what it is waited for, by limits.rate.
  struct Progress {
    std::uint64_t bytes = 0;
    std::int64_t waited = 0;  // Milliseconds.
    std::int64_t seen = 0;    // When a look found that it is waited for; else 0.
  };
  bool IsTooSlow(Progress& progress, bool waits, std::int64_t now);

  bool MayParse() const;
  void ParseInput();
  // Makes an exchange of the header that the scanner found. False: the request was refused.
  bool ParseMessage();
  // The request is for an app of other workers: the connection goes there, once earlier replies have been sent.
  void MoveAway(HttpExchange& exchange, std::string_view header);
  void MoveIn(BegunConnection& begun);
  // By host and path. Returns a status: of a body that is too large for it.
  int FindApp(HttpExchange& exchange);
  // Takes what has come of the body that is being read.
  void TakeBody();
  void TakeChunks();
  void EndBody();
  // What is left of the body is not wanted: it is read and dropped if it is little.
  void DiscardBody();
  void CountDiscarded(std::size_t size);
  // Tells the runtime of what has come of bodies that it waits for.
  void TellNews();
  void Dispatch(HttpExchange& exchange);
  // The answer to what cannot be served; nothing after it is read.
  void Refuse(int status, std::string_view reason = kRefused);
  void StopReading();
  HttpExchange& AddExchange();
  // For the access log and the metrics.
  void Observe(HttpExchange& exchange);

  // Cancels the requests whose handlers have not replied, where `predicate` holds, and answers them by `status`.
  template <typename Predicate>
  bool AnswerInstead(int status, std::string_view reason, Predicate predicate);
  // Bytes that have come to the socket and were not read.
  std::size_t Unread() const;
  // A request that has come, or a part of it; of TLS it takes the first byte away.
  bool HasUnreadRequest();
  void DropUnread();
  void StopDiscarded();
  void SendContinue();
  // Sends what the socket takes.
  void Send();
  // One system call; how much left, negative where nothing did: errno says why.
  long SendOnce(std::span<iovec> buffers, int flags = 0);
  void NoteProgress();
  void NoteBlocked();
  // What follows from a turn: what is waited for next.
  void Settle();
  void OwnPending();
  bool FinishIfDone();
  void CompactInput();
  void SetWaiting();

  // False: not yet, or the session is closed.
  bool ReadProxyHeader();
  // Puts what the proxy's fields say into the request's head.
  void BelieveForwarded(HttpRequest& request) const;
  void ContinueHandshake(std::uint32_t events);
  void RefusePlainHttp();
  // Answers a faulty request for a WebSocket; false where nothing is wrong.
  bool RefuseUpgrade(HttpExchange& exchange);
  void ParseFrames();
  // Sends the client to the same URL with https.
  void Redirect(HttpExchange& exchange);

  void OnReady(std::uint32_t events) override;
  // Reads once.
  void Receive();
  void OnInputEnd();
  // Where the next bytes go; empty where none are wanted now.
  std::span<char> ReadRoom();
  bool WantsInput() const;
  void WatchFor(std::uint32_t events);
  // What comes next is a part of a body that goes to its place unchanged.
  bool ReadsIntoBody() const { return in_body_ && !chunked_ && receiving_ != nullptr; }
  void ReleaseInput();
  std::string_view DefaultAuthority();

  HttpContext& context_;
  UniqueFd socket_;
  std::unique_ptr<TlsStream> tls_;  // Null: the socket itself.
  const bool redirects_;            // To https, whatever comes.
  std::string remote_address_;
  std::uint16_t remote_port_;
  ConnectionCount::Ticket ticket_;
  const unsigned listener_;
  std::string default_authority_;  // The socket's own address, once asked for.

  Block* input_ = nullptr;
  HeaderScanner scanner_;
  std::optional<HttpParser> parser_;   // Of the message that is being read.
  HttpExchange* receiving_ = nullptr;  // Whose message is being read; always the last one.
  bool in_body_ = false;               // A body is being read. Without receiving_, nobody wants it.
  bool chunked_ = false;
  std::uint64_t body_left_ = 0;  // Of a body of known length: bytes that have not come.
  std::size_t discarded_ = 0;    // Of a body that nobody wants.

  std::unique_ptr<HttpWebSocket> websocket_;  // Null: the connection speaks HTTP.

  HttpExchange* first_ = nullptr;  // In the order of the requests.
  HttpExchange* last_ = nullptr;
  unsigned in_flight_ = 0;

  OutputQueue output_;
  Waiting waiting_ = Waiting::kNothing;
  std::int64_t input_deadline_ = CoarseClock::kNever;
  std::int64_t write_deadline_ = CoarseClock::kNever;
  std::int64_t gone_deadline_ = CoarseClock::kNever;

  Progress reading_;  // Of the replies that are queued.
  Progress sending_;  // Of the body that is being read, while the script waits for it.
  unsigned requests_ = 0;

  std::uint32_t watched_ = 0;  // The events of the socket that the poller tells of.
  bool handshaking_ = false;   // Nothing is read as a request yet.
  bool awaits_proxy_header_ = false;
  bool trusted_ = false;  // The fields that proxies set are believed.
  bool in_turn_ = false;
  bool received_ = false;      // In this turn.
  bool more_input_ = false;    // The last read has left something, perhaps the end.
  bool blocked_ = false;       // The socket takes no more for now.
  bool leaving_ = false;       // The next request is for an app of other workers.
  bool limited_ = false;       // The last parse left off because too much is in flight.
  bool resume_ = false;        // There is something to go on with in the next turn.
  bool body_news_ = false;     // Perhaps the runtime is to be told of what has come of a body.
  bool end_reported_ = false;  // The end of the input has come up, which it does once; it may stand behind bytes.
  bool eof_ = false;
  bool served_ = false;             // There has been a request.
  bool last_request_seen_ = false;  // Nothing more is read as a request.
  bool linger_ = false;             // The client may still be sending when the last reply has been sent.
  bool lingering_ = false;
  bool closed_ = false;
};

}  // namespace jsd

#endif  // JSD_SERVER_HTTP_HTTP_SESSION_H_

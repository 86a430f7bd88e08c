#ifndef JSD_SERVER_HTTP_SESSION_H_
#define JSD_SERVER_HTTP_SESSION_H_

#include <array>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/http_check.h"
#include "server/http_context.h"
#include "server/http_exchange.h"
#include "server/http_handler_memory.h"
#include "server/http_parser.h"

namespace jsd {

// One connection. All that the session does happens in turns: parse what has come, dispatch it as one batch, send what
// there is to send, wait for more. A turn follows each read, each write that did not finish at once, and each turn of
// the runtime in which it replied.
//
// A transport other than a socket comes in by StartRead, WaitForInput, Send, StartWrite and Close; another protocol by
// taking over the socket and what is left in input_.
//
// Owner: its service; each asynchronous operation shares in it, so that its memory outlives them.
// Thread: the worker's. Lifetime: open until Close, which needs the context; after that only its memory stays.
class HttpSession final
    : public boost::intrusive_ref_counter<HttpSession, boost::sp_adl_block::thread_unsafe_counter> {
 public:
  using Socket = boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol,
                                                  boost::asio::io_context::executor_type>;

  HttpSession(HttpContext& context, Socket socket, std::string remote_address);
  HttpSession(const HttpSession&) = delete;
  HttpSession& operator=(const HttpSession&) = delete;
  ~HttpSession();

  // --- For the service.

  void Turn();

  // No requests beyond those that have begun to arrive. Closes the session if there are none.
  void Drain();

  // Acts on what is overdue at `now`.
  void CheckDeadlines(std::int64_t now);

  // Answers what is in flight by 503, as far as that leaves at once, and closes the connection.
  void Cut(std::string_view reason);
  // Cancels what is in flight, for `reason`, and closes the connection at once.
  void Close(std::string_view reason);

  bool closed() const { return closed_; }
  // Requests that have no reply, or one that is not sent whole.
  std::size_t unanswered() const;

  HttpSession* next = nullptr;      // In the service's list.
  HttpSession* previous = nullptr;
  bool turn_scheduled = false;

  // --- For its exchanges.

  std::string_view remote_address() const { return remote_address_; }
  std::string_view date() { return context_.date.Get(); }
  // Where an exchange writes now: to the socket's queue if it is the first without a reply, else to its own.
  OutputQueue& OutputFor(HttpExchange& exchange) {
    return &exchange == first_ && !closed_ ? output_ : exchange.output();
  }
  ConnectionOption ConnectionOptionFor(const HttpExchange& exchange) const;
  // The connection ends with this exchange's reply.
  void CloseAfter(const HttpExchange& exchange);
  void Wrote() {
    if (!in_turn_ && !closed_) context_.ScheduleTurn(*this);
  }
  void Finished(HttpExchange& exchange);

 private:
  using error_code = boost::system::error_code;

  // What the client keeps the session waiting for; each has its timeout.
  enum class Waiting { kNothing, kRequest, kHeader, kBody, kEnd };

  static constexpr std::size_t kMaxWriteBuffers = 16;

  bool MayParse() const;
  void ParseInput();
  // Makes an exchange of the header that the scanner found. False: the request was refused.
  bool ParseMessage();
  void ParseChunks();
  void Complete(HttpExchange& exchange);
  // The answer to what cannot be served; nothing after it is read.
  void Refuse(int status);
  HttpExchange& AddExchange();

  // Cancels the requests whose handlers have not replied, where `predicate` holds, and answers them by `status`.
  template <typename Predicate>
  bool AnswerInstead(int status, std::string_view reason, Predicate predicate);
  void StopDiscarded();
  void SendContinue();
  void Send();
  void StartWrite();
  void OnWritten(const error_code& error, std::size_t size);
  void Sent(std::size_t size);

  // The end of a turn: what is waited for next. `served`: requests were dispatched in it.
  void Settle(bool served);
  void OwnPending();
  bool FinishIfDone();
  void CompactInput();
  void SetWaiting();
  void ReadOn();
  void StartRead(boost::asio::mutable_buffer buffer);
  void WaitForInput();
  void OnRead(const error_code& error, std::size_t size);
  void OnInputEnd(const error_code& error);
  void ReleaseInput();
  std::string_view DefaultAuthority();

  HttpContext& context_;
  Socket socket_;
  const std::string remote_address_;
  std::string default_authority_;      // The socket's own address, once asked for.

  Block* input_ = nullptr;
  HeaderScanner scanner_;
  std::optional<HttpParser> parser_;   // Of the message that is being read.
  HttpExchange* receiving_ = nullptr;  // Whose body is being read; always the last one.

  HttpExchange* first_ = nullptr;      // In the order of the requests.
  HttpExchange* last_ = nullptr;
  unsigned in_flight_ = 0;

  OutputQueue output_;
  std::array<boost::asio::const_buffer, kMaxWriteBuffers> write_buffers_;
  HandlerMemory read_memory_;
  HandlerMemory write_memory_;

  Waiting waiting_ = Waiting::kNothing;
  std::int64_t input_deadline_ = HttpContext::kNever;
  std::int64_t write_deadline_ = HttpContext::kNever;
  std::int64_t gone_deadline_ = HttpContext::kNever;

  bool in_turn_ = false;
  bool reading_ = false;
  bool reading_body_ = false;          // The read goes straight into the body of receiving_.
  bool read_is_old_ = false;           // It was there when deadlines were last checked.
  bool yielding_ = false;              // It has been cancelled to give up its memory.
  bool writing_ = false;
  bool eof_ = false;
  bool served_ = false;                // There has been a request.
  bool last_request_seen_ = false;     // Nothing more is read as a request.
  bool linger_ = false;                // The client may still be sending when the last reply has been sent.
  bool lingering_ = false;
  bool closed_ = false;
};

}  // namespace jsd

#endif  // JSD_SERVER_HTTP_SESSION_H_

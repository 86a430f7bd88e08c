#include "server/http_session.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <span>
#include <utility>

namespace jsd {
namespace {

namespace asio = boost::asio;

// A client that has closed its sending side may still read, or may be gone: TCP tells by the answer to what it is sent.
// So long after its last sign of life, the requests in flight are taken for abandoned.
constexpr std::chrono::milliseconds kHalfClosedPatience{2000};

// How long what a refused client goes on sending is read and dropped, so that it sees the answer and not a reset.
constexpr std::chrono::milliseconds kLingerTime{2000};

// How long a connection that is there for its first request may keep a drain waiting for it.
constexpr std::chrono::milliseconds kDrainPatience{500};

// Edge-triggered: the kernel looks at a socket once for each time that something comes, and the session remembers when
// it has not read all of it. Changing what is watched for brings up what is there already.
constexpr std::uint32_t kInputEvents = EPOLLIN | EPOLLRDHUP;

// Pieces of output that leave by one system call.
constexpr std::size_t kMaxWriteBuffers = 16;

constexpr std::string_view kClientGone = "The client has closed the connection.";
constexpr std::string_view kClientStalled = "The client does not read the reply.";
constexpr std::string_view kBodyUnwanted = "The client wants no body.";
constexpr std::string_view kReplyCut = "An earlier reply has failed.";

}  // namespace

HttpSession::HttpSession(HttpContext& context, UniqueFd socket, std::string remote_address)
    : context_(context),
      socket_(std::move(socket)),
      remote_address_(std::move(remote_address)),
      scanner_(context.config.limits),
      output_(context.blocks) {}

HttpSession::~HttpSession() = default;

bool HttpSession::Start() {
  watched_ = kInputEvents | EPOLLET;
  if (!context_.poller.Watch(socket_.get(), watched_, *this)) return false;
  SetWaiting();
  return true;
}

void HttpSession::BeginTurn() {
  if (closed_) return;
  // Once in a turn, and what was read is parsed before there is more.
  if (more_input_ && !received_) Receive();
  received_ = false;
  if (closed_) return;
  in_turn_ = true;
  ParseInput();
}

void HttpSession::EndTurn() {
  if (closed_) return;
  StopDiscarded();
  SendContinue();
  Send();
  in_turn_ = false;
  if (!closed_) Settle();
}

// --- Input

bool HttpSession::MayParse() const {
  if (last_request_seen_ || receiving_ != nullptr || output_.bytes() >= kStreamHighWater) return false;
  if (in_flight_ >= std::max(context_.config.limits.pipeline, 1u)) return false;
  // The reply to HTTP/1.0 may turn out to end with the connection.
  return last_ == nullptr || last_->request().http11;
}

void HttpSession::ParseInput() {
  if (receiving_ != nullptr) {
    if (receiving_->request().chunked) {
      ParseChunks();
    } else if (receiving_->BodyRoom().empty()) {
      Complete(*receiving_);
    }
  }
  while (input_ != nullptr && input_->size() != 0 && MayParse()) {
    if (const int status = scanner_.Scan(input_->first(), input_->size()); status != 0) return Refuse(status);
    if (!scanner_.done()) break;
    if (!ParseMessage()) return;
  }
  limited_ = input_ != nullptr && input_->size() != 0 && !MayParse();
  if (!eof_) return;
  if (receiving_ != nullptr) return Refuse(400);
  if (input_ == nullptr || input_->size() == 0) {
    last_request_seen_ = true;
  } else if (MayParse()) {
    if (!scanner_.blank()) return Refuse(400);
    last_request_seen_ = true;
  }
}

bool HttpSession::ParseMessage() {
  HttpExchange& exchange = AddExchange();
  HttpRequest& request = exchange.request();
  receiving_ = &exchange;
  waiting_ = Waiting::kNothing;
  char* const header = input_->first() + scanner_.start();
  const std::size_t header_size = scanner_.end() - scanner_.start();
  parser_.emplace(context_.config.limits, request, exchange);
  int status = parser_->ParseHeader(std::string_view(header, header_size));
  if (status == 0) {
    status = CheckRequest(request, "http", request.head.authority.empty() ? DefaultAuthority() : std::string_view());
  }
  if (status != 0) {
    Refuse(status);
    return false;
  }
  input_->begin += scanner_.end();
  scanner_.Reset();
  if (!request.keep_alive() || context_.draining) last_request_seen_ = true;
  if (context_.draining) linger_ = true;
  if (request.chunked) {
    exchange.SetSource(std::string_view(header, header_size));
    ParseChunks();
    return true;
  }
  const auto body_size = static_cast<std::size_t>(request.content_length);
  if (body_size <= input_->size()) {
    exchange.SetSource(std::string_view(header, header_size + body_size));
    exchange.SetBody(std::string_view(input_->first(), body_size));
    input_->begin += body_size;
    Complete(exchange);
  } else {
    exchange.SetSource(std::string_view(header, header_size));
    exchange.ExpectBody(body_size);
    std::memcpy(exchange.BodyRoom().data(), input_->first(), input_->size());
    exchange.BodyArrived(input_->size());
    input_->begin = input_->end;
  }
  return true;
}

void HttpSession::ParseChunks() {
  if (input_ == nullptr || input_->size() == 0) return;
  std::size_t consumed = 0;
  const int status = parser_->ParseChunks(std::string_view(input_->first(), input_->size()), consumed);
  if (status != 0) return Refuse(status);
  input_->begin += consumed;
  if (parser_->complete()) Complete(*receiving_);
}

void HttpSession::Complete(HttpExchange& exchange) {
  receiving_ = nullptr;
  parser_.reset();
  exchange.state = HttpExchange::State::kRunning;
  exchange.deadline = HttpContext::After(context_.config.limits.request);
  served_ = true;
  context_.batch.push_back(&exchange);
}

void HttpSession::Refuse(int status) {
  if (context_.log.Enabled(LogLevel::kDebug)) {
    context_.log.Debug("request refused", {{"status", status}, {"remote", remote_address()}});
  }
  HttpExchange& exchange = receiving_ != nullptr ? *std::exchange(receiving_, nullptr) : AddExchange();
  parser_.reset();
  last_request_seen_ = linger_ = true;
  // Not overwritten yet: the requests before this one lie there.
  if (input_ != nullptr) input_->begin = input_->end;
  scanner_.Reset();
  exchange.Answer(status);
}

HttpExchange& HttpSession::AddExchange() {
  HttpExchange& exchange = *context_.AcquireExchange();
  exchange.Begin(*this);
  (last_ == nullptr ? first_ : last_->next) = &exchange;
  last_ = &exchange;
  ++in_flight_;
  return exchange;
}

std::string_view HttpSession::DefaultAuthority() {
  if (!default_authority_.empty()) return default_authority_;
  default_authority_ = "localhost";
  asio::ip::tcp::endpoint address;
  auto size = static_cast<socklen_t>(address.capacity());
  if (getsockname(socket_.get(), address.data(), &size) != 0) return default_authority_;
  if (const int family = address.data()->sa_family; family != AF_INET && family != AF_INET6) return default_authority_;
  const bool v6 = address.address().is_v6();
  default_authority_ =
      (v6 ? "[" : "") + address.address().to_string() + (v6 ? "]:" : ":") + std::to_string(address.port());
  return default_authority_;
}

// --- Replies

ConnectionOption HttpSession::ConnectionOptionFor(const HttpExchange& exchange) const {
  if (last_request_seen_ && &exchange == last_) return ConnectionOption::kClose;
  // HTTP/1.0 clients do not expect it (RFC 9112 section 9.3).
  return last_ == &exchange && !last_->request().http11 ? ConnectionOption::kKeepAlive : ConnectionOption::kNone;
}

void HttpSession::CloseAfter(const HttpExchange& exchange) {
  if (&exchange == last_) last_request_seen_ = true;
}

void HttpSession::Finished(HttpExchange& exchange) {
  exchange.state = HttpExchange::State::kDone;
  if (closed_) return;
  while (first_ != nullptr && first_->state == HttpExchange::State::kDone && !first_->cut()) {
    HttpExchange& done = *std::exchange(first_, first_->next);
    if (first_ == nullptr) {
      last_ = nullptr;
    } else {
      output_.Splice(first_->output());
    }
    --in_flight_;
    context_.ReleaseExchange(done);
  }
  Wrote();
}

void HttpSession::StopDiscarded() {
  while (first_ != nullptr && first_->discards()) {
    context_.sink.Cancel(*first_, kBodyUnwanted);
    first_->EndStream(true);
  }
}

void HttpSession::SendContinue() {
  // Not before the replies to the requests before it (RFC 9110 section 10.1.1).
  if (receiving_ == nullptr || receiving_ != first_ || !receiving_->request().expect_continue) return;
  receiving_->request().expect_continue = false;
  output_.Append(kContinue);
}

// Here and in Receive the kernel is called without the C library, whose functions are cancellation points: in a process
// of many threads that costs a request 2 % of its time.
long HttpSession::SendOnce(std::span<iovec> buffers) {
  if (buffers.size() == 1) {
    return syscall(SYS_sendto, socket_.get(), buffers[0].iov_base, buffers[0].iov_len, MSG_NOSIGNAL, nullptr, 0);
  }
  const msghdr message = {.msg_iov = buffers.data(), .msg_iovlen = buffers.size()};
  return syscall(SYS_sendmsg, socket_.get(), &message, MSG_NOSIGNAL);
}

void HttpSession::NoteProgress() {
  write_deadline_ = output_.empty() ? HttpContext::kNever : HttpContext::After(context_.config.timeouts.write);
  gone_deadline_ = HttpContext::kNever;
}

void HttpSession::NoteBlocked() {
  blocked_ = true;
  if (write_deadline_ == HttpContext::kNever) write_deadline_ = HttpContext::After(context_.config.timeouts.write);
}

void HttpSession::Send() {
  std::array<iovec, kMaxWriteBuffers> buffers;
  while (!closed_ && !blocked_ && !output_.empty()) {
    const long sent = SendOnce(std::span(buffers.data(), output_.Gather(buffers)));
    if (sent >= 0) {
      output_.Consume(static_cast<std::size_t>(sent));
      NoteProgress();
    } else if (errno == EAGAIN) {
      NoteBlocked();
    } else if (errno != EINTR) {
      return Close(kClientGone);
    }
  }
}

std::string_view HttpSession::SendFromItsPlace(const HttpExchange& exchange, std::string_view body) {
  if (closed_ || blocked_ || &exchange != first_) return body;
  std::array<iovec, kMaxWriteBuffers + 1> buffers;
  const std::size_t count = output_.Gather(std::span(buffers).first(kMaxWriteBuffers));
  std::size_t queued = 0;
  for (std::size_t i = 0; i < count; ++i) queued += buffers[i].iov_len;
  if (queued != output_.bytes()) return body;
  buffers[count] = {.iov_base = const_cast<char*>(body.data()), .iov_len = body.size()};
  const long sent = SendOnce(std::span(buffers).first(count + 1));
  // An error comes up again when the rest is sent; here a handler is running, so the connection must stay.
  if (sent <= 0) return body;
  const std::size_t from_queue = std::min(static_cast<std::size_t>(sent), queued);
  output_.Consume(from_queue);
  NoteProgress();
  return body.substr(static_cast<std::size_t>(sent) - from_queue);
}

// --- Between turns

void HttpSession::Settle() {
  if (FinishIfDone()) return;
  OwnPending();
  CompactInput();
  SetWaiting();
  const bool wants_input = WantsInput();
  if ((limited_ && MayParse()) || (more_input_ && wants_input)) context_.ScheduleTurn(*this);
  WatchFor((wants_input ? kInputEvents : 0u) | (blocked_ ? EPOLLOUT : 0u) | EPOLLET);
  if (first_ != nullptr && first_->blocked() && output_.bytes() <= kStreamLowWater) {
    first_->Unblock();
    context_.sink.Drained(*first_);
  }
}

bool HttpSession::FinishIfDone() {
  if (lingering_ || !output_.empty()) return false;
  if (first_ != nullptr && first_->cut() && first_->state == HttpExchange::State::kDone) {
    if (first_->ends_with_connection()) {
      // An orderly end would look like the end of the body.
      const linger reset = {.l_onoff = 1, .l_linger = 0};
      setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    }
    Close(kReplyCut);
    return true;
  }
  if (first_ != nullptr || !last_request_seen_) return false;
  const bool more_came = input_ != nullptr && input_->size() != 0;
  if (eof_ || !(linger_ || more_came)) {
    Close(kClientGone);
    return true;
  }
  shutdown(socket_.get(), SHUT_WR);
  lingering_ = true;
  return false;
}

void HttpSession::OwnPending() {
  for (HttpExchange* exchange = first_; exchange != nullptr; exchange = exchange->next) {
    if (exchange->state != HttpExchange::State::kDone) exchange->Own();
  }
}

void HttpSession::CompactInput() {
  if (input_ == nullptr) return;
  const std::size_t size = lingering_ ? 0 : input_->size();
  if (size != 0 && input_->begin != 0) std::memmove(input_->data(), input_->first(), size);
  input_->begin = 0;
  input_->end = size;
  // A connection that waits needs no memory for what may come.
  ReleaseInput();
}

void HttpSession::SetWaiting() {
  const TimeoutsConfig& timeouts = context_.config.timeouts;
  const auto set = [this](Waiting waiting, std::chrono::milliseconds timeout) {
    if (waiting == waiting_) return;
    waiting_ = waiting;
    input_deadline_ = HttpContext::After(timeout);
  };
  if (lingering_) {
    set(Waiting::kEnd, kLingerTime);
  } else if (receiving_ != nullptr) {
    set(Waiting::kBody, timeouts.body);
  } else if (input_ != nullptr && input_->size() != 0 && MayParse() && !scanner_.blank()) {
    set(Waiting::kHeader, timeouts.header);
  } else if (first_ == nullptr && output_.empty()) {
    set(Waiting::kRequest, timeouts.idle);
  } else {
    waiting_ = Waiting::kNothing;
    input_deadline_ = HttpContext::kNever;
  }
  if (eof_ && output_.empty() && gone_deadline_ == HttpContext::kNever) {
    gone_deadline_ = HttpContext::After(kHalfClosedPatience);
  }
}

void HttpSession::OnReady(std::uint32_t events) {
  const boost::intrusive_ptr<HttpSession> alive(this);
  // Reported whether asked for or not: nobody is there to read a reply.
  if ((watched_ & EPOLLIN) == 0 && (events & (EPOLLERR | EPOLLHUP)) != 0) return Close(kClientGone);
  if ((events & EPOLLOUT) != 0) blocked_ = false;
  if ((events & ~EPOLLOUT) != 0 && (watched_ & EPOLLIN) != 0) {
    Receive();
    received_ = true;
    // The end of the input comes up once; it may stand behind the bytes that have just been read.
    if ((events & (EPOLLRDHUP | EPOLLERR | EPOLLHUP)) != 0) more_input_ = true;
  }
  if (!closed_) context_.AddTurn(*this);
}

void HttpSession::Receive() {
  const bool into_body = receiving_ != nullptr && !receiving_->request().chunked;
  const std::span<char> room = ReadRoom();
  // What cannot be taken now stays in the socket, and will not come up by itself.
  more_input_ = room.empty();
  if (room.empty()) return;
  const long size = syscall(SYS_recvfrom, socket_.get(), room.data(), room.size(), 0, nullptr, nullptr);
  if (size < 0) {
    more_input_ = errno == EINTR;
    if (errno != EAGAIN && errno != EINTR) Close(kClientGone);
    return;
  }
  if (size == 0) return OnInputEnd();
  more_input_ = static_cast<std::size_t>(size) == room.size();
  if (receiving_ != nullptr) waiting_ = Waiting::kNothing;
  if (into_body) {
    receiving_->BodyArrived(static_cast<std::size_t>(size));
  } else {
    input_->end += static_cast<std::size_t>(size);
  }
}

void HttpSession::OnInputEnd() {
  more_input_ = false;
  if (lingering_) return Close(kClientGone);
  eof_ = true;
}

bool HttpSession::WantsInput() const {
  if (eof_ || (!lingering_ && output_.bytes() >= kStreamHighWater)) return false;
  // What does not fit waits until what is there has been served.
  return input_ == nullptr || input_->room() != 0 || receiving_ != nullptr || MayParse();
}

std::span<char> HttpSession::ReadRoom() {
  if (!WantsInput()) return {};
  if (receiving_ != nullptr && !receiving_->request().chunked) return receiving_->BodyRoom();
  if (input_ == nullptr) {
    input_ = context_.blocks.Acquire();
  } else if (input_->room() == 0) {
    if (receiving_ != nullptr) {
      // The size line of a chunk, or the trailers, beyond all reason.
      Refuse(431);
      return {};
    }
    // The scanner refuses a header before it fills this.
    Block* const larger = context_.blocks.Acquire(context_.config.limits.headers + BlockPool::kStandardCapacity);
    std::memcpy(larger->data(), input_->first(), input_->size());
    larger->end = input_->size();
    context_.blocks.Release(std::exchange(input_, larger));
  }
  return {input_->data() + input_->end, input_->room()};
}

void HttpSession::WatchFor(std::uint32_t events) {
  if (events == watched_) return;
  watched_ = events;
  context_.poller.Change(socket_.get(), events, *this);
}

void HttpSession::ReleaseInput() {
  if (input_ == nullptr || input_->size() != 0) return;
  context_.blocks.Release(std::exchange(input_, nullptr));
}

// --- For the service

void HttpSession::Drain() {
  if (closed_ || lingering_) return;
  const bool arriving = input_ != nullptr && input_->size() != 0 && MayParse() && !scanner_.blank();
  if (first_ != nullptr || !output_.empty()) {
    last_request_seen_ = linger_ = true;
    return;
  }
  // The request that has begun to arrive will be the last. It may not have been read yet, and whoever has just
  // connected is about to send one.
  if (arriving) return;
  int unread = 0;
  if (served_ && (ioctl(socket_.get(), FIONREAD, &unread) != 0 || unread == 0)) return Close({});
  input_deadline_ = std::min(input_deadline_, HttpContext::After(kDrainPatience));
}

template <typename Predicate>
bool HttpSession::AnswerInstead(int status, std::string_view reason, Predicate predicate) {
  bool acted = false;
  for (HttpExchange* exchange = first_; exchange != nullptr;) {
    if (exchange->state != HttpExchange::State::kRunning || !predicate(*exchange)) {
      exchange = exchange->next;
      continue;
    }
    context_.sink.Cancel(*exchange, reason);
    exchange->Answer(status);
    acted = true;
    // Listeners to the cancellation may have answered any of the others.
    exchange = first_;
  }
  return acted;
}

void HttpSession::Cut(std::string_view reason) {
  if (closed_) return;
  last_request_seen_ = true;
  AnswerInstead(503, reason, [](const HttpExchange&) { return true; });
  Send();
  Close(reason);
}

void HttpSession::CheckDeadlines(std::int64_t now) {
  if (closed_) return;
  if (now >= write_deadline_) return Close(kClientStalled);
  if (now >= gone_deadline_) return Close(kClientGone);
  bool acted = false;
  if (now >= input_deadline_) {
    if (waiting_ == Waiting::kRequest || waiting_ == Waiting::kEnd) return Close({});
    Refuse(408);
    acted = true;
  }
  acted |= AnswerInstead(504, kRequestOverdue, [this, now](const HttpExchange& exchange) {
    if (now < exchange.deadline) return false;
    // Without the query, which may hold what no log should.
    const RequestHead& head = exchange.head();
    context_.log.Warn("a request has taken longer than limits.request",
                      {{"method", head.method}, {"path", head.target.substr(0, head.target.find('?'))}});
    return true;
  });
  if (acted) context_.ScheduleTurn(*this);
}

void HttpSession::Close(std::string_view reason) {
  if (closed_) return;
  closed_ = true;
  socket_.Reset();
  receiving_ = nullptr;
  parser_.reset();
  while (first_ != nullptr) {
    HttpExchange& exchange = *std::exchange(first_, first_->next);
    const bool lent =
        exchange.state == HttpExchange::State::kRunning || exchange.state == HttpExchange::State::kStreaming;
    if (lent) context_.sink.Cancel(exchange, reason);
    context_.ReleaseExchange(exchange);
  }
  last_ = nullptr;
  in_flight_ = 0;
  output_.Clear();
  if (input_ != nullptr) context_.blocks.Release(std::exchange(input_, nullptr));
  context_.Remove(*this);
}

std::size_t HttpSession::unanswered() const {
  int unread = 0;
  const bool waits = ioctl(socket_.get(), FIONREAD, &unread) == 0 && unread != 0;
  std::size_t count = first_ == nullptr && (waits || !output_.empty()) ? 1 : 0;
  for (const HttpExchange* exchange = first_; exchange != nullptr; exchange = exchange->next) ++count;
  return count;
}

}  // namespace jsd

// The input side of a session: what comes from the socket, and what becomes of it.

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "server/http/http_session.h"

namespace jsd {
namespace {

// A body that its handler has not read is read and dropped, so that the connection can go on; beyond this many bytes
// the connection costs less than the body.
constexpr std::size_t kMostDiscarded = 256 * 1024;

}  // namespace

void HttpSession::OnReady(std::uint32_t events) {
  const boost::intrusive_ptr<HttpSession> alive(this);
  end_reported_ |= (events & (EPOLLRDHUP | EPOLLERR | EPOLLHUP)) != 0;
  if (handshaking_) [[unlikely]]
    return ContinueHandshake(events);
  // Reported whether asked for or not: nobody is there to read a reply, and what has come is not read now.
  if ((events & (EPOLLERR | EPOLLHUP)) != 0 && !WantsInput()) return Close(kClientGone);
  if ((events & EPOLLOUT) != 0) {
    blocked_ = false;
    // TLS may have had to write before it could read on.
    if (tls_ != nullptr && output_.empty()) {
      more_input_ = true;
      write_deadline_ = CoarseClock::kNever;
    }
  }
  if ((events & ~EPOLLOUT) != 0 && (watched_ & EPOLLIN) != 0) {
    Receive();
    received_ = true;
  }
  if (!closed_) context_.AddTurn(*this);
}

void HttpSession::Receive() {
  const std::span<char> room = ReadRoom();
  // What cannot be taken now stays in the socket, and will not come up by itself.
  more_input_ = room.empty();
  if (room.empty()) return;
  const long size = tls_ != nullptr
                        ? tls_->Receive(room)
                        : syscall(SYS_recvfrom, socket_.get(), room.data(), room.size(), 0, nullptr, nullptr);
  if (size < 0) {
    more_input_ = errno == EINTR;
    if (errno == EAGAIN && tls_ != nullptr && tls_->wants_output()) NoteBlocked();
    if (errno != EAGAIN && errno != EINTR) Close(kClientGone);
    return;
  }
  if (size == 0) return OnInputEnd();
  more_input_ = end_reported_ || (tls_ != nullptr ? tls_->more_input() : static_cast<std::size_t>(size) == room.size());
  if (in_body_) {
    waiting_ = Waiting::kNothing;
    sending_.bytes += static_cast<std::size_t>(size);
  }
  if (ReadsIntoBody()) {
    receiving_->BodyReceived(static_cast<std::size_t>(size));
    receiving_->request().expect_continue = false;
    body_left_ -= static_cast<std::size_t>(size);
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
  if (in_body_ && receiving_ != nullptr && !receiving_->TakesBody()) return false;
  // What does not fit waits until what is there has been served.
  return input_ == nullptr || input_->room() != 0 || in_body_ || MayParse();
}

std::span<char> HttpSession::ReadRoom() {
  if (!WantsInput()) return {};
  if (ReadsIntoBody()) return receiving_->BodyRoom(body_left_);
  if (input_ == nullptr) {
    input_ = context_.blocks.Acquire(in_body_ ? kBodyWindow : BlockPool::kStandardCapacity);
  } else if (input_->room() == 0) {
    if (in_body_) {
      // The size line of a chunk, or the trailers, beyond all reason.
      receiving_ != nullptr ? Refuse(431) : StopReading();
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

void HttpSession::ReleaseInput() {
  if (input_ == nullptr || input_->size() != 0) return;
  context_.blocks.Release(std::exchange(input_, nullptr));
}

bool HttpSession::MayParse() const {
  if (last_request_seen_ || in_body_ || output_.bytes() >= kStreamHighWater) return false;
  if (leaving_ && (first_ != nullptr || !output_.empty())) [[unlikely]]
    return false;
  if (in_flight_ >= std::max(context_.config.limits.pipeline, 1u)) return false;
  // The reply to HTTP/1.0 may turn out to end with the connection.
  // So may the one to a request for a WebSocket turn out to be the beginning of one.
  return last_ == nullptr || (last_->request().http11 && !last_->request().websocket);
}

void HttpSession::ParseInput() {
  if (websocket_ != nullptr) [[unlikely]]
    return ParseFrames();
  if (in_body_) TakeBody();
  while (input_ != nullptr && input_->size() != 0 && MayParse()) {
    if (const int status = scanner_.Scan(input_->first(), input_->size()); status != 0) return Refuse(status);
    if (!scanner_.done()) break;
    if (!ParseMessage()) return;
  }
  limited_ = input_ != nullptr && input_->size() != 0 && !MayParse();
  if (!eof_) return;
  if (in_body_) {
    if (receiving_ != nullptr && receiving_->TakesBody()) return Refuse(400, kClientGone);
    if (receiving_ == nullptr) StopReading();
  } else if (input_ == nullptr || input_->size() == 0) {
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
  // The checks may rewrite what another worker has to read again.
  std::string untouched;
  if (context_.router.spread()) [[unlikely]]
    untouched.assign(header, header_size);
  parser_.emplace(context_.router.limits(), request);
  int status = parser_->ParseHeader(std::string_view(header, header_size));
  if (status == 0) {
    status = CheckRequest(request, tls_ == nullptr ? "http" : "https",
                          request.head.authority.empty() ? DefaultAuthority() : std::string_view());
  }
  if (status == 0 && trusted_) [[unlikely]]
    BelieveForwarded(request);
  if (status == 0) status = FindApp(exchange);
  if (status != 0) {
    Refuse(status);
    return false;
  }
  if (exchange.app != nullptr && exchange.app->sink == nullptr && !redirects_) [[unlikely]] {
    MoveAway(exchange, untouched);
    return false;
  }
  input_->begin += scanner_.end();
  scanner_.Reset();
  const bool is_last = ++requests_ == context_.config.limits.requests_per_connection;
  if (!request.keep_alive() || context_.draining || is_last) last_request_seen_ = true;
  if (context_.draining) linger_ = true;
  const std::uint64_t body_size = request.content_length;
  if (!request.chunked && body_size <= input_->size()) {
    exchange.SetSource(std::string_view(header, header_size + body_size));
    exchange.SetBody(std::string_view(input_->first(), body_size));
    input_->begin += body_size;
    receiving_ = nullptr;
    parser_.reset();
  } else {
    exchange.SetSource(std::string_view(header, header_size));
    exchange.ExpectBody(request.chunked ? -1 : static_cast<std::int64_t>(body_size));
    in_body_ = true;
    sending_ = {};
    chunked_ = request.chunked;
    body_left_ = body_size;
    TakeBody();
    if (last_ != &exchange || exchange.state != HttpExchange::State::kReceiving) return false;
    if (in_body_ && eof_) {
      Refuse(400);
      return false;
    }
    if (!in_body_) exchange.MakeBodyWhole();
  }
  Dispatch(exchange);
  return true;
}

int HttpSession::FindApp(HttpExchange& exchange) {
  HttpApp* const app = context_.router.Find(exchange.head());
  if (app == nullptr) [[unlikely]]
    return 0;  // Dispatch says so.
  exchange.app = app;
  const HttpRequest& request = exchange.request();
  if (request.content_length > app->limits.body) return 413;
  if (request.chunked) parser_->body_limit(app->limits.body);
  return 0;
}

void HttpSession::TakeBody() {
  body_news_ = true;
  if (chunked_) return TakeChunks();
  if (input_ != nullptr && input_->size() != 0) {
    const std::size_t size = std::min<std::uint64_t>(input_->size(), body_left_);
    if (receiving_ != nullptr) {
      receiving_->AppendBody(std::string_view(input_->first(), size));
      receiving_->request().expect_continue = false;
    } else {
      CountDiscarded(size);
      if (!in_body_) return;
    }
    input_->begin += size;
    body_left_ -= size;
  }
  if (body_left_ == 0) EndBody();
}

void HttpSession::TakeChunks() {
  if (input_ == nullptr || input_->size() == 0) return;
  // What is decoded of one block of input may go beyond the window once.
  if (receiving_ != nullptr && !receiving_->TakesBody()) return;
  std::size_t consumed = 0;
  const int status = parser_->ParseChunks(std::string_view(input_->first(), input_->size()), consumed, receiving_);
  if (status != 0) return receiving_ != nullptr ? Refuse(status) : StopReading();
  input_->begin += consumed;
  if (receiving_ != nullptr) {
    receiving_->request().expect_continue = false;
  } else {
    CountDiscarded(consumed);
    if (!in_body_) return;
  }
  if (parser_->complete()) EndBody();
}

void HttpSession::EndBody() {
  in_body_ = false;
  parser_.reset();
  if (receiving_ != nullptr) std::exchange(receiving_, nullptr)->BodyEnded();
}

void HttpSession::DiscardBody() {
  const bool waits_to_be_asked = receiving_->request().expect_continue;
  receiving_->DropBody();
  receiving_ = nullptr;
  discarded_ = 0;
  // Whether a client that waits to be asked still sends the body after this answer cannot be known.
  if (waits_to_be_asked || (!chunked_ && body_left_ > kMostDiscarded)) StopReading();
}

void HttpSession::CountDiscarded(std::size_t size) {
  discarded_ += size;
  if (discarded_ > kMostDiscarded) StopReading();
}

void HttpSession::StopReading() {
  in_body_ = false;
  parser_.reset();
  last_request_seen_ = linger_ = true;
  // Not overwritten yet: requests lie there.
  if (input_ != nullptr) input_->begin = input_->end;
  scanner_.Reset();
}

void HttpSession::TellNews() {
  body_news_ = false;
  for (HttpExchange* exchange = first_; exchange != nullptr; exchange = exchange->next) {
    if (!exchange->lent() || !exchange->has_news()) continue;
    exchange->deadline = CoarseClock::After(exchange->app->limits.request);
    // The next turn sets it anew if the script goes on reading.
    waiting_ = Waiting::kNothing;
    input_deadline_ = CoarseClock::kNever;
    const std::size_t filled = exchange->TakeNews();
    return exchange->app->sink->BodyArrived(*exchange, filled);
  }
}

void HttpSession::Dispatch(HttpExchange& exchange) {
  exchange.state = HttpExchange::State::kRunning;
  if (context_.observes()) exchange.started = std::chrono::steady_clock::now();
  served_ = true;
  if (redirects_) [[unlikely]]
    return Redirect(exchange);
  if (exchange.app == nullptr) [[unlikely]]
    return exchange.Answer(404);
  if (exchange.request().websocket && RefuseUpgrade(exchange)) return;
  exchange.deadline = CoarseClock::After(exchange.app->limits.request);
  exchange.app->batch.push_back(&exchange);
}

void HttpSession::Refuse(int status, std::string_view reason) {
  if (context_.log.Enabled(LogLevel::kDebug)) {
    context_.log.Debug("request refused", {{"status", status}, {"remote", remote_address()}});
  }
  HttpExchange& exchange = receiving_ != nullptr ? *std::exchange(receiving_, nullptr) : AddExchange();
  StopReading();
  const bool streams = exchange.state == HttpExchange::State::kStreaming;
  if (exchange.lent()) exchange.app->sink->Cancel(exchange, reason);
  exchange.DropBody();
  streams ? exchange.EndStream(false) : exchange.Answer(status);
}

HttpExchange& HttpSession::AddExchange() {
  HttpExchange& exchange = *context_.AcquireExchange();
  exchange.Begin(*this);
  (last_ == nullptr ? first_ : last_->next) = &exchange;
  last_ = &exchange;
  ++in_flight_;
  return exchange;
}

}  // namespace jsd

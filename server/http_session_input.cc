// The input side of a session: what comes from the socket, and what becomes of it.

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "server/http_session.h"

namespace jsd {

void HttpSession::OnReady(std::uint32_t events) {
  const boost::intrusive_ptr<HttpSession> alive(this);
  if (handshaking_) [[unlikely]]
    return ContinueHandshake(events);
  // Reported whether asked for or not: nobody is there to read a reply.
  if ((watched_ & EPOLLIN) == 0 && (events & (EPOLLERR | EPOLLHUP)) != 0) return Close(kClientGone);
  if ((events & EPOLLOUT) != 0) {
    blocked_ = false;
    // TLS may have had to write before it could read on.
    if (tls_ != nullptr && output_.empty()) {
      more_input_ = true;
      write_deadline_ = HttpContext::kNever;
    }
  }
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
  more_input_ = tls_ != nullptr ? tls_->more_input() : static_cast<std::size_t>(size) == room.size();
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

void HttpSession::ReleaseInput() {
  if (input_ == nullptr || input_->size() != 0) return;
  context_.blocks.Release(std::exchange(input_, nullptr));
}

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
    status = CheckRequest(request, tls_ == nullptr ? "http" : "https",
                          request.head.authority.empty() ? DefaultAuthority() : std::string_view());
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
  if (redirects_) [[unlikely]]
    return Redirect(exchange);
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

}  // namespace jsd

#include "server/client/client_connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "core/check.h"
#include "server/client/client_request.h"
#include "server/client/connection_pool.h"

namespace jsd {
namespace {

constexpr std::uint32_t kEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

// A server that says how long it keeps idle connections is taken at its word, less what a request needs to get there.
constexpr std::chrono::seconds kIdleMargin{1};

}  // namespace

ClientConnection::ClientConnection(ConnectionPool& pool, ClientRequest& request)
    : pool_(pool), origin_(request.origin()), request_(&request) {
  request.connection = this;
}

ClientConnection::~ClientConnection() = default;

// --- Connecting

void ClientConnection::Connect() {
  deadline_ = CoarseClock::After(pool_.config.connect);
  dialer_ = std::make_unique<Dialer>(pool_.io, pool_.poller, pool_.resolver);
  const auto may_connect = [this](const boost::asio::ip::address& address) {
    return origin_.route.chosen || request_->events().MayConnect(NetworkBytes(address), origin_.port);
  };
  dialer_->Start(origin_.route.dial, may_connect, [this](Dialer::Result result) { OnDialed(std::move(result)); });
}

void ClientConnection::OnDialed(Dialer::Result result) {
  dialer_.reset();
  if (!result.socket.valid()) return Fail(result.failure);
  address_ = result.address;
  stream_ = ClientStream(std::move(result.socket));
  if (!pool_.poller.Watch(stream_.socket(), kEvents, *this)) return Fail(SocketFailure(errno, origin_.name));
  origin_.route.tunnel ? StartTunnel() : StartTls();
}

void ClientConnection::StartTunnel() {
  phase_ = Phase::kTunnel;
  tunnel_output_ =
      "CONNECT " + origin_.name + " HTTP/1.1\r\nhost: " + origin_.name + "\r\n" + origin_.route.proxy_field + "\r\n";
  parser_.emplace(true, static_cast<std::uint32_t>(pool_.config.headers), *this);
  Flush();
}

void ClientConnection::TakeTunnelReply() {
  for (;;) {
    std::size_t consumed = 0;
    if (!parser_->Parse(input_, consumed)) return Fail({"ERR_PROXY", "the proxy sent no HTTP: " + parser_->error()});
    input_.erase(0, consumed);
    if (!parser_->complete()) return;
    if (!parser_->interim() || parser_->upgraded()) break;
    parser_.emplace(true, static_cast<std::uint32_t>(pool_.config.headers), *this);
  }
  const int status = parser_->status();
  parser_.reset();
  if (status / 100 != 2) {
    return Fail({"ERR_PROXY",
                 "the proxy refused the connection to " + origin_.name + " with status " + std::to_string(status)});
  }
  if (!input_.empty()) return Fail({"ERR_PROXY", "the proxy sent more than its reply"});
  StartTls();
}

void ClientConnection::StartTls() {
  if (!origin_.secure) return OnConnected();
  phase_ = Phase::kTls;
  HttpClientFailure failure;
  TlsClientContext* const context = pool_.tls(&failure);
  if (context == nullptr) return Fail(failure);
  SslPtr ssl = context->Connect(stream_.socket(), origin_.host, origin_.key);
  if (ssl == nullptr) return Fail({"EPROTO", "TLS with " + origin_.host + " cannot be started"});
  stream_.Secure(std::move(ssl));
  ContinueTls();
}

void ClientConnection::ContinueTls() {
  const ClientStream::Progress progress = stream_.Handshake();
  switch (progress.status) {
    case ClientStream::Status::kAgain:
      return;
    case ClientStream::Status::kDone:
      return OnConnected();
    case ClientStream::Status::kEnd:
    case ClientStream::Status::kFailed:
      return Fail(progress.error != 0 ? SocketFailure(progress.error, origin_.name)
                                      : TlsFailure(stream_.ssl(), origin_.host));
  }
}

void ClientConnection::OnConnected() {
  ClientRequest& request = *std::exchange(request_, nullptr);
  phase_ = Phase::kIdle;
  Serve(request);
}

// --- Requests

bool ClientConnection::Alive() {
  if (stream_.secure()) return true;  // Tickets may lie there unread.
  char byte;
  return ::recv(stream_.socket(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

bool ClientConnection::MayServe(ClientRequest& request) {
  return origin_.route.chosen || request.events().MayConnect(NetworkBytes(address_), origin_.port);
}

void ClientConnection::Serve(ClientRequest& request) {
  JSD_CHECK(phase_ == Phase::kIdle && request_ == nullptr);
  phase_ = Phase::kBusy;
  request_ = &request;
  request.connection = this;
  body_bytes_ = 0;
  response_begun_ = head_seen_ = paused_ = false;
  parser_.emplace(request.is_head(), static_cast<std::uint32_t>(pool_.config.headers), *this);
  SetDeadline();
  // A script may be running, which must not hear of a failure before it has the request.
  FlushSoon();
}

void ClientConnection::FlushSoon() {
  if (std::exchange(flush_due_, true)) return;
  pool_.Schedule(*this);
}

void ClientConnection::ResumeSoon() {
  if (!paused_ || std::exchange(read_due_, true)) return;
  pool_.Schedule(*this);
}

void ClientConnection::OnDue() {
  if (phase_ == Phase::kClosed) return;
  if (std::exchange(flush_due_, false) && phase_ == Phase::kBusy) Flush();
  if (std::exchange(read_due_, false) && phase_ == Phase::kBusy && paused_) {
    paused_ = false;
    SetDeadline();
    ReadAll();
  }
}

void ClientConnection::Abandon() {
  request_ = nullptr;
  Close();
}

void ClientConnection::SetDeadline() {
  if (phase_ != Phase::kBusy || paused_) {
    deadline_ = CoarseClock::kNever;
  } else {
    deadline_ = CoarseClock::After(head_seen_ ? pool_.config.body : pool_.config.response);
  }
}

// --- The socket

void ClientConnection::OnReady(std::uint32_t events) {
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) input_ended_ = true;
  switch (phase_) {
    case Phase::kClosed:
    case Phase::kDialing:
      return;
    case Phase::kTls:
      ContinueTls();
      if (phase_ != Phase::kBusy) return;
      break;
    default:
      break;
  }
  if ((events & EPOLLOUT) != 0) Flush();
  if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0 || stream_.secure()) ReadAll();
}

void ClientConnection::Flush() {
  while (phase_ == Phase::kBusy || phase_ == Phase::kTunnel) {
    const bool tunnel = phase_ == Phase::kTunnel;
    const std::string_view bytes = tunnel ? std::string_view(tunnel_output_) : request_->unsent();
    if (bytes.empty()) return;
    const ClientStream::Progress progress = stream_.Write(bytes);
    if (progress.status == ClientStream::Status::kAgain) return;
    if (progress.status != ClientStream::Status::kDone) {
      // A server that answers early and closes: its answer may be there already.
      input_ended_ = true;
      ReadAll();
      if (phase_ == Phase::kBusy && !paused_)
        Break(SocketFailure(progress.error == 0 ? EPIPE : progress.error, origin_.name));
      return;
    }
    if (tunnel) {
      tunnel_output_.erase(0, progress.size);
    } else {
      request_->Sent(progress.size);
      if (!head_seen_) SetDeadline();
    }
  }
}

void ClientConnection::ReadAll() {
  while (phase_ == Phase::kBusy || phase_ == Phase::kIdle || phase_ == Phase::kTunnel) {
    if (paused_) return;
    std::vector<char>& room = pool_.scratch;
    const ClientStream::Progress progress = stream_.Read(room.data(), room.size());
    if (progress.status == ClientStream::Status::kAgain) return;
    if (progress.status != ClientStream::Status::kDone) return OnInputEnd(progress);
    if (!Take({room.data(), progress.size})) return;
    // The poller tells when more has come; what TLS holds back it does not know of.
    if (progress.size < room.size() && !input_ended_ && !stream_.secure()) return;
  }
}

bool ClientConnection::Take(std::string_view bytes) {
  if (phase_ == Phase::kIdle) {
    // Nobody has asked for anything.
    Close();
    return false;
  }
  if (phase_ == Phase::kTunnel) {
    input_.append(bytes);
    TakeTunnelReply();
    return phase_ != Phase::kClosed;
  }
  response_begun_ = true;
  SetDeadline();
  // Most responses come whole and are parsed where they lie.
  std::size_t consumed = 0;
  const bool direct = input_.empty();
  if (!direct) input_.append(bytes);
  std::string_view rest = direct ? bytes : std::string_view(input_);
  for (;;) {
    if (!parser_->Parse(rest, consumed)) {
      Fail({"ERR_HTTP_RESPONSE", "the response of " + origin_.name + " is malformed: " + parser_->error()});
      return false;
    }
    if (phase_ != Phase::kBusy) return false;  // The sink failed it.
    rest.remove_prefix(consumed);
    if (!parser_->complete() || !parser_->interim()) break;
    if (parser_->upgraded() && request_->upgrades()) {
      HandOver(rest);
      return false;
    }
    if (parser_->upgraded()) {
      Fail({"ERR_HTTP_RESPONSE", origin_.name + " switched to a protocol that nobody asked for"});
      return false;
    }
    parser_.emplace(request_->is_head(), static_cast<std::uint32_t>(pool_.config.headers), *this);
  }
  if (parser_->complete()) {
    const bool reusable = rest.empty() && parser_->reusable() && request_->sent_whole() && !input_ended_;
    input_.clear();
    FinishResponse(reusable);
    return phase_ == Phase::kBusy || phase_ == Phase::kIdle;
  }
  if (direct) {
    input_.assign(rest);
  } else {
    input_.erase(0, input_.size() - rest.size());
  }
  return true;
}

void ClientConnection::OnInputEnd(const ClientStream::Progress& progress) {
  const bool clean = progress.status == ClientStream::Status::kEnd;
  if (phase_ == Phase::kIdle) return Close();
  if (phase_ == Phase::kTunnel) return Fail({"ERR_PROXY", "the proxy closed the connection"});
  if (clean && parser_->ParseEnd()) return FinishResponse(false);
  if (!clean) return Break(SocketFailure(progress.error == 0 ? EPROTO : progress.error, origin_.name));
  Break({"ECONNRESET", response_begun_ ? origin_.name + " closed the connection before the end of its response"
                                       : origin_.name + " closed the connection without a response"});
}

void ClientConnection::OnResponseHead() {
  if (phase_ != Phase::kBusy) return;  // It is the proxy's.
  head_seen_ = true;
  request_->events().OnHead({.status = parser_->status(),
                             .status_text = parser_->reason(),
                             .fields = parser_->fields(),
                             .content_encoding = parser_->content_encoding(),
                             .has_body = !parser_->complete()});
}

void ClientConnection::OnResponseBody(std::string_view bytes) {
  if (phase_ != Phase::kBusy) return;
  body_bytes_ += bytes.size();
  if (pool_.config.max_body != 0 && body_bytes_ > pool_.config.max_body) {
    return Fail({"ERR_RESPONSE_TOO_LARGE", "the response of " + origin_.name + " is larger than fetch.max_body"});
  }
  if (!request_->events().OnBody(bytes)) paused_ = true;
}

void ClientConnection::FinishResponse(bool reusable) {
  const std::string trailers = parser_->trailers();
  const auto idle_timeout = parser_->idle_timeout();
  ClientRequest& request = *std::exchange(request_, nullptr);
  // First, so that the next request finds it.
  if (reusable) {
    phase_ = Phase::kIdle;
    used_before_ = true;
    auto idle = pool_.config.idle;
    if (idle_timeout) {
      idle = std::min<std::chrono::milliseconds>(idle, std::max(*idle_timeout, kIdleMargin) - kIdleMargin);
    }
    deadline_ = CoarseClock::Now() + idle.count();
    paused_ = false;
    parser_.reset();
  }
  request.End(trailers);
  reusable ? pool_.OnIdle(*this) : Close();
}

void ClientConnection::HandOver(std::string_view rest) {
  ClientRequest& request = *std::exchange(request_, nullptr);
  pool_.poller.Forget(stream_.socket(), *this);
  ClientStream stream = std::move(stream_);
  phase_ = Phase::kClosed;
  pool_.OnClosed(*this);
  request.Upgrade(std::move(stream), *parser_, rest);
}

// --- Failures

void ClientConnection::Break(const HttpClientFailure& failure) {
  // RFC 9112 section 9.3.1: a connection that was idle may be closed just when the request is sent.
  if (used_before_ && !response_begun_ && request_->repeatable()) {
    ClientRequest& request = *std::exchange(request_, nullptr);
    request.connection = nullptr;
    Close();
    return pool_.Again(request);
  }
  Fail(failure);
}

void ClientConnection::Fail(const HttpClientFailure& failure) {
  ClientRequest* const request = std::exchange(request_, nullptr);
  Close();
  if (request != nullptr) request->Fail(failure);
}

std::string ClientConnection::DescribeSilence() const {
  switch (phase_) {
    case Phase::kDialing:
      return "the connection to " + origin_.name + " was not made within fetch.connect";
    case Phase::kTunnel:
    case Phase::kTls:
      return "the handshake with " + origin_.name + " did not end within fetch.connect";
    default:
      return head_seen_ ? origin_.name + " sent nothing of its response's body for longer than fetch.body"
                        : origin_.name + " sent no response within fetch.response";
  }
}

void ClientConnection::CheckDeadline(std::int64_t now) {
  if (phase_ == Phase::kClosed || now < deadline_) return;
  if (phase_ == Phase::kIdle) return Close();
  Fail({"ETIMEDOUT", DescribeSilence()});
}

void ClientConnection::Close() {
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kClosed;
  dialer_.reset();
  stream_.Close();
  pool_.OnClosed(*this);
}

}  // namespace jsd

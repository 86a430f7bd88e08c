#include "server/http/http_session.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstring>
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

// What a connection that is cut may have sent and is read away.
constexpr std::size_t kMostDropped = 64 * 1024;

// So many milliseconds a client may be slower than limits.rate.
constexpr std::int64_t kSlowStart = 5000;

constexpr std::string_view kClientStalled = "The client does not read the reply.";
constexpr std::string_view kClientSlow = "The client does not send the request body.";
constexpr std::string_view kReplyCut = "An earlier reply has failed.";

}  // namespace

HttpSession::HttpSession(HttpContext& context, Connection connection, BegunConnection* begun)
    : context_(context),
      socket_(std::move(connection.socket)),
      tls_(begun != nullptr ? nullptr : context.StartTls(connection.listener, socket_.get())),
      redirects_(context.Redirects(connection.listener)),
      remote_address_(std::move(connection.remote_address)),
      remote_port_(connection.remote_port),
      ticket_(std::move(connection.ticket)),
      listener_(connection.listener),
      scanner_(context.config.limits),
      output_(context.blocks),
      awaits_proxy_header_(begun == nullptr && context.config.proxy.protocol && context.TrustsPeer(remote_address_)),
      trusted_(context.TrustsPeer(remote_address_)) {
  handshaking_ = tls_ != nullptr || awaits_proxy_header_;
  if (begun != nullptr) [[unlikely]]
    MoveIn(*begun);
}

HttpSession::~HttpSession() = default;

bool HttpSession::Start() {
  watched_ = kInputEvents | EPOLLET;
  if (!context_.poller.Watch(socket_.get(), watched_, *this)) return false;
  if (handshaking_) {
    waiting_ = Waiting::kHandshake;
    input_deadline_ = CoarseClock::After(context_.config.timeouts.handshake);
  } else {
    SetWaiting();
    // Of one that has begun elsewhere, a request is there already.
    if (input_ != nullptr) context_.ScheduleTurn(*this);
  }
  return true;
}

void HttpSession::BeginTurn() {
  if (closed_) return;
  resume_ = false;
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
  if (websocket_ != nullptr) [[unlikely]]
    websocket_->EndTurn();
  Send();
  in_turn_ = false;
  if (!closed_) Settle();
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

// --- Between turns

void HttpSession::Settle() {
  if (FinishIfDone()) return;
  OwnPending();
  CompactInput();
  SetWaiting();
  const bool wants_input = WantsInput();
  const bool resumes = std::exchange(resume_, false) || (limited_ && MayParse()) || (more_input_ && wants_input);
  if (resumes) context_.ScheduleTurn(*this);
  // A script is about to read on: watching for less and for more again would cost more than being told.
  WatchFor((wants_input || in_body_ ? kInputEvents : 0u) | (blocked_ ? EPOLLOUT : 0u) | EPOLLET);
  if (first_ != nullptr && first_->blocked() && output_.bytes() <= kStreamLowWater) {
    first_->Unblock();
    first_->app->sink->Drained(*first_);
  }
  if (body_news_) TellNews();
}

bool HttpSession::FinishIfDone() {
  if (lingering_ || !output_.empty()) return false;
  if (first_ != nullptr && first_->cut() && first_->state == HttpExchange::State::kDone) {
    if (first_->ends_with_connection()) {
      // An orderly end would look like the end of the body.
      const linger reset = {.l_onoff = 1, .l_linger = 0};
      setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
      tls_.reset();
    }
    Close(kReplyCut);
    return true;
  }
  if (first_ != nullptr || !last_request_seen_) return false;
  const bool more_came = input_ != nullptr && input_->size() != 0;
  if (eof_ || !(linger_ || more_came || in_body_)) {
    Close(kClientGone);
    return true;
  }
  if (tls_ != nullptr) tls_->Shutdown();
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
  if (receiving_ != nullptr) receiving_->TrimBody();
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
    input_deadline_ = CoarseClock::After(timeout);
  };
  if (lingering_) {
    set(Waiting::kEnd, kLingerTime);
  } else if (in_body_ && receiving_ == nullptr) {
    set(Waiting::kUnwantedBody, timeouts.body);
  } else if (in_body_ && receiving_->awaits_body()) {
    set(Waiting::kBody, timeouts.body);
  } else if (input_ != nullptr && input_->size() != 0 && MayParse() && !scanner_.blank()) {
    set(Waiting::kHeader, timeouts.header);
  } else if (first_ == nullptr && output_.empty()) {
    set(Waiting::kRequest, timeouts.idle);
  } else {
    waiting_ = Waiting::kNothing;
    input_deadline_ = CoarseClock::kNever;
  }
  if (eof_ && output_.empty() && gone_deadline_ == CoarseClock::kNever) {
    gone_deadline_ = CoarseClock::After(kHalfClosedPatience);
  }
}

void HttpSession::WatchFor(std::uint32_t events) {
  if (events == watched_) return;
  watched_ = events;
  context_.poller.Change(socket_.get(), events, *this);
}

// --- For the service

void HttpSession::Drain(std::chrono::milliseconds idle_patience) {
  if (closed_ || lingering_) return;
  if (websocket_ != nullptr) return websocket_->GoAway();
  const bool arriving = input_ != nullptr && input_->size() != 0 && MayParse() && !scanner_.blank();
  if (first_ != nullptr || !output_.empty()) {
    last_request_seen_ = linger_ = true;
    return;
  }
  // The request that has begun to arrive will be the last. It may not have been read yet, and whoever has just
  // connected is about to send one.
  if (arriving) return;
  if (served_ && Unread() == 0 && idle_patience.count() == 0) return Close({});
  input_deadline_ = std::min(input_deadline_, CoarseClock::After(std::max(kDrainPatience, idle_patience)));
}

template <typename Predicate>
bool HttpSession::AnswerInstead(int status, std::string_view reason, Predicate predicate) {
  bool acted = false;
  for (HttpExchange* exchange = first_; exchange != nullptr;) {
    if (exchange->state != HttpExchange::State::kRunning || !predicate(*exchange)) {
      exchange = exchange->next;
      continue;
    }
    exchange->app->sink->Cancel(*exchange, reason);
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
  if (websocket_ != nullptr) {
    websocket_->GoAway();
  } else if (first_ == nullptr && HasUnreadRequest()) {
    Refuse(503, reason);
  }
  Send();
  DropUnread();
  Close(reason);
}

// Adds the time since the last look to what has been waited for `progress`; true if that is less than it should be.
bool HttpSession::IsTooSlow(Progress& progress, bool waits, std::int64_t now) {
  const std::int64_t since = std::exchange(progress.seen, waits ? now : 0);
  if (waits && since != 0) progress.waited += now - since;
  // A client may pause for a while, and a connection has to gain speed.
  if (!waits || progress.waited < kSlowStart) return false;
  const auto least = static_cast<std::uint64_t>(progress.waited) * context_.config.limits.rate / 1000;
  return progress.bytes < least;
}

void HttpSession::CheckDeadlines(std::int64_t now) {
  if (closed_) return;
  if (tls_ != nullptr && !handshaking_) tls_->ReleaseIdleBuffers();
  const bool stalls = !output_.empty();
  if (IsTooSlow(reading_, stalls, now)) return Close(kClientStalled);
  if (!stalls) reading_ = {};
  if (now >= write_deadline_) return Close(kClientStalled);
  if (now >= gone_deadline_) return Close(kClientGone);
  if (websocket_ != nullptr && websocket_->IsOverdue(now)) return Close(kClientGone);
  bool acted = false;
  if (now >= input_deadline_ || IsTooSlow(sending_, waiting_ == Waiting::kBody, now)) {
    const bool answers = waiting_ == Waiting::kHeader || waiting_ == Waiting::kBody;
    if (!answers || handshaking_) return Close({});
    Refuse(408, kClientSlow);
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
  if (tls_ != nullptr) tls_->Shutdown();
  socket_.Reset();
  context_.poller.Leave(*this);
  receiving_ = nullptr;
  in_body_ = false;
  parser_.reset();
  if (websocket_ != nullptr) websocket_->OnClosed();
  while (first_ != nullptr) {
    HttpExchange& exchange = *std::exchange(first_, first_->next);
    if (exchange.lent()) {
      exchange.app->sink->Cancel(exchange, reason);
      if (context_.observes()) Observe(exchange);
    }
    context_.ReleaseExchange(exchange);
  }
  last_ = nullptr;
  in_flight_ = 0;
  output_.Clear();
  if (input_ != nullptr) context_.blocks.Release(std::exchange(input_, nullptr));
  context_.Remove(*this);
}

std::size_t HttpSession::Unread() const {
  int unread = 0;
  return ioctl(socket_.get(), FIONREAD, &unread) == 0 ? static_cast<std::size_t>(unread) : 0;
}

bool HttpSession::HasUnreadRequest() {
  if (tls_ == nullptr) return Unread() != 0;
  char first = 0;
  return !handshaking_ && tls_->Receive({&first, 1}) > 0;
}

// A socket that is closed with bytes unread resets the connection, and the client may lose the reply on its way.
void HttpSession::DropUnread() {
  char dropped[4096];
  for (std::size_t rest = std::min(Unread(), kMostDropped); rest != 0;) {
    const ssize_t size = recv(socket_.get(), dropped, std::min(rest, sizeof dropped), MSG_DONTWAIT);
    if (size <= 0) return;
    rest -= static_cast<std::size_t>(size);
  }
}

std::size_t HttpSession::unanswered() const {
  std::size_t count = first_ == nullptr && (Unread() != 0 || !output_.empty()) ? 1 : 0;
  for (const HttpExchange* exchange = first_; exchange != nullptr; exchange = exchange->next) {
    if (exchange->state != HttpExchange::State::kUpgraded) ++count;
  }
  return count;
}

}  // namespace jsd

#include "server/acceptor.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

namespace jsd {
namespace {

namespace asio = boost::asio;

// Signals and the other listeners get their turn after so many connections.
constexpr int kBatch = 64;
// At the end, the length of a full queue: clients that go on connecting must not keep a server from stopping.
constexpr int kLastBatches = 64;
constexpr std::chrono::milliseconds kPause{100};

std::string RemoteAddress(const sockaddr_storage& peer) {
  char text[INET6_ADDRSTRLEN] = "";
  if (peer.ss_family == AF_INET) {
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(peer).sin_addr, text, sizeof(text));
  } else if (peer.ss_family == AF_INET6) {
    ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(peer).sin6_addr, text, sizeof(text));
  }
  return text;
}

std::uint16_t RemotePort(const sockaddr_storage& peer) {
  if (peer.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(peer).sin_port);
  return peer.ss_family == AF_INET6 ? ntohs(reinterpret_cast<const sockaddr_in6&>(peer).sin6_port) : 0;
}

// Errors of one connection, which accept(2) takes out of the queue with it.
bool IsOfOneConnection(int error) {
  switch (error) {
    case ECONNABORTED:
    case EPROTO:
    case EPERM:  // A firewall rule.
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case ETIMEDOUT:
      return true;
    default:
      return false;
  }
}

UniqueFd OpenReserve() { return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

}  // namespace

struct Acceptor::Waits {
  explicit Waits(asio::io_context& io) : readable(io), pause(io) {}
  asio::posix::stream_descriptor readable;  // The listener's descriptor, borrowed.
  asio::steady_timer pause;
};

Acceptor::Acceptor(asio::io_context& io, const Listener& listener, Log& log, Accepted accepted,
                   std::chrono::milliseconds patience)
    : listener_(listener),
      log_(log),
      accepted_(std::move(accepted)),
      patience_(patience),
      waits_(std::make_unique<Waits>(io)),
      reserve_(OpenReserve()) {
  waits_->readable.assign(listener.fd());
  if (!listener_.is_tcp()) return;
  // Replies leave in one write each; waiting for more to send would only delay them. Connections have it from their
  // listener.
  const int on = 1;
  ::setsockopt(listener.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

Acceptor::~Acceptor() {
  if (waits_->readable.is_open()) waits_->readable.release();
}

void Acceptor::Start() { WaitForConnections(); }

void Acceptor::Stop() {
  if (!waits_->readable.is_open()) return;
  for (int i = 0; i < kLastBatches && AcceptBatch() == Result::kMore; ++i) {
  }
  waits_->pause.cancel();
  waits_->readable.release();
}

void Acceptor::WaitForConnections() {
  waits_->readable.async_wait(asio::posix::stream_descriptor::wait_read,
                              [this](const boost::system::error_code& error) { OnReadable(error); });
}

void Acceptor::OnReadable(const boost::system::error_code& error) {
  // Stop may have come between the event and its turn.
  if (error || !waits_->readable.is_open()) return;
  if (AcceptBatch() != Result::kExhausted) {
    WaitForConnections();
    return;
  }
  waits_->pause.expires_after(kPause);
  waits_->pause.async_wait([this](const boost::system::error_code& cancelled) {
    if (!cancelled && waits_->readable.is_open()) WaitForConnections();
  });
}

Acceptor::Result Acceptor::AcceptBatch() {
  int failures = 0;
  for (int i = 0; i < kBatch; ++i) {
    sockaddr_storage peer{};
    socklen_t length = sizeof(peer);
    UniqueFd socket(
        ::accept4(listener_.fd(), reinterpret_cast<sockaddr*>(&peer), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket.valid()) {
      const int error = errno;
      if (error == EAGAIN || error == EWOULDBLOCK) return Result::kEmpty;
      if (error == EINTR) continue;
      if (IsOfOneConnection(error)) {
        OnConnectionFailed(error);
        // Where there is nothing else, whatever is wrong gets the time to pass.
        if (++failures == kBatch) return Result::kExhausted;
        continue;
      }
      OnExhausted(error);
      return Result::kExhausted;
    }
    exhausted_since_.reset();
    accepted_(std::move(socket), RemoteAddress(peer), RemotePort(peer));
  }
  return Result::kMore;
}

bool Acceptor::LogPace::IsDue() {
  constexpr std::chrono::seconds kPeriod{10};
  const auto now = std::chrono::steady_clock::now();
  if (last_ && now - *last_ < kPeriod) return false;
  last_ = now;
  return true;
}

void Acceptor::OnConnectionFailed(int error) {
  ++failed_;
  if (!failures_logged_.IsDue()) return;
  log_.Warn("connections have failed before they were accepted", {{"address", ToString(listener_.address())},
                                                                  {"reason", std::strerror(error)},
                                                                  {"failed", static_cast<std::int64_t>(failed_)}});
  failed_ = 0;
}

void Acceptor::OnExhausted(int error) {
  const auto now = std::chrono::steady_clock::now();
  if (!exhausted_since_) exhausted_since_ = now;
  if ((error == EMFILE || error == ENFILE) && now - *exhausted_since_ >= patience_) RefuseBatch();
  if (!exhaustion_logged_.IsDue()) return;
  log_.Error("cannot accept connections, trying again", {{"address", ToString(listener_.address())},
                                                         {"reason", std::strerror(error)},
                                                         {"refused", static_cast<std::int64_t>(refused_)}});
  refused_ = 0;
}

void Acceptor::RefuseBatch() {
  for (int i = 0; i < kBatch; ++i) {
    reserve_.Reset();
    UniqueFd socket(::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC));
    const bool refused = socket.valid();
    socket.Reset();
    reserve_ = OpenReserve();
    if (!refused) return;
    ++refused_;
  }
}

}  // namespace jsd

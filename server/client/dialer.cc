#include "server/client/dialer.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

namespace jsd {
namespace {

namespace asio = boost::asio;
using asio::ip::address;

// RFC 8305 section 5: Connection Attempt Delay.
constexpr std::chrono::milliseconds kNextAttempt{250};

// RFC 8305 section 4: the families in turn, beginning with the one that the resolver prefers.
std::vector<address> InTurn(const std::vector<address>& addresses) {
  std::vector<address> first, second;
  for (const address& item : addresses) (item.is_v6() == addresses.front().is_v6() ? first : second).push_back(item);
  std::vector<address> result;
  for (std::size_t i = 0; i < first.size() || i < second.size(); ++i) {
    if (i < first.size()) result.push_back(first[i]);
    if (i < second.size()) result.push_back(second[i]);
  }
  return result;
}

}  // namespace

// One socket that is being connected.
struct Dialer::Attempt final : Poller::Client {
  void OnReady(std::uint32_t) override {
    if (!socket.valid()) return;
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (owner != nullptr) owner->OnAttempt(*this, error);
  }

  Dialer* owner = nullptr;
  UniqueFd socket;
  address to;
};

// What handlers and attempts that outlive the dialer by a turn share with it.
struct Dialer::Anchor {
  Dialer* dialer;
};

HttpClientFailure SocketFailure(int error, const std::string& where) {
  const char* const name = ::strerrorname_np(error);
  std::string message;
  switch (error) {
    case ECONNREFUSED:
      message = "the connection to " + where + " was refused";
      break;
    case ECONNRESET:
    case EPIPE:
      message = "the connection to " + where + " was reset";
      break;
    case ETIMEDOUT:
      message = "the connection to " + where + " timed out";
      break;
    default:
      message = "the connection to " + where + " failed: " + std::strerror(error);
  }
  return {name == nullptr ? "EIO" : name, std::move(message)};
}

std::string NetworkBytes(const address& address) {
  if (address.is_v4()) {
    const auto bytes = address.to_v4().to_bytes();
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  const auto bytes = address.to_v6().to_bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Dialer::Dialer(asio::io_context& io, Poller& poller, Resolver& resolver)
    : io_(io), poller_(poller), resolver_(resolver), anchor_(std::make_shared<Anchor>(Anchor{this})), timer_(io) {}

Dialer::~Dialer() {
  anchor_->dialer = nullptr;
  // The poller may be about to tell one of them; it sees that its socket is gone.
  for (const auto& attempt : attempts_) {
    attempt->owner = nullptr;
    attempt->socket.Reset();
  }
  asio::post(io_, [attempts = std::make_shared<std::vector<std::unique_ptr<Attempt>>>(std::move(attempts_))] {});
}

void Dialer::Start(const DialTarget& target, MayConnect may_connect, Done done) {
  target_ = target;
  may_connect_ = std::move(may_connect);
  done_ = std::move(done);
  asio::post(io_, [anchor = anchor_] {
    Dialer* const dialer = anchor->dialer;
    if (dialer == nullptr) return;
    if (!dialer->target_.unix_path.empty()) return dialer->StartUnix();
    dialer->resolver_.Resolve(dialer->target_.host, [anchor](const Resolver::Answer& answer) {
      if (anchor->dialer != nullptr) anchor->dialer->OnResolved(answer);
    });
  });
}

void Dialer::StartUnix() {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  const std::string& path = target_.unix_path;
  if (path.size() >= sizeof name.sun_path)
    return Finish({{}, {}, {"ENAMETOOLONG", "the path " + path + " is too long"}});
  std::memcpy(name.sun_path, path.data(), path.size());
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid() || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) {
    return Finish({{}, {}, SocketFailure(errno, path)});
  }
  Finish({std::move(socket), {}, {}});
}

void Dialer::OnResolved(const Resolver::Answer& answer) {
  if (answer.addresses.empty()) return Finish({{}, {}, answer.failure});
  for (const address& item : InTurn(answer.addresses)) {
    if (may_connect_(item)) addresses_.push_back(item);
  }
  last_failure_ = {"EACCES", "the permissions of this application do not include " + target_.host + ":" +
                                 std::to_string(target_.port) + " at " + answer.addresses.front().to_string()};
  if (!TryNext()) Finish({{}, {}, last_failure_});
}

bool Dialer::TryNext() {
  while (next_ < addresses_.size()) {
    const address to = addresses_[next_++];
    const asio::ip::tcp::endpoint endpoint(to, target_.port);
    const std::string where = target_.host + ":" + std::to_string(target_.port);
    UniqueFd socket(::socket(endpoint.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
    if (!socket.valid()) {
      last_failure_ = SocketFailure(errno, where);
      continue;
    }
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(socket.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0 &&
        errno != EINPROGRESS) {
      last_failure_ = SocketFailure(errno, where);
      continue;
    }
    auto attempt = std::make_unique<Attempt>();
    attempt->owner = this;
    attempt->to = to;
    attempt->socket = std::move(socket);
    if (!poller_.Watch(attempt->socket.get(), EPOLLOUT | EPOLLET, *attempt)) {
      last_failure_ = SocketFailure(errno, where);
      continue;
    }
    attempts_.push_back(std::move(attempt));
    if (next_ < addresses_.size()) ArmTimer();
    return true;
  }
  return false;
}

void Dialer::ArmTimer() {
  timer_.expires_after(kNextAttempt);
  timer_.async_wait([anchor = anchor_](const boost::system::error_code& error) {
    if (!error && anchor->dialer != nullptr) anchor->dialer->TryNext();
  });
}

void Dialer::OnAttempt(Attempt& attempt, int error) {
  if (error == 0) {
    UniqueFd socket = std::move(attempt.socket);
    const address to = attempt.to;
    attempt.owner = nullptr;
    poller_.Forget(socket.get(), attempt);
    return Finish({std::move(socket), to, {}});
  }
  last_failure_ = SocketFailure(error, target_.host + ":" + std::to_string(target_.port));
  attempt.owner = nullptr;
  attempt.socket.Reset();
  if (TryNext()) return;
  for (const auto& other : attempts_) {
    if (other->owner != nullptr) return;
  }
  Finish({{}, {}, last_failure_});
}

void Dialer::Finish(Result result) {
  timer_.cancel();
  // Those that lost the race.
  for (const auto& attempt : attempts_) {
    attempt->owner = nullptr;
    attempt->socket.Reset();
  }
  std::exchange(done_, nullptr)(std::move(result));
}

}  // namespace jsd

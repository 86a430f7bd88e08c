#include "server/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

namespace jsd {
namespace {

// Connections that the kernel completes ahead of accept; net.core.somaxconn bounds it further.
constexpr int kBacklog = 4096;

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketAddress ToSocketAddress(const ListenAddress& address) {
  SocketAddress result;
  switch (address.kind) {
    case ListenAddress::Kind::kIpv4: {
      sockaddr_in in{};
      in.sin_family = AF_INET;
      in.sin_port = htons(address.port);
      ::inet_pton(AF_INET, address.host.c_str(), &in.sin_addr);
      std::memcpy(&result.storage, &in, sizeof(in));
      result.length = sizeof(in);
      break;
    }
    case ListenAddress::Kind::kIpv6: {
      sockaddr_in6 in{};
      in.sin6_family = AF_INET6;
      in.sin6_port = htons(address.port);
      ::inet_pton(AF_INET6, address.host.c_str(), &in.sin6_addr);
      std::memcpy(&result.storage, &in, sizeof(in));
      result.length = sizeof(in);
      break;
    }
    case ListenAddress::Kind::kUnix: {
      sockaddr_un un{};
      un.sun_family = AF_UNIX;
      address.path.copy(un.sun_path, sizeof(un.sun_path) - 1);
      std::memcpy(&result.storage, &un, sizeof(un));
      result.length = sizeof(un);
      break;
    }
  }
  return result;
}

std::string Reason(const ListenAddress& address, int error) {
  const bool tcp = address.kind != ListenAddress::Kind::kUnix;
  switch (error) {
    case EADDRINUSE:
      return tcp ? "the port is in use" : "another process listens there";
    case EADDRNOTAVAIL:
      return "this machine has no such address";
    case EACCES:
      return tcp ? "permission denied: ports below 1024 need the capability CAP_NET_BIND_SERVICE"
                 : "permission denied: the folder is not writable";
    case ENOENT:
      return "the folder does not exist";
    default:
      return std::strerror(error);
  }
}

// A socket file stays behind when its server was killed. It is removed if it is one and nobody answers on it; the
// reason why it cannot be used otherwise.
std::optional<std::string> RemoveLeftover(const ListenAddress& address) {
  struct stat status;
  if (::lstat(address.path.c_str(), &status) != 0) return std::nullopt;  // bind(2) says what is wrong with the path.
  if (!S_ISSOCK(status.st_mode)) return "the path is taken by something that is not a socket";
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!probe.valid()) return Reason(address, errno);
  const SocketAddress peer = ToSocketAddress(address);
  // EAGAIN: somebody listens, and the queue is full.
  if (::connect(probe.get(), peer.get(), peer.length) == 0 || errno == EAGAIN) return Reason(address, EADDRINUSE);
  if (errno != ECONNREFUSED) return Reason(address, errno);
  if (::unlink(address.path.c_str()) != 0) return "cannot remove the old socket: " + std::string(std::strerror(errno));
  return std::nullopt;
}

}  // namespace

std::unique_ptr<Listener> Listener::Open(const ListenAddress& address, std::string* error) {
  const auto fail = [&](const std::string& reason) {
    *error = "cannot listen on " + ToString(address) + ": " + reason;
    return nullptr;
  };
  const SocketAddress wanted = ToSocketAddress(address);
  UniqueFd socket(::socket(wanted.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return fail(Reason(address, errno));
  if (address.kind == ListenAddress::Kind::kUnix) {
    if (const auto reason = RemoveLeftover(address)) return fail(*reason);
  } else {
    // Connections of an earlier process that linger in TIME_WAIT must not keep the port; and IPv6 listens for itself,
    // so that an address means the same on every machine, whatever net.ipv6.bindv6only is there.
    const int on = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (address.kind == ListenAddress::Kind::kIpv6) {
      ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    }
  }
  if (::bind(socket.get(), wanted.get(), wanted.length) != 0) return fail(Reason(address, errno));
  // The file exists from here on: whatever fails later removes it again.
  std::unique_ptr<Listener> listener(new Listener(std::move(socket), address));
  if (::listen(listener->fd(), kBacklog) != 0) return fail(Reason(address, errno));
  return listener;
}

Listener::Listener(UniqueFd socket, const ListenAddress& address) : socket_(std::move(socket)), address_(address) {
  if (!is_tcp()) {
    struct stat status;
    if (::lstat(address_.path.c_str(), &status) == 0) {
      device_ = status.st_dev;
      inode_ = status.st_ino;
    }
    return;
  }
  SocketAddress bound;
  bound.length = sizeof(bound.storage);
  if (::getsockname(fd(), bound.get(), &bound.length) != 0) return;
  address_.port = ntohs(address_.kind == ListenAddress::Kind::kIpv4
                            ? reinterpret_cast<const sockaddr_in*>(&bound.storage)->sin_port
                            : reinterpret_cast<const sockaddr_in6*>(&bound.storage)->sin6_port);
}

Listener::~Listener() {
  if (is_tcp()) return;
  struct stat status;
  if (::lstat(address_.path.c_str(), &status) == 0 && status.st_dev == device_ && status.st_ino == inode_) {
    ::unlink(address_.path.c_str());
  }
}

}  // namespace jsd

#include "server/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <optional>
#include <utility>

namespace jsd {
namespace {

// Connections that the kernel completes ahead of accept; net.core.somaxconn bounds it further.
constexpr int kBacklog = 4096;

using GroupEntry = struct ::group;

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
    case ListenAddress::Kind::kSystemd:
      break;
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

// The number of a user or group, by which of them `by_name` and `id` find it in the system's tables.
template <typename Entry, typename Id>
std::optional<Id> LookUp(const std::string& name, Entry* (*by_name)(const char*), Id Entry::*id) {
  Id number = 0;
  const char* const end = name.data() + name.size();
  if (const auto [last, error] = std::from_chars(name.data(), end, number); error == std::errc() && last == end) {
    return number;
  }
  const Entry* const entry = by_name(name.c_str());
  return entry == nullptr ? std::nullopt : std::optional(entry->*id);
}

// What is wrong where it cannot be done.
std::optional<std::string> SetPermissions(const std::string& path, const Listener::Options& options) {
  if (!options.unix_owner.empty()) {
    const std::size_t colon = std::min(options.unix_owner.find(':'), options.unix_owner.size());
    const std::string user = options.unix_owner.substr(0, colon);
    const std::string group = options.unix_owner.substr(std::min(colon + 1, options.unix_owner.size()));
    constexpr auto kUnchanged = static_cast<uid_t>(-1);
    const auto uid = user.empty() ? kUnchanged : LookUp(user, ::getpwnam, &passwd::pw_uid);
    const auto gid = group.empty() ? kUnchanged : LookUp(group, ::getgrnam, &GroupEntry::gr_gid);
    if (!uid) return "there is no user " + user;
    if (!gid) return "there is no group " + group;
    if (::lchown(path.c_str(), *uid, *gid) != 0) {
      return "cannot give it to " + options.unix_owner + ": " + std::strerror(errno);
    }
  }
  if (options.unix_mode.empty()) return std::nullopt;
  mode_t mode = 0;
  std::from_chars(options.unix_mode.data(), options.unix_mode.data() + options.unix_mode.size(), mode, 8);
  if (::chmod(path.c_str(), mode) != 0) return "cannot set its permissions: " + std::string(std::strerror(errno));
  return std::nullopt;
}

}  // namespace

std::unique_ptr<Listener> Listener::Open(const ListenAddress& address, const Options& options, std::string* error) {
  const auto fail = [&](const std::string& reason) {
    *error = "cannot listen on " + ToString(address) + ": " + reason;
    return nullptr;
  };
  if (address.kind == ListenAddress::Kind::kSystemd) return fail("systemd has handed over no socket of this name");
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
    if (options.reuse_port && ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0) {
      return fail("SO_REUSEPORT: " + std::string(std::strerror(errno)));
    }
  }
  if (::bind(socket.get(), wanted.get(), wanted.length) != 0) return fail(Reason(address, errno));
  // The file exists from here on: whatever fails later removes it again.
  std::unique_ptr<Listener> listener(new Listener(std::move(socket), address));
  // Nobody can connect before listen(2), so none gets in by permissions that are about to go.
  if (!listener->is_tcp()) {
    if (const auto reason = SetPermissions(address.path, options)) return fail(*reason);
  }
  if (::listen(listener->fd(), kBacklog) != 0) return fail(Reason(address, errno));
  return listener;
}

std::unique_ptr<Listener> Listener::Adopt(UniqueFd socket, const ListenAddress& address, std::string* error) {
  const auto option = [&](int name) {
    int value = -1;
    socklen_t size = sizeof value;
    return ::getsockopt(socket.get(), SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
  };
  const int domain = option(SO_DOMAIN);
  const bool known = domain == AF_INET || domain == AF_INET6 || domain == AF_UNIX;
  if (!known || option(SO_TYPE) != SOCK_STREAM || option(SO_ACCEPTCONN) != 1) {
    *error = "cannot listen on " + ToString(address) + ": what was handed over is no listening stream socket";
    return nullptr;
  }
  const int flags = ::fcntl(socket.get(), F_GETFL);
  ::fcntl(socket.get(), F_SETFL, flags | O_NONBLOCK);
  std::unique_ptr<Listener> listener(new Listener(std::move(socket), address));
  listener->systemd_ = address.kind == ListenAddress::Kind::kSystemd;
  listener->LeaveFile(true);
  return listener;
}

Listener::Listener(UniqueFd socket, const ListenAddress& address)
    : socket_(std::move(socket)), address_(address), name_(ToString(address)) {
  ReadBoundAddress();
  struct stat status;
  if (!is_tcp() && ::lstat(address_.path.c_str(), &status) == 0) {
    device_ = status.st_dev;
    inode_ = status.st_ino;
  }
}

void Listener::ReadBoundAddress() {
  SocketAddress bound;
  bound.length = sizeof(bound.storage);
  if (::getsockname(fd(), bound.get(), &bound.length) != 0) return;
  char host[INET6_ADDRSTRLEN] = "";
  switch (bound.storage.ss_family) {
    case AF_INET: {
      const auto& in = reinterpret_cast<const sockaddr_in&>(bound.storage);
      ::inet_ntop(AF_INET, &in.sin_addr, host, sizeof(host));
      address_ = {.kind = ListenAddress::Kind::kIpv4, .host = host, .port = ntohs(in.sin_port), .path = {}};
      return;
    }
    case AF_INET6: {
      const auto& in = reinterpret_cast<const sockaddr_in6&>(bound.storage);
      ::inet_ntop(AF_INET6, &in.sin6_addr, host, sizeof(host));
      address_ = {.kind = ListenAddress::Kind::kIpv6, .host = host, .port = ntohs(in.sin6_port), .path = {}};
      return;
    }
    default: {
      // An abstract name of systemd's begins with a NUL, which is written as "@".
      const auto& un = reinterpret_cast<const sockaddr_un&>(bound.storage);
      std::string path(un.sun_path, bound.length - offsetof(sockaddr_un, sun_path));
      if (path.starts_with('\0') && path.size() > 1) path.front() = '@';
      address_ = {.kind = ListenAddress::Kind::kUnix, .host = {}, .port = 0, .path = path.c_str()};
    }
  }
}

Listener::~Listener() {
  if (is_tcp() || leaves_file_ || systemd_) return;
  struct stat status;
  if (::lstat(address_.path.c_str(), &status) == 0 && status.st_dev == device_ && status.st_ino == inode_) {
    ::unlink(address_.path.c_str());
  }
}

}  // namespace jsd

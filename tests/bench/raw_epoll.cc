// The physical limit that script/bench measures servers against: one thread, epoll, and one constant reply.
//
// It does what no HTTP/1.1 server can do without (find the end of each header and of each Content-Length body, keep
// the connection, answer pipelined requests in one write) and nothing else.
//
//   raw_epoll PORT REPLY_FILE
//
// PORT 0 lets the kernel choose; REPLY_FILE holds the reply's bytes, header and body.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
constexpr std::size_t kMaxHeaderBytes = 64 * 1024;
constexpr std::size_t kMaxBodyBytes = 16 * 1024 * 1024;
constexpr int kMaxEvents = 256;

// The reply, repeated: pipelined replies leave in one send although each is the same few bytes.
class RepeatedReply {
 public:
  explicit RepeatedReply(const std::string& reply) : size_(reply.size()) {
    std::size_t copies = std::max<std::size_t>(1, kReadBytes / size_);
    block_.reserve(copies * size_);
    while (copies-- > 0) block_ += reply;
  }

  std::size_t size() const { return size_; }

  // The longest stretch of an endless row of replies that starts `offset` bytes into one of them.
  std::string_view From(std::size_t offset) const { return std::string_view(block_).substr(offset); }

 private:
  std::size_t size_;
  std::string block_;
};

struct Connection {
  std::string input;            // What has been read and is not a whole request yet.
  std::size_t skip = 0;         // Bytes of a body that are still to come.
  std::uint64_t owed = 0;       // Bytes of replies not sent yet.
  std::size_t offset = 0;       // Where in the reply the next byte to send stands.
  bool awaiting_space = false;  // EPOLLOUT is armed.
};

// The length of the body that `header` announces; nothing where it cannot be told (chunked, not a number, too long).
std::optional<std::size_t> BodyLength(std::string_view header) {
  std::size_t length = 0;
  for (std::size_t line = header.find("\r\n"); line != std::string_view::npos; line = header.find("\r\n", line + 2)) {
    std::string_view field = header.substr(line + 2);
    constexpr std::string_view kLength = "content-length:";
    constexpr std::string_view kEncoding = "transfer-encoding:";
    if (field.size() >= kLength.size() && strncasecmp(field.data(), kLength.data(), kLength.size()) == 0) {
      field.remove_prefix(kLength.size());
      while (!field.empty() && field.front() == ' ') field.remove_prefix(1);
      const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), length);
      if (error != std::errc() || length > kMaxBodyBytes) return std::nullopt;
    } else if (field.size() >= kEncoding.size() && strncasecmp(field.data(), kEncoding.data(), kEncoding.size()) == 0) {
      return std::nullopt;
    }
  }
  return length;
}

// Counts the requests that end within `data` and leaves the rest in the connection; nothing for a request that this
// server cannot frame.
std::optional<std::uint64_t> TakeRequests(Connection& connection, std::string_view data) {
  const bool held = !connection.input.empty();
  if (held) {
    connection.input += data;
    data = connection.input;
  }
  std::uint64_t requests = 0;
  for (;;) {
    if (connection.skip > 0) {
      const std::size_t taken = std::min(connection.skip, data.size());
      connection.skip -= taken;
      data.remove_prefix(taken);
      if (connection.skip > 0) break;
      ++requests;
    }
    const std::size_t end = data.find("\r\n\r\n");
    if (end == std::string_view::npos) break;
    const std::optional<std::size_t> length = BodyLength(data.substr(0, end + 2));
    if (!length) return std::nullopt;
    data.remove_prefix(end + 4);
    connection.skip = *length;
    if (*length == 0) ++requests;
  }
  if (data.size() > kMaxHeaderBytes) return std::nullopt;
  if (held) {
    connection.input.erase(0, connection.input.size() - data.size());
  } else {
    connection.input.assign(data);
  }
  return requests;
}

[[noreturn]] void Die(const char* what) {
  std::fprintf(stderr, "raw_epoll: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

// One listening socket and its connections, on the calling thread for as long as the process lives.
class Server {
 public:
  Server(std::uint16_t port, const std::string& reply) : reply_(reply) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) Die("bind");
    if (listen(listener_, SOMAXCONN) != 0) Die("listen");
    socklen_t length = sizeof address;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    std::printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    std::fflush(stdout);
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ < 0) Die("epoll_create1");
    Watch(listener_, EPOLLIN, EPOLL_CTL_ADD);
  }

  [[noreturn]] void Run() {
    std::array<epoll_event, kMaxEvents> events;
    for (;;) {
      const int count = epoll_wait(epoll_, events.data(), kMaxEvents, -1);
      if (count < 0 && errno != EINTR) Die("epoll_wait");
      for (int i = 0; i < count; ++i) {
        const int descriptor = events[i].data.fd;
        if (descriptor == listener_) {
          Accept();
        } else if (!Serve(descriptor, *connections_[descriptor], events[i].events)) {
          connections_[descriptor].reset();
          close(descriptor);
        }
      }
    }
  }

 private:
  void Watch(int descriptor, std::uint32_t events, int operation) {
    epoll_event event{};
    event.events = events;
    event.data.fd = descriptor;
    if (epoll_ctl(epoll_, operation, descriptor, &event) != 0) Die("epoll_ctl");
  }

  void Accept() {
    for (;;) {
      const int descriptor = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (descriptor < 0) return;
      const int on = 1;
      setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      if (connections_.size() <= static_cast<std::size_t>(descriptor)) connections_.resize(descriptor + 1);
      connections_[descriptor] = std::make_unique<Connection>();
      Watch(descriptor, EPOLLIN, EPOLL_CTL_ADD);
    }
  }

  // False: the connection is over.
  bool Serve(int descriptor, Connection& connection, std::uint32_t events) {
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
      const ssize_t bytes = recv(descriptor, read_buffer_.data(), read_buffer_.size(), 0);
      if (bytes == 0 || (bytes < 0 && errno != EAGAIN)) return false;
      if (bytes > 0) {
        const auto requests = TakeRequests(connection, {read_buffer_.data(), static_cast<std::size_t>(bytes)});
        if (!requests) return false;
        connection.owed += *requests * reply_.size();
      }
    }
    return Send(descriptor, connection);
  }

  // Sends what is owed as far as the socket takes it; EPOLLOUT is awaited, instead of further input, for the rest.
  bool Send(int descriptor, Connection& connection) {
    while (connection.owed > 0) {
      std::string_view bytes = reply_.From(connection.offset);
      bytes = bytes.substr(0, std::min<std::uint64_t>(bytes.size(), connection.owed));
      const ssize_t sent = send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN) return false;
      if (sent < 0) break;
      connection.owed -= static_cast<std::uint64_t>(sent);
      connection.offset = (connection.offset + static_cast<std::size_t>(sent)) % reply_.size();
    }
    const bool unsent = connection.owed > 0;
    if (unsent != connection.awaiting_space) {
      connection.awaiting_space = unsent;
      Watch(descriptor, unsent ? EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
    }
    return true;
  }

  RepeatedReply reply_;
  int listener_ = -1;
  int epoll_ = -1;
  std::array<char, kReadBytes> read_buffer_;
  std::vector<std::unique_ptr<Connection>> connections_;  // By descriptor.
};

}  // namespace

int main(int argc, char** argv) {
  std::uint16_t port = 0;
  const std::string_view digits = argc == 3 ? argv[1] : "";
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) {
    std::cerr << "usage: raw_epoll PORT REPLY_FILE\n";
    return 2;
  }
  std::ifstream file(argv[2], std::ios::binary);
  const std::string reply{std::istreambuf_iterator<char>(file), {}};
  if (reply.empty()) {
    std::cerr << "raw_epoll: " << argv[2] << ": no reply to send\n";
    return 1;
  }
  std::make_unique<Server>(port, reply)->Run();
}

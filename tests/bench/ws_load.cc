// Load for the WebSocket cases of script/bench: each connection sends one or more text messages in one write and, when
// all of them have come back, the next.
//
//   ws_load PORT CONNECTIONS SECONDS MESSAGES_PER_WRITE MESSAGE
//
// It ends with one line that begins with RESULT, as load.lua does.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kHandshake =
    "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

struct Connection {
  int socket = -1;
  std::size_t received = 0;  // Of the replies to the last write.
  Clock::time_point sent;
};

[[noreturn]] void Fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

int Connect(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) Fail("ws_load: connect");
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::send(socket, kHandshake.data(), kHandshake.size(), MSG_NOSIGNAL) < 0) Fail("ws_load: handshake");
  std::string head;
  for (char byte; !head.ends_with("\r\n\r\n"); head.push_back(byte)) {
    if (::recv(socket, &byte, 1, 0) != 1) Fail("ws_load: handshake");
  }
  if (!head.starts_with("HTTP/1.1 101 ")) {
    std::fprintf(stderr, "ws_load: the handshake was refused: %s", head.c_str());
    std::exit(1);
  }
  return socket;
}

// A masked text frame of at most 125 bytes.
std::string Frame(std::string_view message) {
  constexpr std::array<char, 4> kMask = {1, 2, 3, 4};
  std::string frame{'\x81', static_cast<char>(0x80 | message.size())};
  frame.append(kMask.data(), kMask.size());
  for (std::size_t i = 0; i < message.size(); ++i) frame.push_back(static_cast<char>(message[i] ^ kMask[i % 4]));
  return frame;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6 || std::string_view(argv[5]).size() > 125) {
    std::fprintf(stderr, "usage: ws_load PORT CONNECTIONS SECONDS MESSAGES_PER_WRITE MESSAGE\n");
    return 2;
  }
  const auto port = static_cast<std::uint16_t>(std::atoi(argv[1]));
  const int per_write = std::atoi(argv[4]);
  const std::string_view message = argv[5];
  const std::size_t reply_size = (2 + message.size()) * static_cast<std::size_t>(per_write);
  std::string batch;
  for (int i = 0; i < per_write; ++i) batch += Frame(message);

  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<Connection> connections(static_cast<std::size_t>(std::atoi(argv[2])));
  const auto send = [&batch](Connection& connection) {
    connection.sent = Clock::now();
    if (::send(connection.socket, batch.data(), batch.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(batch.size())) {
      Fail("ws_load: send");
    }
  };
  for (Connection& connection : connections) {
    connection.socket = Connect(port);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &connection;
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, connection.socket, &event);
  }
  const Clock::time_point begin = Clock::now();
  const Clock::time_point end = begin + std::chrono::seconds(std::atoi(argv[3]));
  for (Connection& connection : connections) send(connection);

  std::uint64_t messages = 0, bytes = 0;
  std::vector<double> latencies;
  std::vector<char> buffer(64 * 1024);
  std::array<epoll_event, 256> events;
  while (Clock::now() < end) {
    const int count = ::epoll_wait(epoll, events.data(), events.size(), 100);
    for (int i = 0; i < count; ++i) {
      auto& connection = *static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
      const ssize_t size = ::recv(connection.socket, buffer.data(), buffer.size(), 0);
      if (size <= 0) Fail("ws_load: recv");
      bytes += static_cast<std::uint64_t>(size);
      connection.received += static_cast<std::size_t>(size);
      if (connection.received < reply_size) continue;
      messages += static_cast<std::uint64_t>(per_write);
      connection.received -= reply_size;
      latencies.push_back(std::chrono::duration<double, std::micro>(Clock::now() - connection.sent).count());
      send(connection);
    }
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  std::sort(latencies.begin(), latencies.end());
  const auto percentile = [&latencies](std::size_t percent) {
    return latencies.empty() ? 0.0 : latencies[(latencies.size() - 1) * percent / 100];
  };
  std::printf(
      "RESULT {\"requests\":%llu,\"seconds\":%.6f,\"bytes\":%llu,\"failures\":0,\"p50_us\":%.1f,\"p99_us\":%.1f}\n",
      static_cast<unsigned long long>(messages), seconds, static_cast<unsigned long long>(bytes), percentile(50),
      percentile(99));
}

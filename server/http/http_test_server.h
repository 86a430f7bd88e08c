#ifndef JSD_SERVER_HTTP_HTTP_TEST_SERVER_H_
#define JSD_SERVER_HTTP_HTTP_TEST_SERVER_H_

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "server/http/http_service.h"

namespace jsd {

// For tests: a service on real sockets, with a sink in the place of the runtime. Everything runs on the test's thread,
// which turns the io_context while it waits for what a client should see.

// Answers each request by `handler` and remembers what it was asked.
//
// Owner: the TestServer. Thread: the test's. Lifetime: beyond that of the sessions.
class FakeSink final : public RequestSink {
 public:
  struct Seen {
    std::string method, target, authority, body;
    std::vector<std::pair<std::string, std::string>> fields;
  };

  struct Message {
    WebSocketEvent::Kind kind;
    std::string data;
    std::uint16_t code;
    bool clean;
  };

  void Dispatch(std::span<RequestEvent* const> batch) override {
    batches.push_back(batch.size());
    for (RequestEvent* event : batch) {
      arrived.erase(event);  // Of an earlier one in its place.
      if (on_arriving && event->body_state() >= BodyState::kArriving) {
        on_arriving(*event);
      } else {
        Gather(*event);
      }
    }
  }
  void BodyArrived(RequestEvent& event, std::size_t filled) override {
    if (on_body) return on_body(event, filled);
    Gather(event);
  }
  void Cancel(RequestEvent& event, std::string_view reason) override {
    std::erase(held, &event);
    arrived.erase(&event);
    cancelled.emplace_back(reason);
    if (on_cancel) on_cancel(event);
  }
  void Drained(RequestEvent& event) override {
    ++drained;
    if (on_drained) on_drained(event);
  }

  void DispatchMessages(std::span<const WebSocketEvent> batch) override {
    for (const WebSocketEvent& event : batch) {
      messages.push_back({event.kind, std::string(event.data), event.code, event.clean});
      if (on_message) on_message(event);
    }
  }

  static void ReplyText(RequestEvent& event, std::string_view body, int status = 200) {
    char* const room =
        event.Reply({.status = status, .status_text = {}, .fields = "Content-Type: text/plain\r\n"}, body.size());
    if (room != nullptr) std::memcpy(room, body.data(), body.size());
  }

  // The body of a request that `handler` was called for.
  std::string_view BodyOf(const RequestEvent& event) {
    const auto found = arrived.find(&event);
    return found == arrived.end() ? event.body() : found->second;
  }

  // "METHOD TARGET AUTHORITY [BODY]"
  void Describe(RequestEvent& event) {
    const RequestHead& head = event.head();
    std::string text(head.method);
    text.append(" ").append(head.target).append(" ").append(head.authority).append(" [");
    ReplyText(event, text.append(BodyOf(event)).append("]"));
  }

  void Hold(RequestEvent& event) { held.push_back(&event); }

  // The held request of this target, which is held no longer.
  RequestEvent& Take(std::string_view target) {
    const auto found = std::find_if(held.begin(), held.end(),
                                    [target](RequestEvent* event) { return event->head().target == target; });
    if (found == held.end()) std::abort();
    RequestEvent& event = **found;
    held.erase(found);
    return event;
  }

  // Called when the body has come whole; `on_arriving` before that, where it is set, and `on_body` in the place of
  // gathering it.
  std::function<void(RequestEvent&)> handler = [this](RequestEvent& event) { Describe(event); };
  std::function<void(RequestEvent&)> on_arriving;
  std::function<void(RequestEvent&, std::size_t filled)> on_body;
  std::function<void(RequestEvent&)> on_cancel;
  std::function<void(RequestEvent&)> on_drained;
  std::function<void(const WebSocketEvent&)> on_message;
  std::vector<Message> messages;
  bool remember = true;
  std::vector<Seen> requests;
  std::vector<std::size_t> batches;
  std::vector<RequestEvent*> held;
  std::vector<std::string> cancelled;
  std::map<const RequestEvent*, std::string> arrived;
  int drained = 0;

 private:
  void Gather(RequestEvent& event) {
    if (event.body_state() >= BodyState::kArriving) {
      std::string& body = arrived[&event];
      const std::size_t size = body.size();
      body.resize(size + event.body_bytes());
      event.ReadBody(std::span(body).subspan(size));
      if (event.body_state() == BodyState::kArriving) return event.AwaitBody({});
    }
    if (remember) {
      const RequestHead& head = event.head();
      Seen seen{std::string(head.method),
                std::string(head.target),
                std::string(head.authority),
                std::string(BodyOf(event)),
                {}};
      for (const HeaderField& field : head.fields) seen.fields.emplace_back(field.name, field.value);
      requests.push_back(std::move(seen));
    }
    handler(event);
  }
};

// Sessions with a loop and a FakeSink in place of a worker and its runtimes.
//
// Owner: a test. Thread: the test's. Lifetime: beyond that of its clients.
class TestServer {
 public:
  static Config DefaultConfig() {
    using std::chrono::seconds;
    Config config;
    config.limits.request = seconds(30);
    config.limits.body = 1 << 20;
    config.limits.headers = 32 * 1024;
    config.limits.target = 8 * 1024;
    config.limits.pipeline = 64;
    config.timeouts = {seconds(30), seconds(30), seconds(30), seconds(30), seconds(30)};
    config.log.file = "/dev/null";
    return config;
  }

  explicit TestServer(Config settings = DefaultConfig()) : config(WithAnApp(std::move(settings))) {
    std::string error;
    log_sink_ = LogSink::Open(config.log, &error);
    log_ = std::make_unique<Log>(*log_sink_);
    RequestSink* const sinks[] = {&sink};
    service = MakeHttpService(io, sinks, config, *log_);
  }

  static Config WithAnApp(Config config) {
    if (config.apps.empty()) config.apps.emplace_back().limits = config.limits;
    return config;
  }

  ~TestServer() {
    io.stop();
    if (background_.joinable()) background_.join();
    service.reset();  // It writes to the log.
  }

  // From here on a thread of its own turns the io_context; what the sink does, it does there.
  void RunInBackground() {
    io.restart();
    background_ = std::thread([this] {
      const auto work = boost::asio::make_work_guard(io);
      io.run();
    });
  }

  void Turn() {
    if (background_.joinable()) return std::this_thread::sleep_for(std::chrono::microseconds(100));
    io.restart();
    if (io.poll() == 0) io.run_one_for(std::chrono::milliseconds(1));
  }

  // Turns until `done` is true; false after five seconds.
  template <typename Done>
  bool Until(Done done, std::chrono::milliseconds limit = std::chrono::seconds(5)) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!done()) {
      if (std::chrono::steady_clock::now() > end) return false;
      Turn();
    }
    return true;
  }

  // Turns until nothing more happens for a while.
  void Rest(std::chrono::milliseconds time = std::chrono::milliseconds(10)) {
    Until([] { return false; }, time);
  }

  const Config config;
  boost::asio::io_context io{1};
  FakeSink sink;
  std::unique_ptr<ConnectionHandler> service;

 private:
  std::unique_ptr<LogSink> log_sink_;
  std::unique_ptr<Log> log_;
  std::thread background_;
};

// One connection over the loopback interface, or a pair of unix sockets.
//
// Owner: a test. Thread: the test's. Lifetime: that of the connection's end.
class TestClient {
 public:
  enum class Kind { kTcp, kUnix };

  // `receive_buffer`: bytes, 0 for the system's own choice.
  explicit TestClient(TestServer& server, Kind kind = Kind::kTcp, int receive_buffer = 0) : server_(server) {
    int peer = -1;
    if (kind == Kind::kUnix) {
      int pair[2];
      if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) std::abort();
      socket_ = pair[0];
      peer = pair[1];
    } else {
      const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      socklen_t size = sizeof(address);
      auto* const generic = reinterpret_cast<sockaddr*>(&address);
      if (bind(listener, generic, size) != 0 || listen(listener, 1) != 0) std::abort();
      getsockname(listener, generic, &size);
      socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
      if (receive_buffer != 0) {
        setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
      }
      if (connect(socket_, generic, size) != 0) std::abort();
      peer = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      ::close(listener);
      fcntl(socket_, F_SETFL, O_NONBLOCK);
    }
    server_.service->Adopt({UniqueFd(peer), kind == Kind::kUnix ? "" : "127.0.0.1"});
  }
  ~TestClient() { Close(); }
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  // False when the server takes no more, for a second.
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      ssize_t sent = -1;
      const bool progress = server_.Until(
          [&] {
            sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            return sent > 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
          },
          std::chrono::seconds(1));
      if (!progress || sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  void ShutdownSend() { ::shutdown(socket_, SHUT_WR); }
  void Close() {
    if (socket_ != -1) ::close(std::exchange(socket_, -1));
  }
  // Ends the connection by a reset.
  void Reset() {
    const linger hard{1, 0};
    setsockopt(socket_, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    Close();
  }

  // Reads what is there; true when the server has ended the connection.
  bool Poll() {
    char buffer[64 * 1024];
    for (;;) {
      const ssize_t size = ::recv(socket_, buffer, sizeof(buffer), 0);
      if (size > 0) {
        received.append(buffer, static_cast<std::size_t>(size));
      } else {
        if (size == 0) ended = true;
        if (size < 0 && errno != EAGAIN) ended = reset = true;
        return ended;
      }
    }
  }

  // One whole reply with a Content-Length (none for HEAD and the like), off the front of what has been received.
  std::string Reply(bool without_body = false) {
    std::size_t size = 0;
    server_.Until([&] {
      Poll();
      const std::size_t head = received.find("\r\n\r\n");
      if (head == std::string::npos) return ended;
      size = head + 4;
      const std::size_t field = received.find("Content-Length: ");
      if (!without_body && field < head) size += std::strtoul(received.c_str() + field + 16, nullptr, 10);
      return received.size() >= size || ended;
    });
    std::string reply = received.substr(0, size);
    received.erase(0, size);
    return reply;
  }

  // Everything until the server ends the connection; "(open)" is appended if it does not.
  std::string All() {
    const bool closed = server_.Until([this] { return Poll(); });
    return std::exchange(received, {}) + (closed ? "" : "(open)");
  }

  // Waits until something of this size or more has come.
  bool Receive(std::size_t size) {
    return server_.Until([&] { return Poll() || received.size() >= size; }) && received.size() >= size;
  }

  std::string received;
  bool ended = false;
  bool reset = false;

 private:
  TestServer& server_;
  int socket_ = -1;
};

inline std::string BodyOf(std::string_view reply) {
  const std::size_t end = reply.find("\r\n\r\n");
  return std::string(end == std::string_view::npos ? "(no header)" : reply.substr(end + 4));
}

inline int StatusIn(std::string_view reply) {
  return reply.starts_with("HTTP/1.1 ") ? std::atoi(std::string(reply.substr(9, 3)).c_str()) : 0;
}

// The chunks of a body put together; "(bad)" where the coding is wrong or not ended.
inline std::string Dechunk(std::string_view coded) {
  std::string body;
  for (;;) {
    const std::size_t line = coded.find("\r\n");
    if (line == std::string_view::npos) return body + "(bad)";
    const std::size_t size = std::strtoul(std::string(coded.substr(0, line)).c_str(), nullptr, 16);
    coded.remove_prefix(line + 2);
    if (coded.size() < size + 2 || coded.substr(size, 2) != "\r\n") return body + "(bad)";
    if (size == 0) return coded.size() == 2 ? body : body + "(bad)";
    body.append(coded.substr(0, size));
    coded.remove_prefix(size + 2);
  }
}

}  // namespace jsd

#endif  // JSD_SERVER_HTTP_HTTP_TEST_SERVER_H_

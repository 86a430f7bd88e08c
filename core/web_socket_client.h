#ifndef JSD_CORE_WEB_SOCKET_CLIENT_H_
#define JSD_CORE_WEB_SOCKET_CLIENT_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/http_client.h"
#include "core/permissions.h"
#include "core/web_socket.h"

namespace jsd {

class WebSocketClients;

// A WebSocket that a script has asked for, and what has come over it until the runtime's next turn.
//
// Owner: the runtime's table. Thread: the runtime's. Lifetime: until its end was told to JavaScript, or it was dropped.
class OutgoingWebSocket final : public WebSocketClientEvents {
 public:
  OutgoingWebSocket(WebSocketClients& table, std::uint32_t id, std::string_view host)
      : table_(table), id_(id), host_(host) {}
  OutgoingWebSocket(const OutgoingWebSocket&) = delete;
  OutgoingWebSocket& operator=(const OutgoingWebSocket&) = delete;
  ~OutgoingWebSocket() = default;

  std::uint32_t id() const { return id_; }

  // What is to be told to JavaScript, each once. The handshake is done:
  WebSocketPeer* TakeOpened() { return std::exchange(opened_, nullptr); }
  const std::string& protocol() const { return protocol_; }
  // There will be no WebSocket:
  const std::optional<HttpClientFailure>& failure() const { return failure_; }
  // Calls `deliver` with each event that has come, until it returns false; then lets more come.
  void TakeEvents(const std::function<bool(const WebSocketEvent&)>& deliver);

  // --- WebSocketClientEvents

  bool MayConnect(std::string_view address, std::uint16_t port) override;
  void OnOpen(WebSocketPeer& peer, std::string_view protocol) override;
  void OnFailure(const HttpClientFailure& failure) override;
  bool OnEvent(const WebSocketEvent& event) override;

 private:
  friend class WebSocketClients;

  // A WebSocketEvent whose data lasts.
  struct Held {
    WebSocketEvent event;
    std::string data;
  };

  WebSocketClients& table_;
  const std::uint32_t id_;
  const std::string host_;
  WebSocketPeer* opened_ = nullptr;
  std::string protocol_;
  std::optional<HttpClientFailure> failure_;
  std::deque<Held> events_;
  std::size_t waiting_bytes_ = 0;
  bool paused_ = false;
  bool ready_ = false;  // In the table's list.
  // After what it calls: it goes first.
  std::unique_ptr<WebSocketConnection> connection_;
};

// The WebSockets that one runtime has asked for, by an id that JavaScript can hold.
//
// Owner: the runtime's state. Thread: the runtime's. Lifetime: the runtime's; what is still connected when it goes is
// closed.
class WebSocketClients {
 public:
  explicit WebSocketClients(const Permissions& permissions) : permissions_(permissions) {}
  WebSocketClients(const WebSocketClients&) = delete;
  WebSocketClients& operator=(const WebSocketClients&) = delete;

  // Before the first one; null: this runtime has no network.
  void Connect(HttpClient* client, std::function<void()> wake_up);
  bool connected() const { return client_ != nullptr; }

  OutgoingWebSocket& Start(const OutgoingRequest& request);
  // Null where it has ended.
  OutgoingWebSocket* Find(std::uint32_t id);
  // Ends the connection, in whatever phase it is.
  void Drop(std::uint32_t id) { sockets_.erase(id); }
  void Clear() { sockets_.clear(); }

  bool has_news() const { return !ready_.empty(); }
  // Those that have something to tell, each once.
  std::vector<std::uint32_t> TakeReady();

  std::size_t size() const { return sockets_.size(); }

 private:
  friend class OutgoingWebSocket;

  void Tell(OutgoingWebSocket& socket);

  const Permissions& permissions_;
  HttpClient* client_ = nullptr;
  std::function<void()> wake_up_;
  std::uint32_t last_id_ = 0;
  std::unordered_map<std::uint32_t, std::unique_ptr<OutgoingWebSocket>> sockets_;
  std::vector<std::uint32_t> ready_;
};

}  // namespace jsd

#endif  // JSD_CORE_WEB_SOCKET_CLIENT_H_

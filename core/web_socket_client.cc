#include "core/web_socket_client.h"

#include <span>
#include <utility>

#include "core/check.h"

namespace jsd {
namespace {

// Bytes of messages that JavaScript has not been told of above which the server is no longer read from.
constexpr std::size_t kHighWater = 256 * 1024;
// What a message costs beside its bytes.
constexpr std::size_t kMessageCost = 64;

// Ids fit V8's small integers; 0 is none.
constexpr std::uint32_t kMostIds = (1u << 30) - 1;

}  // namespace

void OutgoingWebSocket::TakeEvents(const std::function<bool(const WebSocketEvent&)>& deliver) {
  while (!events_.empty()) {
    const Held held = std::move(events_.front());
    events_.pop_front();
    waiting_bytes_ -= held.data.size() + kMessageCost;
    WebSocketEvent event = held.event;
    event.data = held.data;
    if (!deliver(event)) return;
  }
  if (std::exchange(paused_, false)) connection_->Resume();
}

bool OutgoingWebSocket::MayConnect(std::string_view address, std::uint16_t port) {
  const std::span bytes(reinterpret_cast<const std::uint8_t*>(address.data()), address.size());
  return table_.permissions_.AllowsAddress(host_, port, bytes);
}

void OutgoingWebSocket::OnOpen(WebSocketPeer& peer, std::string_view protocol) {
  opened_ = &peer;
  protocol_ = protocol;
  table_.Tell(*this);
}

void OutgoingWebSocket::OnFailure(const HttpClientFailure& failure) {
  failure_ = failure;
  table_.Tell(*this);
}

bool OutgoingWebSocket::OnEvent(const WebSocketEvent& event) {
  events_.push_back({event, std::string(event.data)});
  waiting_bytes_ += event.data.size() + kMessageCost;
  table_.Tell(*this);
  paused_ = waiting_bytes_ >= kHighWater;
  return !paused_;
}

void WebSocketClients::Connect(HttpClient* client, std::function<void()> wake_up) {
  client_ = client;
  wake_up_ = std::move(wake_up);
}

OutgoingWebSocket& WebSocketClients::Start(const OutgoingRequest& request) {
  JSD_CHECK(client_ != nullptr);
  do {
    last_id_ = last_id_ == kMostIds ? 1 : last_id_ + 1;
  } while (sockets_.contains(last_id_));
  auto socket = std::make_unique<OutgoingWebSocket>(*this, last_id_, request.host);
  socket->connection_ = client_->ConnectWebSocket(request, *socket);
  return *(sockets_[last_id_] = std::move(socket));
}

OutgoingWebSocket* WebSocketClients::Find(std::uint32_t id) {
  const auto found = sockets_.find(id);
  return found == sockets_.end() ? nullptr : found->second.get();
}

std::vector<std::uint32_t> WebSocketClients::TakeReady() {
  std::vector<std::uint32_t> ready;
  ready.swap(ready_);
  for (const std::uint32_t id : ready) {
    if (OutgoingWebSocket* const socket = Find(id)) socket->ready_ = false;
  }
  return ready;
}

void WebSocketClients::Tell(OutgoingWebSocket& socket) {
  if (std::exchange(socket.ready_, true)) return;
  ready_.push_back(socket.id_);
  if (ready_.size() == 1) wake_up_();
}

}  // namespace jsd

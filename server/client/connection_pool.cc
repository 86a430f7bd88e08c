#include "server/client/connection_pool.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "core/check.h"
#include "server/client/http_client.h"

namespace jsd {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kReadSize = 64 * 1024;
constexpr std::chrono::milliseconds kSweepPeriod{100};
// Origins that are remembered though nothing is connected to them.
constexpr std::size_t kOriginsKept = 256;

}  // namespace

// What handlers that outlive the pool share with it.
struct ConnectionPool::Anchor {
  ConnectionPool* pool;
};

// What a runtime has of a WebSocket.
class ConnectionPool::WebSocketHandle final : public WebSocketConnection {
 public:
  explicit WebSocketHandle(ClientWebSocket& socket) : socket_(socket) {}
  WebSocketHandle(const WebSocketHandle&) = delete;
  WebSocketHandle& operator=(const WebSocketHandle&) = delete;
  ~WebSocketHandle() override { socket_.Abandon(); }
  void Resume() override { socket_.Resume(); }

 private:
  ClientWebSocket& socket_;
};

ConnectionPool::ConnectionPool(asio::io_context& io_, const FetchConfig& config_,
                               const WebSocketConfig& web_socket_config_, Log& log)
    : io(io_),
      config(config_),
      web_socket_config(web_socket_config_),
      poller(io_,
             [this] {
               closed_.clear();
               closed_web_sockets_.clear();
             }),
      resolver(io_, config_.dns),
      scratch(kReadSize),
      log_(log),
      router_(config_),
      anchor_(std::make_shared<Anchor>(Anchor{this})),
      sweep_timer_(io_) {}

ConnectionPool::~ConnectionPool() {
  anchor_->pool = nullptr;
  sweep_timer_.cancel();
  JSD_CHECK(web_sockets_.empty());  // The runtimes are gone.
  while (!connections_.empty()) connections_.back()->Close();
}

ClientOrigin& ConnectionPool::OriginOf(const OutgoingRequest& request, bool web_socket) {
  key_.assign(web_socket ? "ws" : "http").append(request.secure ? "s://" : "://").append(request.host).append(":");
  key_.append(std::to_string(request.port));
  std::unique_ptr<ClientOrigin>& origin = origins_[key_];
  if (origin == nullptr) {
    origin = std::make_unique<ClientOrigin>();
    origin->key = key_;
    origin->host = request.host;
    origin->port = request.port;
    origin->secure = request.secure;
    origin->name = origin->host + ":" + std::to_string(request.port);
    origin->route = router_.RouteTo(origin->host, origin->port, origin->secure || web_socket);
    origin->first_fields = "host: " + HostWithPort(origin->host, origin->port, origin->secure) + "\r\n";
    if (!origin->route.tunnel) origin->first_fields += origin->route.proxy_field;
  }
  return *origin;
}

std::unique_ptr<HttpClientRequest> ConnectionPool::Start(const OutgoingRequest& outgoing, HttpClientEvents& events) {
  DropUnusedOrigins();
  return Place(std::make_unique<ClientRequest>(*this, OriginOf(outgoing, false), outgoing, events));
}

std::unique_ptr<HttpClientRequest> ConnectionPool::StartUpgrade(const OutgoingRequest& outgoing,
                                                                HttpClientEvents& events, UpgradeSink& sink) {
  DropUnusedOrigins();
  return Place(std::make_unique<ClientRequest>(*this, OriginOf(outgoing, true), outgoing, events, &sink));
}

std::unique_ptr<HttpClientRequest> ConnectionPool::Place(std::unique_ptr<ClientRequest> request) {
  Place(*request);
  ScheduleSweep();
  return request;
}

std::unique_ptr<WebSocketConnection> ConnectionPool::ConnectWebSocket(const OutgoingRequest& request,
                                                                      WebSocketClientEvents& events) {
  auto socket = std::make_unique<ClientWebSocket>(*this, events);
  socket->index = web_sockets_.size();
  web_sockets_.push_back(std::move(socket));
  web_sockets_.back()->Start(request);
  return std::make_unique<WebSocketHandle>(*web_sockets_.back());
}

void ConnectionPool::Remove(ClientWebSocket& socket) {
  std::erase(scheduled_, &socket);
  std::unique_ptr<ClientWebSocket>& place = web_sockets_[socket.index];
  closed_web_sockets_.push_back(std::move(place));
  if (&place != &web_sockets_.back()) {
    place = std::move(web_sockets_.back());
    place->index = socket.index;
  }
  web_sockets_.pop_back();
}

void ConnectionPool::Place(ClientRequest& request) {
  ClientOrigin& origin = request.origin();
  while (!origin.idle.empty()) {
    ClientConnection& connection = *origin.idle.back();
    if (!connection.MayServe(request)) break;
    origin.idle.pop_back();
    // What may not be sent twice should not be sent into a connection that is closed already.
    if (!request.repeatable() && !connection.Alive()) {
      connection.Close();
      continue;
    }
    return connection.Serve(request);
  }
  if (origin.connections < config.connections) return Open(request);
  request.queued = true;
  request.deadline = CoarseClock::After(config.response);
  origin.waiting.push_back(&request);
}

void ConnectionPool::Open(ClientRequest& request) {
  auto connection = std::make_unique<ClientConnection>(*this, request);
  ++request.origin().connections;
  connection->index = connections_.size();
  connections_.push_back(std::move(connection));
  connections_.back()->Connect();
}

void ConnectionPool::Unqueue(ClientRequest& request) {
  std::erase(request.origin().waiting, &request);
  request.queued = false;
}

void ConnectionPool::OnIdle(ClientConnection& connection) {
  ClientOrigin& origin = connection.origin();
  origin.idle.push_back(&connection);
  Advance(origin);
}

void ConnectionPool::Advance(ClientOrigin& origin) {
  while (!origin.waiting.empty() && (!origin.idle.empty() || origin.connections < config.connections)) {
    ClientRequest& request = *origin.waiting.front();
    origin.waiting.pop_front();
    request.queued = false;
    Place(request);
    if (request.queued) return;
  }
}

void ConnectionPool::OnClosed(ClientConnection& connection) {
  ClientOrigin& origin = connection.origin();
  std::erase(origin.idle, &connection);
  std::erase(scheduled_, &connection);
  --origin.connections;
  std::unique_ptr<ClientConnection>& place = connections_[connection.index];
  closed_.push_back(std::move(place));
  if (&place != &connections_.back()) {
    place = std::move(connections_.back());
    place->index = connection.index;
  }
  connections_.pop_back();
  if (anchor_->pool == nullptr) return;
  // The caller is not done with it, and the next request may begin a connection.
  asio::post(io, [anchor = anchor_, key = origin.key] {
    if (anchor->pool == nullptr) return;
    if (const auto found = anchor->pool->origins_.find(key); found != anchor->pool->origins_.end()) {
      anchor->pool->Advance(*found->second);
    }
  });
}

void ConnectionPool::Again(ClientRequest& request) {
  request.Rewind();
  // Another idle connection is as likely to be dead as this one was.
  Open(request);
}

void ConnectionPool::Schedule(Scheduled& connection) {
  if (std::exchange(connection.scheduled, true)) return;
  scheduled_.push_back(&connection);
  if (std::exchange(run_posted_, true)) return;
  asio::post(io, [anchor = anchor_] {
    if (anchor->pool != nullptr) anchor->pool->RunScheduled();
  });
}

void ConnectionPool::RunScheduled() {
  run_posted_ = false;
  // One at a time from the list itself: what one does may close another.
  while (!scheduled_.empty()) {
    Scheduled& connection = *scheduled_.back();
    scheduled_.pop_back();
    connection.scheduled = false;
    connection.OnDue();
  }
}

TlsClientContext* ConnectionPool::tls(HttpClientFailure* failure) {
  if (tls_ == nullptr && tls_error_.empty()) {
    tls_ = std::make_unique<TlsClientContext>(config.authorities, &tls_error_);
    if (!tls_error_.empty()) {
      log_.Error("fetch.authorities: " + tls_error_);
      tls_.reset();
    }
  }
  if (tls_ == nullptr) *failure = {"EPROTO", "TLS cannot be used: " + tls_error_};
  return tls_.get();
}

void ConnectionPool::ScheduleSweep() {
  if (std::exchange(sweep_scheduled_, true)) return;
  sweep_timer_.expires_after(kSweepPeriod);
  sweep_timer_.async_wait([anchor = anchor_](const boost::system::error_code& error) {
    if (!error && anchor->pool != nullptr) anchor->pool->Sweep();
  });
}

void ConnectionPool::Sweep() {
  sweep_scheduled_ = false;
  const std::int64_t now = CoarseClock::Now();
  // From the end: one that closes is replaced by the last.
  for (std::size_t i = connections_.size(); i-- > 0;) {
    if (i < connections_.size()) connections_[i]->CheckDeadline(now);
  }
  for (std::size_t i = web_sockets_.size(); i-- > 0;) {
    if (i < web_sockets_.size()) web_sockets_[i]->CheckDeadline(now);
  }
  bool waiting = false;
  for (const auto& [key, origin] : origins_) {
    while (!origin->waiting.empty() && origin->waiting.front()->deadline <= now) {
      ClientRequest& request = *origin->waiting.front();
      origin->waiting.pop_front();
      request.queued = false;
      request.Fail({"ETIMEDOUT", "no connection to " + origin->name + " was free within fetch.response"});
    }
    waiting |= !origin->waiting.empty();
  }
  if (waiting || !connections_.empty() || !web_sockets_.empty()) ScheduleSweep();
}

void ConnectionPool::DropUnusedOrigins() {
  if (origins_.size() < kOriginsKept) return;
  std::erase_if(origins_,
                [](const auto& item) { return item.second->connections == 0 && item.second->waiting.empty(); });
}

std::unique_ptr<HttpClient> MakeHttpClient(asio::io_context& io, const FetchConfig& config,
                                           const WebSocketConfig& web_socket_config, Log& log) {
  return std::make_unique<ConnectionPool>(io, config, web_socket_config, log);
}

}  // namespace jsd

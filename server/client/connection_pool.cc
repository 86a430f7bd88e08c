#include "server/client/connection_pool.h"

#include <time.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "server/client/http_client.h"

namespace jsd {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kReadSize = 64 * 1024;
constexpr std::chrono::milliseconds kSweepPeriod{100};
// Origins that are remembered though nothing is connected to them.
constexpr std::size_t kOriginsKept = 256;

std::uint16_t DefaultPort(bool secure) { return secure ? 443 : 80; }

}  // namespace

// What handlers that outlive the pool share with it.
struct ConnectionPool::Anchor {
  ConnectionPool* pool;
};

ConnectionPool::ConnectionPool(asio::io_context& io_, const FetchConfig& config_, Log& log)
    : io(io_),
      config(config_),
      poller(io_, [this] { closed_.clear(); }),
      resolver(io_, config_.dns),
      scratch(kReadSize),
      log_(log),
      anchor_(std::make_shared<Anchor>(Anchor{this})),
      sweep_timer_(io_) {}

ConnectionPool::~ConnectionPool() {
  anchor_->pool = nullptr;
  sweep_timer_.cancel();
  while (!connections_.empty()) connections_.back()->Close();
}

std::int64_t ConnectionPool::Now() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

std::int64_t ConnectionPool::After(std::chrono::milliseconds timeout) {
  return timeout.count() == 0 ? kNever : Now() + timeout.count();
}

ClientOrigin& ConnectionPool::OriginOf(const OutgoingRequest& request) {
  key_.assign(request.secure ? "https://" : "http://").append(request.host).append(":");
  key_.append(std::to_string(request.port));
  std::unique_ptr<ClientOrigin>& origin = origins_[key_];
  if (origin == nullptr) {
    origin = std::make_unique<ClientOrigin>();
    origin->key = key_;
    origin->host = request.host;
    origin->port = request.port;
    origin->secure = request.secure;
    origin->name = origin->host + ":" + std::to_string(request.port);
    origin->host_field =
        "host: " + (request.port == DefaultPort(request.secure) ? origin->host : origin->name) + "\r\n";
    Route(*origin);
  }
  return *origin;
}

void ConnectionPool::Route(ClientOrigin& origin) const { origin.dial = {origin.host, origin.port, {}}; }

std::unique_ptr<HttpClientRequest> ConnectionPool::Start(const OutgoingRequest& outgoing, HttpClientEvents& events) {
  DropUnusedOrigins();
  auto request = std::make_unique<ClientRequest>(*this, OriginOf(outgoing), outgoing, events);
  Place(*request);
  ScheduleSweep();
  return request;
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
  request.deadline = After(config.response);
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

void ConnectionPool::Schedule(ClientConnection& connection) {
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
    ClientConnection& connection = *scheduled_.back();
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
  const std::int64_t now = Now();
  // From the end: one that closes is replaced by the last.
  for (std::size_t i = connections_.size(); i-- > 0;) {
    if (i < connections_.size()) connections_[i]->CheckDeadline(now);
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
  if (waiting || !connections_.empty()) ScheduleSweep();
}

void ConnectionPool::DropUnusedOrigins() {
  if (origins_.size() < kOriginsKept) return;
  std::erase_if(origins_,
                [](const auto& item) { return item.second->connections == 0 && item.second->waiting.empty(); });
}

std::unique_ptr<HttpClient> MakeHttpClient(asio::io_context& io, const FetchConfig& config, Log& log) {
  return std::make_unique<ConnectionPool>(io, config, log);
}

}  // namespace jsd

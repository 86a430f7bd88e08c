#ifndef JSD_SERVER_CLIENT_CONNECTION_POOL_H_
#define JSD_SERVER_CLIENT_CONNECTION_POOL_H_

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/config.h"
#include "core/http_client.h"
#include "server/client/client_connection.h"
#include "server/client/client_request.h"
#include "server/client/dialer.h"
#include "server/client/resolver.h"
#include "server/client/tls_context.h"
#include "server/poller.h"
#include "worker/log.h"

namespace jsd {

// A scheme, host and port, with what connects to it.
struct ClientOrigin {
  std::string key;   // "https://example.org:443"
  std::string name;  // "example.org:443", for messages.
  std::string host;
  std::uint16_t port = 0;
  bool secure = false;
  DialTarget dial;              // The host itself, a unix socket, or a proxy.
  bool through_proxy = false;   // The addresses of `dial` are the operator's choice, not the script's.
  bool tunnel = false;          // By CONNECT.
  std::string absolute_prefix;  // In front of a target: "http://example.org" for a proxy that is no tunnel.
  std::string host_field;       // "host: example.org\r\n"
  std::string proxy_field;      // "proxy-authorization: …\r\n", for requests or for CONNECT.

  std::vector<ClientConnection*> idle;  // The one used last at the end.
  std::deque<ClientRequest*> waiting;
  std::size_t connections = 0;
};

// The HTTP/1.1 client of one worker (RFC 9110, RFC 9112): connections by origin, kept for the next request, as many at
// a time as the configuration allows.
//
// Owner: the worker. Thread: the worker's. Lifetime: longer than the runtimes', within the io_context's.
class ConnectionPool final : public HttpClient {
 public:
  ConnectionPool(boost::asio::io_context& io, const FetchConfig& config, Log& log);
  ~ConnectionPool() override;
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;

  std::unique_ptr<HttpClientRequest> Start(const OutgoingRequest& request, HttpClientEvents& events) override;

  // --- For requests

  void Unqueue(ClientRequest& request);

  // --- For connections

  // Milliseconds of a monotonic clock, as coarse as the kernel's tick.
  static std::int64_t Now();
  static constexpr std::int64_t kNever = INT64_MAX;
  static std::int64_t After(std::chrono::milliseconds timeout);

  // The connection has nothing to do: it gets the next request, or waits for one.
  void OnIdle(ClientConnection& connection);
  // The connection has closed. It is destroyed soon, and its place is free.
  void OnClosed(ClientConnection& connection);
  // The connection died under a request that may be sent again.
  void Again(ClientRequest& request);
  // Calls `connection.OnDue` soon.
  void Schedule(ClientConnection& connection);
  // Null, with `failure` set, where TLS cannot be used.
  TlsClientContext* tls(HttpClientFailure* failure);

  boost::asio::io_context& io;
  const FetchConfig& config;
  Poller poller;
  Resolver resolver;
  // For one read at a time.
  std::vector<char> scratch;

 private:
  struct Anchor;

  ClientOrigin& OriginOf(const OutgoingRequest& request);
  void Route(ClientOrigin& origin) const;
  // Gives the request a connection, or a place in the queue.
  void Place(ClientRequest& request);
  void Open(ClientRequest& request);
  void Advance(ClientOrigin& origin);
  void RunScheduled();
  void ScheduleSweep();
  void Sweep();
  void DropUnusedOrigins();

  Log& log_;
  std::unique_ptr<TlsClientContext> tls_;
  std::string tls_error_;
  std::unordered_map<std::string, std::unique_ptr<ClientOrigin>> origins_;
  std::string key_;  // Of the origin that is looked for.
  std::vector<std::unique_ptr<ClientConnection>> connections_;
  std::vector<std::unique_ptr<ClientConnection>> closed_;  // The poller may still be about to tell them.
  std::vector<ClientConnection*> scheduled_;
  bool run_posted_ = false;
  bool sweep_scheduled_ = false;
  const std::shared_ptr<Anchor> anchor_;
  boost::asio::steady_timer sweep_timer_;
};

}  // namespace jsd

#endif  // JSD_SERVER_CLIENT_CONNECTION_POOL_H_

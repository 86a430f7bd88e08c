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
#include "server/client/client_route.h"
#include "server/client/client_web_socket.h"
#include "server/client/resolver.h"
#include "server/client/scheduled.h"
#include "server/client/tls_context.h"
#include "server/coarse_clock.h"
#include "server/poller.h"
#include "server/websocket/ws_deflate.h"
#include "server/websocket/ws_frame.h"
#include "worker/log.h"

namespace jsd {

// A scheme, host and port, with what connects to it.
struct ClientOrigin {
  std::string key;   // "https://example.org:443"; "wss:" and "ws:" for WebSockets, whose way may differ.
  std::string name;  // "example.org:443", for messages.
  std::string host;
  std::uint16_t port = 0;
  bool secure = false;
  ClientRoute route;
  // In a request behind its target: "host: example.org\r\n", and what a proxy wants.
  std::string first_fields;

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
  ConnectionPool(boost::asio::io_context& io, const FetchConfig& config, const WebSocketConfig& web_socket_config,
                 Log& log);
  ~ConnectionPool() override;
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;

  std::unique_ptr<HttpClientRequest> Start(const OutgoingRequest& request, HttpClientEvents& events) override;
  std::unique_ptr<WebSocketConnection> ConnectWebSocket(const OutgoingRequest& request,
                                                        WebSocketClientEvents& events) override;

  // --- For requests

  void Unqueue(ClientRequest& request);

  // --- For WebSockets

  // As Start, of a request whose connection becomes the sink's where the server agrees.
  std::unique_ptr<HttpClientRequest> StartUpgrade(const OutgoingRequest& request, HttpClientEvents& events,
                                                  UpgradeSink& sink);
  // It is destroyed soon.
  void Remove(ClientWebSocket& socket);

  // --- For connections

  // The connection has nothing to do: it gets the next request, or waits for one.
  void OnIdle(ClientConnection& connection);
  // The connection has closed. It is destroyed soon, and its place is free.
  void OnClosed(ClientConnection& connection);
  // The connection died under a request that may be sent again.
  void Again(ClientRequest& request);
  // Calls `connection.OnDue` soon.
  void Schedule(Scheduled& connection);
  // Null, with `failure` set, where TLS cannot be used.
  TlsClientContext* tls(HttpClientFailure* failure);

  boost::asio::io_context& io;
  const FetchConfig& config;
  const WebSocketConfig& web_socket_config;
  Poller poller;
  Resolver resolver;
  // For one read at a time.
  std::vector<char> scratch;
  WsMasks masks;
  SharedWsDeflate ws_deflate;

 private:
  struct Anchor;
  class WebSocketHandle;

  ClientOrigin& OriginOf(const OutgoingRequest& request, bool web_socket);
  std::unique_ptr<HttpClientRequest> Place(std::unique_ptr<ClientRequest> request);
  // Gives the request a connection, or a place in the queue.
  void Place(ClientRequest& request);
  void Open(ClientRequest& request);
  void Advance(ClientOrigin& origin);
  void RunScheduled();
  void ScheduleSweep();
  void Sweep();
  void DropUnusedOrigins();

  Log& log_;
  const ClientRouter router_;
  std::unique_ptr<TlsClientContext> tls_;
  std::string tls_error_;
  std::unordered_map<std::string, std::unique_ptr<ClientOrigin>> origins_;
  std::string key_;  // Of the origin that is looked for.
  std::vector<std::unique_ptr<ClientConnection>> connections_;
  std::vector<std::unique_ptr<ClientConnection>> closed_;  // The poller may still be about to tell them.
  std::vector<std::unique_ptr<ClientWebSocket>> web_sockets_;
  std::vector<std::unique_ptr<ClientWebSocket>> closed_web_sockets_;
  std::vector<Scheduled*> scheduled_;
  bool run_posted_ = false;
  bool sweep_scheduled_ = false;
  const std::shared_ptr<Anchor> anchor_;
  boost::asio::steady_timer sweep_timer_;
};

}  // namespace jsd

#endif  // JSD_SERVER_CLIENT_CONNECTION_POOL_H_

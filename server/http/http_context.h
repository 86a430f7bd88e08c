#ifndef JSD_SERVER_HTTP_HTTP_CONTEXT_H_
#define JSD_SERVER_HTTP_HTTP_CONTEXT_H_

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/app_rules.h"
#include "config/config.h"
#include "core/web_socket.h"
#include "server/coarse_clock.h"
#include "server/http/http_access_log.h"
#include "server/http/http_buffer.h"
#include "server/http/http_reply.h"
#include "server/http/http_router.h"
#include "server/poller.h"
#include "server/tls/tls_stream.h"
#include "server/websocket/ws_deflate.h"
#include "worker/connection.h"
#include "worker/log.h"
#include "worker/metrics.h"
#include "worker/request_sink.h"

namespace jsd {

class HttpExchange;
class HttpSession;

// What the sessions of one service share.
//
// Owner: it is the service's base. Thread: the worker's. Lifetime: a session that is open has a living context.
class HttpContext {
 public:
  virtual HttpExchange* AcquireExchange() = 0;
  // The exchange and its memory stay as they are until Reap: a runtime may fill the room for a reply from the request.
  virtual void ReleaseExchange(HttpExchange& exchange) = 0;
  // The runtime's turn is over.
  virtual void Reap() = 0;

  // The session has a turn when all sockets that are ready now have been read.
  virtual void AddTurn(HttpSession& session) = 0;
  // The session has a turn once the runtime's is over.
  virtual void ScheduleTurn(HttpSession& session) = 0;

  // What a connection of this listener has beneath it; null for none.
  virtual std::unique_ptr<TlsStream> StartTls(unsigned listener, int socket) = 0;
  // The listener sends every request on to https.
  virtual bool Redirects(unsigned listener) = 0;

  // The peer is one of proxy.trusted; `address` is empty for a unix socket.
  bool TrustsPeer(std::string_view address) const {
    return std::ranges::any_of(proxies, [&](const TrustedProxy& proxy) { return proxy.Covers(address); });
  }

  // The next request of this connection is for an app of other workers.
  virtual void HandOver(Connection connection) = 0;

  // Requests are logged or measured.
  bool observes() const { return access_log || unrouted; }

  // The session has closed; the service lets go of it.
  virtual void Remove(HttpSession& session) = 0;

  boost::asio::io_context& io;
  Config config;  // What refers to it sees the next one after a reload.
  Log& log;
  BlockPool blocks;
  DateLine date;
  std::optional<AccessLog> access_log;
  std::shared_ptr<AppCounters> unrouted;  // Of requests that are for no app. Null: requests are not measured.
  SharedWsDeflate ws_deflate;
  HttpRouter router;
  Poller poller;
  std::vector<TrustedProxy> proxies;  // config.proxy.trusted.
  std::string https_port;             // Of the URLs that clients are redirected to: ":8443", or nothing.
  bool draining = false;

 protected:
  HttpContext(boost::asio::io_context& io_, std::span<RequestSink* const> sinks, const Config& config_, Log& log_)
      : io(io_), config(config_), log(log_), router(config_, sinks), poller(io_, [this] { RunTurns(); }) {}
  ~HttpContext() = default;

  virtual void RunTurns() = 0;
};

}  // namespace jsd

#endif  // JSD_SERVER_HTTP_HTTP_CONTEXT_H_

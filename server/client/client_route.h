#ifndef JSD_SERVER_CLIENT_CLIENT_ROUTE_H_
#define JSD_SERVER_CLIENT_CLIENT_ROUTE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/app_rules.h"
#include "config/config.h"
#include "config/proxy.h"
#include "server/client/dialer.h"

namespace jsd {

// How an origin is reached.
struct ClientRoute {
  DialTarget dial;              // The host itself, a Unix socket, or a proxy.
  bool chosen = false;          // By the operator, so that its addresses are not for the script's permissions to list.
  bool tunnel = false;          // By CONNECT (RFC 9110 section 9.3.6).
  std::string absolute_prefix;  // In front of a target: "http://example.org" for a proxy that is no tunnel.
  std::string proxy_field;      // "proxy-authorization: …\r\n", for requests or for CONNECT.
};

// The routes that fetch.proxy, fetch.no_proxy and fetch.unix ask for.
//
// Owner: the worker's HTTP client. Thread: the worker's. Lifetime: the client's.
class ClientRouter {
 public:
  // The configuration has been checked.
  explicit ClientRouter(const FetchConfig& config);

  // `host` as the URL standard writes it. `tunnel`: a proxy has to pass bytes on and not requests, as for TLS and
  // WebSockets.
  ClientRoute RouteTo(const std::string& host, std::uint16_t port, bool tunnel) const;

 private:
  std::optional<Proxy> proxy_;
  std::string proxy_field_;
  std::vector<NetRule> direct_;
  std::unordered_map<std::string, std::string> unix_sockets_;
};

// "example.org", or with the port where that is not the scheme's own.
std::string HostWithPort(const std::string& host, std::uint16_t port, bool secure);

}  // namespace jsd

#endif  // JSD_SERVER_CLIENT_CLIENT_ROUTE_H_

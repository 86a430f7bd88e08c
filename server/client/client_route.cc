#include "server/client/client_route.h"

#include <openssl/evp.h>

#include <algorithm>
#include <utility>

#include "core/check.h"

namespace jsd {
namespace {

// RFC 7617 section 2.
std::string BasicAuthorization(const std::string& credentials) {
  std::string encoded(4 * ((credentials.size() + 2) / 3) + 1, '\0');
  const int size = ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                                     reinterpret_cast<const unsigned char*>(credentials.data()),
                                     static_cast<int>(credentials.size()));
  encoded.resize(static_cast<std::size_t>(size));
  return "proxy-authorization: Basic " + encoded + "\r\n";
}

}  // namespace

ClientRouter::ClientRouter(const FetchConfig& config) {
  if (!config.proxy.empty()) {
    Parsed<Proxy> proxy = ParseProxy(config.proxy);
    JSD_CHECK(proxy.value);
    proxy_ = std::move(*proxy.value);
    if (!proxy_->credentials.empty()) proxy_field_ = BasicAuthorization(proxy_->credentials);
  }
  for (const std::string& text : config.no_proxy) {
    Parsed<NetRule> rule = ParseNetRule(text);
    JSD_CHECK(rule.value);
    direct_.push_back(std::move(*rule.value));
  }
  for (const auto& [host, path] : config.unix_sockets) unix_sockets_[host] = path.string();
}

ClientRoute ClientRouter::RouteTo(const std::string& host, std::uint16_t port, bool tunnel) const {
  ClientRoute route;
  if (const auto found = unix_sockets_.find(host); found != unix_sockets_.end()) {
    route.dial = {host, port, found->second};
    route.chosen = true;
    return route;
  }
  if (!proxy_ || std::ranges::any_of(direct_, [&](const NetRule& rule) { return rule.Matches(host, port); })) {
    route.dial = {host, port, {}};
    return route;
  }
  route.dial = {proxy_->host, proxy_->port, {}};
  route.chosen = true;
  route.tunnel = tunnel;
  route.proxy_field = proxy_field_;
  if (!tunnel) route.absolute_prefix = "http://" + HostWithPort(host, port, false);
  return route;
}

std::string HostWithPort(const std::string& host, std::uint16_t port, bool secure) {
  return port == (secure ? 443 : 80) ? host : host + ":" + std::to_string(port);
}

}  // namespace jsd

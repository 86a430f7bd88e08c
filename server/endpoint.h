#ifndef JSD_SERVER_ENDPOINT_H_
#define JSD_SERVER_ENDPOINT_H_

#include <algorithm>
#include <string>
#include <vector>

#include "config/config.h"

namespace jsd {

// An address that the server listens on, and what it speaks there.
struct Endpoint {
  enum class Kind { kHttp, kTls, kRedirect, kMetrics };

  std::string address;
  Kind kind = Kind::kHttp;
  unsigned tls = 0;  // Of kTls: TlsConfig::number.

  // Connection::listener of those that come in there; it says all that matters for them.
  unsigned number() const { return tls << 2 | static_cast<unsigned>(kind); }
  static Kind KindOf(unsigned number) { return static_cast<Kind>(number & 3); }
  static unsigned TlsOf(unsigned number) { return number >> 2; }
};

// All of a configuration, in an order that is always the same.
inline std::vector<Endpoint> EndpointsOf(const Config& config) {
  std::vector<Endpoint> endpoints;
  for (const std::string& address : config.server.listen) endpoints.push_back({address, Endpoint::Kind::kHttp});
  for (const std::string& address : config.server.redirect) endpoints.push_back({address, Endpoint::Kind::kRedirect});
  for (const std::string& address : config.metrics.listen) endpoints.push_back({address, Endpoint::Kind::kMetrics});
  for (const TlsConfig& tls : config.server.tls) {
    for (const std::string& address : tls.listen) endpoints.push_back({address, Endpoint::Kind::kTls, tls.number});
  }
  return endpoints;
}

// Before a reload: every [[server.tls]] of `next` has the number of the one that has had its first address, or, where
// there was none, a number that none has had before, of which `unused` is the least. With ports that the kernel chooses
// several may have the same first address: each is another one then.
inline void NumberTls(Config& next, const Config& before, unsigned& unused) {
  std::vector<const TlsConfig*> left;
  for (const TlsConfig& old : before.server.tls) left.push_back(&old);
  for (TlsConfig& tls : next.server.tls) {
    const auto same =
        std::ranges::find_if(left, [&](const TlsConfig* old) { return old->listen.front() == tls.listen.front(); });
    tls.number = same == left.end() ? unused++ : (*same)->number;
    if (same != left.end()) left.erase(same);
  }
}

}  // namespace jsd

#endif  // JSD_SERVER_ENDPOINT_H_

#ifndef JSD_SERVER_ENDPOINT_H_
#define JSD_SERVER_ENDPOINT_H_

#include <cstddef>
#include <string>
#include <vector>

#include "config/config.h"

namespace jsd {

// An address that the server listens on, and what it speaks there.
struct Endpoint {
  enum class Kind { kHttp, kTls, kRedirect };

  std::string address;
  Kind kind = Kind::kHttp;
  std::size_t tls = 0;  // Of kTls: which [[server.tls]].
};

// All of a configuration, in an order that is always the same: the index of one is Connection::listener.
inline std::vector<Endpoint> EndpointsOf(const Config& config) {
  std::vector<Endpoint> endpoints;
  for (const std::string& address : config.server.listen) endpoints.push_back({address, Endpoint::Kind::kHttp});
  for (const std::string& address : config.server.redirect) endpoints.push_back({address, Endpoint::Kind::kRedirect});
  for (std::size_t i = 0; i < config.server.tls.size(); ++i) {
    for (const std::string& address : config.server.tls[i].listen) {
      endpoints.push_back({address, Endpoint::Kind::kTls, i});
    }
  }
  return endpoints;
}

}  // namespace jsd

#endif  // JSD_SERVER_ENDPOINT_H_

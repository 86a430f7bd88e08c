#ifndef JSD_CONFIG_PROXY_H_
#define JSD_CONFIG_PROXY_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "config/units.h"

namespace jsd {

// An HTTP proxy (RFC 9110 section 3.7), as fetch.proxy names it: "http://user:password@proxy.example:3128".
struct Proxy {
  std::string host;  // As the URL standard writes it.
  std::uint16_t port = 0;
  // Of Basic authentication (RFC 7617), "user:password"; empty: none.
  std::string credentials;
};
Parsed<Proxy> ParseProxy(std::string_view url);

}  // namespace jsd

#endif  // JSD_CONFIG_PROXY_H_

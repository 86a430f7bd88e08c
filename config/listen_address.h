#ifndef JSD_CONFIG_LISTEN_ADDRESS_H_
#define JSD_CONFIG_LISTEN_ADDRESS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "config/units.h"

namespace jsd {

// Where a server listens, as server.listen writes it: "127.0.0.1:8080", "[::1]:8080" or "unix:/run/jsd.sock".
struct ListenAddress {
  enum class Kind { kIpv4, kIpv6, kUnix };

  Kind kind = Kind::kIpv4;
  std::string host;        // Of kIpv4 and kIpv6: the address in its canonical form (RFC 5952), without brackets.
  std::uint16_t port = 0;  // Of kIpv4 and kIpv6; 0: the kernel chooses one.
  std::string path;        // Of kUnix.

  bool operator==(const ListenAddress&) const = default;
};

// Names are not resolved: an address that is bound should not depend on what a resolver says at that moment.
Parsed<ListenAddress> ParseListenAddress(std::string_view text);

// What ParseListenAddress reads back.
std::string ToString(const ListenAddress& address);

}  // namespace jsd

#endif  // JSD_CONFIG_LISTEN_ADDRESS_H_

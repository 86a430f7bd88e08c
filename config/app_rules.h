#ifndef JSD_CONFIG_APP_RULES_H_
#define JSD_CONFIG_APP_RULES_H_

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "config/units.h"

namespace jsd {

// The values of [app] that have a form of their own. Each function gives the value as it is kept, or what is wrong.

// "example.org", or "*.example.org" for every name below it; an address as URLs have it, "[::1]". In lower case.
Parsed<std::string> ParseHostPattern(std::string_view text);

// "/", or "/v1" without a slash at the end.
Parsed<std::string> ParsePathPrefix(std::string_view text);

// Letters, digits and "._-", so that it can stand in a log line and a metric as it is.
Parsed<std::string> ParseAppName(std::string_view text);

// A name that an environment variable may have.
Parsed<std::string> ParseVariableName(std::string_view text);

// An IPv4 or IPv6 address in network order; those of IPv4 mapped into IPv6, ::ffff:a.b.c.d.
using AddressBytes = std::array<std::uint8_t, 16>;

// Four bytes of IPv4 or sixteen of IPv6, which may be a mapped one.
AddressBytes ToAddressBytes(std::span<const std::uint8_t> address);

// False where the text is no address. IPv6 with or without brackets.
bool ParseAddress(std::string_view text, AddressBytes* address);

// What app.permissions.net allows: "example.org", "*.example.org", "*" for every name and public address, an address
// "192.0.2.1" or "[2001:db8::1]", a range "10.0.0.0/8"; each with or without ":port".
struct NetRule {
  enum class Kind { kAny, kName, kSubdomains, kRange };

  Kind kind = Kind::kAny;
  std::string name;        // Of kName, in lower case; of kSubdomains with its dot, ".example.org".
  AddressBytes address{};  // Of kRange.
  unsigned bits = 128;     // Of kRange: how many of them count.
  unsigned port = 0;       // 0: any.

  bool Covers(const AddressBytes& other) const;
  // Whether it is about this host, a name or an address as in an URL, and this port.
  bool Matches(std::string_view host, unsigned port) const;
};
Parsed<NetRule> ParseNetRule(std::string_view text);

// Whom proxy.trusted means: an address or a range as above, without a port, or "unix".
struct TrustedProxy {
  bool unix_sockets = false;
  NetRule range;

  // `address` is empty for a unix socket.
  bool Covers(std::string_view address) const;
};
Parsed<TrustedProxy> ParseTrustedProxy(std::string_view text);

}  // namespace jsd

#endif  // JSD_CONFIG_APP_RULES_H_

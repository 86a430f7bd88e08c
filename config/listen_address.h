#ifndef JSD_CONFIG_LISTEN_ADDRESS_H_
#define JSD_CONFIG_LISTEN_ADDRESS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "config/units.h"

namespace jsd {

// Where a server listens, as server.listen writes it: "127.0.0.1:8080", "[::1]:8080", "unix:/run/jsd.sock", or
// "systemd:web" for the sockets of that name that systemd hands over (sd_listen_fds(3)).
struct ListenAddress {
  enum class Kind { kIpv4, kIpv6, kUnix, kSystemd };

  Kind kind = Kind::kIpv4;
  std::string host;        // Of kIpv4 and kIpv6: the address in its canonical form (RFC 5952), without brackets.
  std::uint16_t port = 0;  // Of kIpv4 and kIpv6; 0: the kernel chooses one.
  std::string path;        // Of kUnix.
  std::string name = {};   // Of kSystemd.

  bool operator==(const ListenAddress&) const = default;
};

// Names are not resolved: an address that is bound should not depend on what a resolver says at that moment.
Parsed<ListenAddress> ParseListenAddress(std::string_view text);

// What ParseListenAddress reads back.
std::string ToString(const ListenAddress& address);

// Where `jsd reload` and the like reach the server of a pid file: a unix socket beside that.
std::string ControlAddress(const std::string& pid_file);

// The permissions of a file, in octal: "0660". Given back as it is.
Parsed<std::string> ParseFileMode(std::string_view text);

// Who owns a file: "user", "user:group" or ":group", by names or numbers, which are looked up where they are used.
Parsed<std::string> ParseFileOwner(std::string_view text);

}  // namespace jsd

#endif  // JSD_CONFIG_LISTEN_ADDRESS_H_

#ifndef JSD_SERVER_HTTP_PROXY_PROTOCOL_H_
#define JSD_SERVER_HTTP_PROXY_PROTOCOL_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace jsd {

// The PROXY protocol of HAProxy, versions 1 and 2: what a proxy says of its client before the first byte of the
// connection itself. https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt
struct ProxyHeader {
  enum class State {
    kIncomplete,  // It may become a header, with more bytes.
    kInvalid,     // It is none, and never will be.
    kComplete,
  };

  State state = State::kIncomplete;
  std::size_t size = 0;  // Of a complete one, in bytes: what follows is the client's.
  bool has_client =
      false;            // Of a complete one: it says whom it speaks for. Otherwise the connection is the proxy's own.
  std::string address;  // The client's IP address as text; empty where it came by a unix socket.
  std::uint16_t port = 0;
};

// No header of version 2 is taken that is longer, with all of its extensions.
inline constexpr std::size_t kLongestProxyHeader = 4096;

// Looks at the first bytes of a connection. What is there may be cut off anywhere.
ProxyHeader ParseProxyHeader(std::string_view bytes);

}  // namespace jsd

#endif  // JSD_SERVER_HTTP_PROXY_PROTOCOL_H_

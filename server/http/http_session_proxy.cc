// What a trusted proxy says of its client: before the connection's first byte, and in the fields of its requests.

#include <sys/socket.h>

#include <cerrno>

#include "server/http/forwarded.h"
#include "server/http/http_session.h"
#include "server/http/proxy_protocol.h"

namespace jsd {

bool HttpSession::ReadProxyHeader() {
  // Looked at first: what follows the header is the client's, and may be for TLS to read.
  char bytes[kLongestProxyHeader];
  const ssize_t size = recv(socket_.get(), bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  const ProxyHeader header = size <= 0 ? ProxyHeader{.state = ProxyHeader::State::kInvalid, .address = {}}
                                       : ParseProxyHeader(std::string_view(bytes, static_cast<std::size_t>(size)));
  switch (header.state) {
    case ProxyHeader::State::kIncomplete:
      return false;
    case ProxyHeader::State::kInvalid:
      if (context_.log.Enabled(LogLevel::kDebug)) {
        context_.log.Debug("a connection does not begin with a PROXY header", {{"remote", remote_address()}});
      }
      Close({});
      return false;
    case ProxyHeader::State::kComplete:
      break;
  }
  recv(socket_.get(), bytes, header.size, MSG_DONTWAIT);
  awaits_proxy_header_ = false;
  if (header.has_client) {
    remote_address_ = header.address;
    remote_port_ = header.port;
    // From here on it is the client who speaks.
    trusted_ = context_.TrustsPeer(remote_address_);
  }
  return true;
}

void HttpSession::BelieveForwarded(HttpRequest& request) const {
  const Forwarded forwarded = ReadForwarded(request.fields, context_.config.proxy.fields, context_.proxies);
  if (!forwarded.address.empty()) {
    request.head.remote_address = forwarded.address;
    request.head.remote_port = forwarded.port;
  }
  if (!forwarded.scheme.empty()) request.head.scheme = forwarded.scheme;
  if (!forwarded.authority.empty()) request.head.authority = forwarded.authority;
}

}  // namespace jsd

// What comes before the first request of a session: the TLS handshake, and what is answered to clients that do not make
// one.

#include <sys/epoll.h>

#include <string>
#include <string_view>

#include "server/http/http_session.h"

namespace jsd {
namespace {

constexpr std::string_view kPlainHttpText = "This port speaks TLS: use https.\n";

}  // namespace

void HttpSession::ContinueHandshake(std::uint32_t events) {
  if (awaits_proxy_header_) {
    if (!ReadProxyHeader()) return;
    if (tls_ == nullptr) {
      handshaking_ = false;
      // A request may have come with it.
      more_input_ = true;
      return context_.AddTurn(*this);
    }
  }
  switch (tls_->Continue((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)) {
    case TlsStream::Handshake::kWantsInput:
      return WatchFor(kInputEvents | EPOLLET);
    case TlsStream::Handshake::kWantsOutput:
      return WatchFor(kInputEvents | EPOLLOUT | EPOLLET);
    case TlsStream::Handshake::kDone:
      handshaking_ = false;
      // A request may have come with the end of the handshake.
      more_input_ = true;
      return context_.AddTurn(*this);
    case TlsStream::Handshake::kPlainHttp:
      return RefusePlainHttp();
    case TlsStream::Handshake::kFailed:
      if (context_.log.Enabled(LogLevel::kDebug)) {
        context_.log.Debug("TLS handshake failed", {{"reason", tls_->failure()}, {"remote", remote_address()}});
      }
      return Close({});
  }
}

void HttpSession::RefusePlainHttp() {
  handshaking_ = false;
  tls_.reset();
  last_request_seen_ = linger_ = true;
  AddExchange().Answer(400, kPlainHttpText);
  context_.AddTurn(*this);
}

void HttpSession::Redirect(HttpExchange& exchange) {
  const RequestHead& head = exchange.head();
  // Without the port, which is not that of https. The last colon may be one of an IPv6 address, which ends in "]".
  std::string_view host = head.authority;
  if (const std::size_t colon = host.rfind(':'); colon != std::string_view::npos && !host.ends_with(']')) {
    host = host.substr(0, colon);
  }
  std::string fields("Location: https://");
  fields.append(host).append(context_.https_port).append(head.target == "*" ? "/" : head.target).append("\r\n");
  fields.append(kGenericFields);
  const std::string_view text = GenericBody(308);
  char* const room = exchange.Reply(ReplyHead{.status = 308, .status_text = {}, .fields = fields}, text.size());
  if (room != nullptr) text.copy(room, text.size());
}

}  // namespace jsd

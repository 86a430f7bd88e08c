#include "config/proxy.h"

#include <ada.h>

#include <algorithm>

namespace jsd {

Parsed<Proxy> ParseProxy(std::string_view text) {
  const auto url = ada::parse<ada::url_aggregator>(text);
  if (!url) return {{}, "it is no URL"};
  if (url->get_protocol() != "http:") return {{}, "its scheme is not http"};
  if (url->get_pathname() != "/" || url->has_search() || url->has_hash()) return {{}, "a proxy's URL has no path"};
  Proxy proxy;
  proxy.host = url->get_hostname();
  const std::uint32_t port = url->get_components().port;
  proxy.port = port == ada::url_components::omitted ? 80 : static_cast<std::uint16_t>(port);
  if (url->has_credentials()) {
    const auto decode = [](std::string_view part) { return ada::unicode::percent_decode(part, part.find('%')); };
    const std::string user = decode(url->get_username());
    // RFC 7617 section 2: neither can be told apart from what stands around it.
    if (user.find(':') != std::string::npos) return {{}, "the user's name has a colon"};
    proxy.credentials = user + ":" + decode(url->get_password());
    const auto is_control = [](char c) { return (c >= 0 && c < ' ') || c == 0x7F; };
    if (std::ranges::any_of(proxy.credentials, is_control)) return {{}, "the credentials have a control character"};
  }
  return {std::move(proxy), {}};
}

}  // namespace jsd

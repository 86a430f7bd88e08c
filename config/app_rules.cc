#include "config/app_rules.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include "config/ascii.h"

namespace jsd {
namespace {

bool IsAlphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

bool IsName(std::string_view text) {
  if (text.empty() || text.size() > 253 || text.starts_with('.') || text.find("..") != std::string_view::npos) {
    return false;
  }
  return std::ranges::all_of(text, [](char c) { return IsAlphanumeric(c) || c == '-' || c == '.' || c == '_'; });
}

std::optional<unsigned> ParseNumber(std::string_view text, unsigned maximum) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty() || number > maximum) return {};
  return number;
}

}  // namespace

Parsed<std::string> ParseHostPattern(std::string_view text) {
  AddressBytes ignored;
  if (text.starts_with('[') && ParseAddress(text, &ignored)) return {LowerCase(text), {}};
  if (!IsName(text.starts_with("*.") ? text.substr(2) : text)) return {{}, "it is no host name; ports do not count"};
  return {LowerCase(text), {}};
}

Parsed<std::string> ParsePathPrefix(std::string_view text) {
  if (!text.starts_with('/')) return {{}, "it does not start with a slash"};
  if (text.size() > 1 && text.ends_with('/')) return {{}, "it ends in a slash"};
  const bool plain = std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F && c != '?' && c != '#'; });
  if (!plain) return {{}, "it holds what the path of a URL does not; write it percent-encoded"};
  return {std::string(text), {}};
}

Parsed<std::string> ParseAppName(std::string_view text) {
  if (text.size() > 64) return {{}, "it has more than 64 characters"};
  const bool plain =
      std::ranges::all_of(text, [](char c) { return IsAlphanumeric(c) || c == '-' || c == '.' || c == '_'; });
  if (!plain) return {{}, "use letters, digits, \".\", \"_\" and \"-\""};
  return {std::string(text), {}};
}

Parsed<std::string> ParseVariableName(std::string_view text) {
  if (text.empty() || text.find('=') != std::string_view::npos || text.find('\0') != std::string_view::npos) {
    return {{}, "no variable can have this name"};
  }
  return {std::string(text), {}};
}

AddressBytes ToAddressBytes(std::span<const std::uint8_t> address) {
  AddressBytes bytes{};
  if (address.size() == 4) {
    bytes[10] = bytes[11] = 0xFF;
    std::ranges::copy(address, bytes.begin() + 12);
  } else if (address.size() == bytes.size()) {
    std::ranges::copy(address, bytes.begin());
  }
  return bytes;
}

bool ParseAddress(std::string_view text, AddressBytes* address) {
  if (text.size() > 2 && text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  const std::string terminated(text);
  std::uint8_t bytes[16];
  if (::inet_pton(AF_INET, terminated.c_str(), bytes) == 1) {
    *address = ToAddressBytes(std::span(bytes, 4));
    return true;
  }
  if (::inet_pton(AF_INET6, terminated.c_str(), bytes) != 1) return false;
  *address = ToAddressBytes(bytes);
  return true;
}

bool NetRule::Covers(const AddressBytes& other) const {
  if (kind != Kind::kRange) return false;
  const unsigned whole = bits / 8;
  if (std::memcmp(address.data(), other.data(), whole) != 0) return false;
  const unsigned rest = bits % 8;
  return rest == 0 || ((address[whole] ^ other[whole]) >> (8 - rest)) == 0;
}

bool NetRule::Matches(std::string_view host, unsigned other_port) const {
  if (port != 0 && port != other_port) return false;
  if (kind == Kind::kAny) return true;
  AddressBytes other;
  if (ParseAddress(host, &other)) return kind == Kind::kRange && Covers(other);
  std::string lower = LowerCase(host);
  // "example.org." is the same name, said to be whole.
  if (lower.size() > 1 && lower.ends_with('.')) lower.pop_back();
  if (kind == Kind::kName) return lower == name;
  return kind == Kind::kSubdomains && lower.size() > name.size() && lower.ends_with(name);
}

Parsed<NetRule> ParseNetRule(std::string_view text) {
  NetRule rule;
  // The port stands behind the last colon, unless that is one of an IPv6 address.
  std::string_view host = text;
  const std::size_t colon = text.rfind(':');
  const bool bare_ipv6 = colon != std::string_view::npos && text.find(':') != colon && !text.starts_with('[');
  if (colon != std::string_view::npos && !bare_ipv6 && !text.ends_with(']') && text.find('/') > colon) {
    const auto port = ParseNumber(text.substr(colon + 1), 65535);
    if (!port || *port == 0) return {{}, "the port is none"};
    rule.port = *port;
    host = text.substr(0, colon);
  }
  if (host == "*") return {rule, {}};

  std::string_view address = host;
  std::string_view length;
  if (const std::size_t slash = host.find('/'); slash != std::string_view::npos) {
    address = host.substr(0, slash);
    length = host.substr(slash + 1);
    if (const std::size_t port_colon = length.find(':'); port_colon != std::string_view::npos) {
      const auto port = ParseNumber(length.substr(port_colon + 1), 65535);
      if (!port || *port == 0) return {{}, "the port is none"};
      rule.port = *port;
      length = length.substr(0, port_colon);
    }
  }
  if (ParseAddress(address, &rule.address)) {
    rule.kind = NetRule::Kind::kRange;
    const bool ipv4 = address.find(':') == std::string_view::npos;
    if (address.data() + address.size() != host.data() + host.size()) {
      const auto bits = ParseNumber(length, ipv4 ? 32 : 128);
      if (!bits) return {{}, "the length of the range is none"};
      rule.bits = *bits + (ipv4 ? 96 : 0);
    }
    return {rule, {}};
  }
  if (host.starts_with("*.") && IsName(host.substr(2))) {
    rule.kind = NetRule::Kind::kSubdomains;
    rule.name = LowerCase(host.substr(1));
    return {rule, {}};
  }
  if (!IsName(host)) return {{}, "it is neither a host name nor an address"};
  rule.kind = NetRule::Kind::kName;
  rule.name = LowerCase(host);
  return {rule, {}};
}

bool TrustedProxy::Covers(std::string_view address) const {
  if (address.empty() || unix_sockets) return address.empty() && unix_sockets;
  AddressBytes bytes;
  return ParseAddress(address, &bytes) && range.Covers(bytes);
}

Parsed<TrustedProxy> ParseTrustedProxy(std::string_view text) {
  if (text == "unix") return {TrustedProxy{.unix_sockets = true, .range = {}}, {}};
  Parsed<NetRule> rule = ParseNetRule(text);
  if (!rule.value) return {{}, std::move(rule.error)};
  if (rule.value->kind != NetRule::Kind::kRange || rule.value->port != 0) {
    return {{}, "it is neither an address nor a range, nor \"unix\""};
  }
  return {TrustedProxy{.range = *rule.value}, {}};
}

}  // namespace jsd

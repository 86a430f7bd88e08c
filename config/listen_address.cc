#include "config/listen_address.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>

namespace jsd {
namespace {

constexpr std::string_view kUnixPrefix = "unix:";
constexpr std::string_view kSystemdPrefix = "systemd:";

// The canonical text of an address; none where `host` is not an address of the family.
std::optional<std::string> CanonicalHost(int family, std::string_view host) {
  unsigned char bytes[sizeof(in6_addr)];
  char text[INET6_ADDRSTRLEN];
  // inet_pton reads up to the first NUL, which would hide what stands behind it.
  if (host.find('\0') != std::string_view::npos) return std::nullopt;
  if (inet_pton(family, std::string(host).c_str(), bytes) != 1) return std::nullopt;
  return inet_ntop(family, bytes, text, sizeof text);
}

std::optional<std::uint16_t> ParsePort(std::string_view text) {
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto [parsed_end, error] = std::from_chars(text.data(), end, port);
  if (error != std::errc() || parsed_end != end) return std::nullopt;
  return port;
}

Parsed<ListenAddress> ParseUnixAddress(std::string_view path) {
  constexpr std::size_t kLongestPath = sizeof(sockaddr_un::sun_path) - 1;
  if (path.empty()) return {{}, "the path is empty"};
  if (path.find('\0') != std::string_view::npos) return {{}, "the path holds a NUL"};
  if (path.size() > kLongestPath) {
    return {{}, "the path of a unix socket has at most " + std::to_string(kLongestPath) + " bytes"};
  }
  return {ListenAddress{.kind = ListenAddress::Kind::kUnix, .host = {}, .port = 0, .path = std::string(path)}, {}};
}

// What systemd takes for FileDescriptorName= (systemd.socket(5)).
Parsed<ListenAddress> ParseSystemdAddress(std::string_view name) {
  constexpr std::size_t kLongestName = 255;
  const auto belongs = [](char c) { return c > ' ' && c < 0x7f && c != ':'; };
  if (name.empty()) return {{}, "the name is empty"};
  if (name.size() > kLongestName || !std::ranges::all_of(name, belongs)) {
    return {{}, "a name has up to 255 visible characters of ASCII, and no colon"};
  }
  return {ListenAddress{
              .kind = ListenAddress::Kind::kSystemd, .host = {}, .port = 0, .path = {}, .name = std::string(name)},
          {}};
}

}  // namespace

Parsed<ListenAddress> ParseListenAddress(std::string_view text) {
  if (text.starts_with(kUnixPrefix)) return ParseUnixAddress(text.substr(kUnixPrefix.size()));
  if (text.starts_with(kSystemdPrefix)) return ParseSystemdAddress(text.substr(kSystemdPrefix.size()));

  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return {{}, "the port is missing"};
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!bracketed && host.find(':') != std::string_view::npos) return {{}, "an IPv6 address stands in brackets"};

  const std::optional<std::string> canonical = CanonicalHost(bracketed ? AF_INET6 : AF_INET, host);
  if (!canonical) return {{}, "\"" + std::string(host) + "\" is no IP" + (bracketed ? "v6" : "") + " address"};
  const std::optional<std::uint16_t> port = ParsePort(text.substr(colon + 1));
  if (!port) return {{}, "the port is not a number from 0 to 65535"};
  return {ListenAddress{.kind = bracketed ? ListenAddress::Kind::kIpv6 : ListenAddress::Kind::kIpv4,
                        .host = *canonical,
                        .port = *port,
                        .path = {}},
          {}};
}

std::string ToString(const ListenAddress& address) {
  switch (address.kind) {
    case ListenAddress::Kind::kIpv4:
      return address.host + ":" + std::to_string(address.port);
    case ListenAddress::Kind::kIpv6:
      return "[" + address.host + "]:" + std::to_string(address.port);
    case ListenAddress::Kind::kUnix:
      return std::string(kUnixPrefix) + address.path;
    case ListenAddress::Kind::kSystemd:
      return std::string(kSystemdPrefix) + address.name;
  }
  __builtin_unreachable();
}

std::string ControlAddress(const std::string& pid_file) { return std::string(kUnixPrefix) + pid_file + ".sock"; }

Parsed<std::string> ParseFileMode(std::string_view text) {
  const auto octal = [](char c) { return c >= '0' && c <= '7'; };
  const bool fits = text.size() == 3 || (text.size() == 4 && text.front() == '0');
  if (!text.empty() && !(fits && std::ranges::all_of(text, octal))) return {{}, "it is not three octal digits"};
  return {std::string(text), {}};
}

Parsed<std::string> ParseFileOwner(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return {{}, "it holds a NUL"};
  if (text == ":" || std::ranges::count(text, ':') > 1) return {{}, "it is not \"user:group\""};
  return {std::string(text), {}};
}

}  // namespace jsd

#include "server/http/proxy_protocol.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

namespace jsd {
namespace {

using State = ProxyHeader::State;

// --- Version 1: a line of text.

constexpr std::string_view kFirst = "PROXY ";
constexpr std::size_t kLongestLine = 107;  // With its end.

// Takes the text up to the next space off the front.
std::string_view TakeWord(std::string_view& line) {
  const std::size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

std::optional<std::uint16_t> ParsePort(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  return port;
}

// In the form that every address of that value has.
std::optional<std::string> ParseIp(int family, std::string_view text) {
  const std::string terminated(text);
  unsigned char bytes[sizeof(in6_addr)];
  char canonical[INET6_ADDRSTRLEN];
  if (terminated.size() != std::strlen(terminated.c_str()) || ::inet_pton(family, terminated.c_str(), bytes) != 1 ||
      ::inet_ntop(family, bytes, canonical, sizeof canonical) == nullptr) {
    return std::nullopt;
  }
  return canonical;
}

ProxyHeader ParseLine(std::string_view bytes) {
  const std::size_t end = bytes.substr(0, kLongestLine).find("\r\n");
  if (end == std::string_view::npos) {
    return {.state = bytes.size() < kLongestLine ? State::kIncomplete : State::kInvalid, .address = {}};
  }
  ProxyHeader header{.state = State::kComplete, .size = end + 2, .address = {}};
  std::string_view line = bytes.substr(kFirst.size(), end - kFirst.size());
  const std::string_view protocol = TakeWord(line);
  if (protocol == "UNKNOWN") return header;
  const int family = protocol == "TCP4" ? AF_INET : protocol == "TCP6" ? AF_INET6 : AF_UNSPEC;
  const bool words = std::ranges::count(line, ' ') == 3;
  const std::optional<std::string> source = ParseIp(family, TakeWord(line));
  const std::optional<std::string> destination = ParseIp(family, TakeWord(line));
  const std::optional<std::uint16_t> source_port = ParsePort(TakeWord(line));
  const std::optional<std::uint16_t> destination_port = ParsePort(TakeWord(line));
  if (!words || !source || !destination || !source_port || !destination_port) {
    return {.state = State::kInvalid, .address = {}};
  }
  header.has_client = true;
  header.address = *source;
  header.port = *source_port;
  return header;
}

// --- Version 2: binary.

constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t kFixedSize = 16;

unsigned Byte(std::string_view bytes, std::size_t at) { return static_cast<unsigned char>(bytes[at]); }
unsigned TwoBytes(std::string_view bytes, std::size_t at) { return Byte(bytes, at) << 8 | Byte(bytes, at + 1); }

std::string FormatIp(int family, std::string_view bytes) {
  char text[INET6_ADDRSTRLEN] = "";
  ::inet_ntop(family, bytes.data(), text, sizeof text);
  return text;
}

ProxyHeader ParseBinary(std::string_view bytes) {
  constexpr unsigned kLocal = 0x20, kProxy = 0x21;
  constexpr unsigned kTcp4 = 0x11, kTcp6 = 0x21, kUnix = 0x31;
  const ProxyHeader invalid{.state = State::kInvalid, .address = {}};
  if (bytes.size() < kFixedSize) return {};
  const unsigned command = Byte(bytes, 12);
  const std::size_t size = kFixedSize + TwoBytes(bytes, 14);
  if ((command != kLocal && command != kProxy) || size > kLongestProxyHeader) return invalid;
  if (bytes.size() < size) return {};
  ProxyHeader header{.state = State::kComplete, .size = size, .address = {}};
  // Whoever checks that the server is alive has no client; and addresses of other kinds are passed over.
  if (command == kLocal) return header;
  const std::string_view addresses = bytes.substr(kFixedSize, size - kFixedSize);
  switch (Byte(bytes, 13)) {
    case kTcp4:
      if (addresses.size() < 12) return invalid;
      header.address = FormatIp(AF_INET, addresses);
      header.port = static_cast<std::uint16_t>(TwoBytes(addresses, 8));
      break;
    case kTcp6:
      if (addresses.size() < 36) return invalid;
      header.address = FormatIp(AF_INET6, addresses);
      header.port = static_cast<std::uint16_t>(TwoBytes(addresses, 32));
      break;
    case kUnix:
      if (addresses.size() < 216) return invalid;
      break;
    default:
      return header;
  }
  header.has_client = true;
  return header;
}

bool MayBecome(std::string_view bytes, std::string_view beginning) {
  return bytes.substr(0, beginning.size()) == beginning.substr(0, bytes.size());
}

}  // namespace

ProxyHeader ParseProxyHeader(std::string_view bytes) {
  if (MayBecome(bytes, kSignature)) return bytes.size() < kSignature.size() ? ProxyHeader{} : ParseBinary(bytes);
  if (MayBecome(bytes, kFirst)) return bytes.size() < kFirst.size() ? ProxyHeader{} : ParseLine(bytes);
  return {.state = State::kInvalid, .address = {}};
}

}  // namespace jsd

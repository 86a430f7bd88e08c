#include "server/http/http_check.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <cstring>

namespace jsd {
namespace {

namespace http = boost::beast::http;

// Empty lines before a request line: old clients send one behind a body, which RFC 9112 section 2.2 wants ignored.
constexpr unsigned kMaxEmptyLines = 8;
// What a request line may have beside its target: method, spaces and version.
constexpr std::size_t kRequestLineOverhead = 64;
constexpr std::size_t kMaxFields = 256;

using CharacterSet = std::array<bool, 256>;

constexpr CharacterSet MakeSet(std::string_view others) {
  CharacterSet set{};
  for (int c = '0'; c <= '9'; ++c) set[c] = true;
  for (int c = 'a'; c <= 'z'; ++c) set[c] = set[c - 'a' + 'A'] = true;
  for (const char c : others) set[static_cast<unsigned char>(c)] = true;
  return set;
}

constexpr CharacterSet kToken = MakeSet("!#$%&'*+-.^_`|~");
// reg-name without the comma, which would make lists of hosts look like one host.
constexpr CharacterSet kHost = MakeSet("-._~!$&'()*+;=");

bool IsIn(const CharacterSet& set, char c) { return set[static_cast<unsigned char>(c)]; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsHexDigit(char c) { return IsDigit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }

bool IsValidPort(std::string_view port) {
  unsigned value = 0;
  for (const char c : port) {
    if (!IsDigit(c)) return false;
    value = value * 10 + static_cast<unsigned>(c - '0');
    if (value > 65535) return false;
  }
  return true;
}

bool IsIpv6(std::string_view address) {
  char text[INET6_ADDRSTRLEN];
  if (address.size() >= sizeof(text)) return false;
  text[address.copy(text, sizeof(text))] = '\0';
  in6_addr parsed;
  return inet_pton(AF_INET6, text, &parsed) == 1;
}

// The absolute form, "http://authority/path?query": `target` starts with a scheme.
int SplitAbsoluteForm(HttpRequest& request, std::string_view scheme) {
  std::string_view target = request.head.target;
  const std::size_t colon = target.find("://");
  if (colon == std::string_view::npos) return 400;
  const std::string_view target_scheme = target.substr(0, colon);
  if (!boost::beast::iequals(target_scheme, scheme)) {
    // A resource of another origin that this connection does not speak for (RFC 9110 section 7.4).
    const bool web = boost::beast::iequals(target_scheme, "https") || boost::beast::iequals(target_scheme, "http");
    return web ? 421 : 400;
  }
  target.remove_prefix(colon + 3);
  const std::size_t end = std::min(target.find_first_of("/?"), target.size());
  request.head.authority = target.substr(0, end);
  target.remove_prefix(end);
  if (request.head.authority.empty() || !IsValidAuthority(request.head.authority)) return 400;
  if (target.empty()) {
    target = request.head.method == "OPTIONS" ? "*" : "/";
  } else if (target.front() == '?') {
    // The empty path of "http://host?query" is "/" (RFC 9110 section 4.2.3). The slash finds room in the session's
    // buffer by moving the authority one byte over the slash before it.
    char* authority = const_cast<char*>(request.head.authority.data()) - 1;
    std::memmove(authority, authority + 1, end);
    authority[end] = '/';
    request.head.authority = std::string_view(authority, end);
    target = std::string_view(target.data() - 1, target.size() + 1);
  }
  request.head.target = target;
  return 0;
}

}  // namespace

void HttpRequest::Clear() {
  head = RequestHead();
  fields.clear();
  content_length = 0;
  hosts = 0;
  http11 = true;
  has_content_length = chunked = connection_close = connection_keep_alive = expect_continue = false;
  upgrade_websocket = connection_upgrade = websocket = false;
}

void HeaderScanner::Reset() {
  position_ = line_start_ = start_ = 0;
  empty_lines_ = 0;
  in_fields_ = done_ = false;
}

int HeaderScanner::Scan(char* data, std::size_t size) {
  while (position_ < size) {
    char* const line = data + line_start_;
    // Told at once, so that a client that speaks TLS or something else need not wait for a timeout.
    if (!in_fields_ && *line != '\r' && !IsIn(kToken, *line)) return 400;
    auto* const end = static_cast<char*>(std::memchr(data + position_, '\n', size - position_));
    if (end == nullptr) {
      position_ = size;
      break;
    }
    if (end == line || end[-1] != '\r') return 400;
    const auto length = static_cast<std::size_t>(end - 1 - line);
    position_ = line_start_ = static_cast<std::size_t>(end + 1 - data);
    if (!in_fields_) {
      if (length == 0) {
        if (++empty_lines_ > kMaxEmptyLines) return 400;
        start_ = line_start_;
        continue;
      }
      if (const int status = CheckRequestLine(line, length); status != 0) return status;
      in_fields_ = true;
    } else if (length == 0) {
      done_ = true;
      return position_ - start_ > limits_.headers ? 431 : 0;
    } else if (*line == ' ' || *line == '\t') {
      return 400;
    }
  }
  if (!in_fields_ && size - start_ > limits_.target + kRequestLineOverhead) return 414;
  return size - start_ >= limits_.headers ? 431 : 0;
}

int HeaderScanner::CheckRequestLine(char* line, std::size_t size) const {
  constexpr std::string_view kVersion = " HTTP/";
  constexpr std::size_t kVersionSize = 9;  // " HTTP/1.1"
  const std::string_view text(line, size);
  const std::size_t method_end = text.find(' ');
  if (method_end == std::string_view::npos || size < method_end + kVersionSize) {
    return size > limits_.target + kRequestLineOverhead ? 414 : 400;
  }
  char* const version = line + size - kVersionSize;
  if (std::string_view(version, kVersion.size()) != kVersion || !IsDigit(version[6]) || version[7] != '.' ||
      !IsDigit(version[8])) {
    return 400;
  }
  if (version[6] != '1') return 505;
  // A later minor version is served as the highest that is known (RFC 9110 section 2.5); Beast knows none.
  if (version[8] > '1') version[8] = '1';
  const std::size_t target_size = size - kVersionSize - method_end;
  if (target_size > limits_.target + 1) return 414;
  return method_end > kRequestLineOverhead ? 501 : 0;
}

int CheckField(http::field field, std::string_view value, HttpRequest& request) {
  if (request.fields.size() > kMaxFields) return 431;
  switch (field) {
    case http::field::host:
      ++request.hosts;
      if (request.hosts > 1) return 400;
      request.head.authority = value;
      return 0;
    case http::field::content_length:
      // Beast takes lists and repetitions of one value; each is a way to smuggle (RFC 9112 section 6.3).
      if (request.has_content_length || !std::all_of(value.begin(), value.end(), IsDigit)) return 400;
      request.has_content_length = true;
      return 0;
    case http::field::transfer_encoding:
      // In HTTP/1.0 its framing is faulty by definition (RFC 9112 section 6.1); no other coding is served.
      if (!request.http11 || request.chunked || !boost::beast::iequals(value, "chunked")) return 400;
      request.chunked = true;
      return 0;
    case http::field::connection:
      for (const auto& option : http::token_list(value)) {
        if (boost::beast::iequals(option, "close")) request.connection_close = true;
        if (boost::beast::iequals(option, "keep-alive")) request.connection_keep_alive = true;
        if (boost::beast::iequals(option, "upgrade")) request.connection_upgrade = true;
      }
      return 0;
    case http::field::upgrade:
      for (const auto& protocol : http::token_list(value)) {
        if (boost::beast::iequals(protocol, "websocket")) request.upgrade_websocket = true;
      }
      return 0;
    case http::field::expect:
      if (!request.http11) return 0;
      if (!boost::beast::iequals(value, "100-continue")) return 417;
      request.expect_continue = true;
      return 0;
    default:
      return 0;
  }
}

int CheckRequest(HttpRequest& request, std::string_view scheme, std::string_view default_authority) {
  RequestHead& head = request.head;
  head.scheme = scheme;
  head.fields = request.fields;
  if (!head.fields.empty()) {
    // The parser refuses folded values, so they all lie in its input.
    const char* const begin = head.fields.front().name.data();
    const std::string_view last = head.fields.back().value;
    head.field_lines = {begin, static_cast<std::size_t>(last.data() + last.size() - begin)};
  }
  if (request.http11 && request.hosts != 1) return 400;
  if (!head.authority.empty() && !IsValidAuthority(head.authority)) return 400;
  if (head.method == "CONNECT") return 501;
  // A fragment is never sent (RFC 9112 section 3.2.1).
  if (head.target.find('#') != std::string_view::npos) return 400;
  if (head.target.front() == '/') {
    if (head.authority.empty() && request.hosts == 1) return 400;
  } else if (head.target == "*") {
    if (head.method != "OPTIONS") return 400;
  } else {
    return SplitAbsoluteForm(request, scheme);
  }
  if (head.authority.empty()) head.authority = default_authority;
  if (request.upgrade_websocket) [[unlikely]] {
    request.websocket = request.connection_upgrade && request.http11 && head.method == "GET" && !request.chunked &&
                        request.content_length == 0 && request.keep_alive();
  }
  return 0;
}

int CheckChunkExtensions(std::string_view extensions) {
  // Beast steps over quoted strings without a look at what is in them.
  for (const char c : extensions) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t') || byte == 0x7f) return 400;
  }
  return 0;
}

int CheckUnfinishedChunk(std::string_view rest) {
  // Beast takes a line for unfinished until it ends in CRLF, whatever is in it.
  for (std::size_t at = rest.find('\n'); at != std::string_view::npos; at = rest.find('\n', at + 1)) {
    if (at == 0 || rest[at - 1] != '\r') return 400;
  }
  for (std::size_t at = rest.find('\r'); at != std::string_view::npos; at = rest.find('\r', at + 1)) {
    if (at + 1 < rest.size() && rest[at + 1] != '\n') return 400;
  }
  if (rest.starts_with("\r\n")) rest.remove_prefix(2);
  const std::size_t end = rest.find('\n');
  if (end == std::string_view::npos) return 0;
  bool quoted = false;
  for (std::size_t i = 0; i < end; ++i) {
    if (rest[i] == '"') quoted = !quoted;
    if (quoted && rest[i] == '\\') ++i;
  }
  return quoted ? 400 : 0;
}

int CheckTrailer(http::field field) {
  switch (field) {
    case http::field::authorization:
    case http::field::cache_control:
    case http::field::connection:
    case http::field::content_encoding:
    case http::field::content_length:
    case http::field::content_range:
    case http::field::content_type:
    case http::field::cookie:
    case http::field::expect:
    case http::field::host:
    case http::field::if_match:
    case http::field::if_modified_since:
    case http::field::if_none_match:
    case http::field::if_range:
    case http::field::if_unmodified_since:
    case http::field::keep_alive:
    case http::field::max_forwards:
    case http::field::pragma:
    case http::field::proxy_authorization:
    case http::field::range:
    case http::field::te:
    case http::field::trailer:
    case http::field::transfer_encoding:
    case http::field::upgrade:
      return 400;
    default:
      return 0;
  }
}

bool IsValidAuthority(std::string_view authority) {
  std::size_t host_end = 0;
  if (!authority.empty() && authority.front() == '[') {
    const std::size_t bracket = authority.find(']');
    if (bracket == std::string_view::npos || !IsIpv6(authority.substr(1, bracket - 1))) return false;
    host_end = bracket + 1;
  } else {
    while (host_end < authority.size() && authority[host_end] != ':') {
      if (authority[host_end] == '%') {
        if (host_end + 2 >= authority.size() || !IsHexDigit(authority[host_end + 1]) ||
            !IsHexDigit(authority[host_end + 2])) {
          return false;
        }
        host_end += 2;
      } else if (!IsIn(kHost, authority[host_end])) {
        return false;
      }
      ++host_end;
    }
    if (host_end == 0) return false;
  }
  if (host_end == authority.size()) return true;
  return authority[host_end] == ':' && IsValidPort(authority.substr(host_end + 1));
}

}  // namespace jsd

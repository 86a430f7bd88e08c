#include "server/http/forwarded.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <optional>

#include "config/ascii.h"
#include "server/http/http_check.h"

namespace jsd {
namespace {

// Proxies that a request can have come through; of more the last ones count.
constexpr std::size_t kMostHops = 32;

bool IsTrusted(std::span<const TrustedProxy> trusted, std::string_view address) {
  return std::ranges::any_of(trusted, [&](const TrustedProxy& proxy) { return proxy.Covers(address); });
}

// An address as either field has it: "192.0.2.1", "192.0.2.1:4711", "[2001:db8::1]", "[2001:db8::1]:4711", and without
// brackets, as X-Forwarded-For has it as a rule. False where it is none: "unknown", "_hidden" or worse.
bool ParseNode(std::string_view node, Forwarded& into) {
  std::string_view address = node;
  std::string_view port;
  if (node.starts_with('[')) {
    const std::size_t bracket = node.find(']');
    if (bracket == std::string_view::npos) return false;
    address = node.substr(1, bracket - 1);
    port = node.substr(bracket + 1);
    if (address.find(':') == std::string_view::npos || (!port.empty() && port.front() != ':')) return false;
  } else if (const std::size_t colon = node.find(':'); colon != std::string_view::npos && colon == node.rfind(':')) {
    address = node.substr(0, colon);
    port = node.substr(colon);
  }
  AddressBytes bytes;
  if (address.starts_with('[') || address.find('\0') != std::string_view::npos || !ParseAddress(address, &bytes)) {
    return false;
  }
  std::uint16_t number = 0;
  if (!port.empty()) {
    // A port may be hidden as "_name"; the address stands all the same.
    const auto [end, error] = std::from_chars(port.data() + 1, port.data() + port.size(), number);
    if (error != std::errc() || end != port.data() + port.size()) number = 0;
  }
  into.address = address;
  into.port = number;
  return true;
}

std::string_view SchemeOf(std::string_view text) {
  return EqualsLower(text, "https") ? "https" : EqualsLower(text, "http") ? "http" : std::string_view();
}

// Takes the last of a comma-separated list off its end.
std::string_view TakeLast(std::string_view& list) {
  const std::size_t comma = list.rfind(',');
  const std::string_view last = comma == std::string_view::npos ? list : list.substr(comma + 1);
  list = comma == std::string_view::npos ? std::string_view() : list.substr(0, comma);
  return TrimBlanks(last);
}

std::string_view LastValue(std::span<const HeaderField> fields, std::string_view lower_name) {
  for (std::size_t i = fields.size(); i-- > 0;) {
    if (!EqualsLower(fields[i].name, lower_name)) continue;
    std::string_view list = fields[i].value;
    return TakeLast(list);
  }
  return {};
}

Forwarded ReadXForwarded(std::span<const HeaderField> fields, std::span<const TrustedProxy> trusted) {
  Forwarded read;
  read.scheme = SchemeOf(LastValue(fields, "x-forwarded-proto"));
  const std::string_view host = LastValue(fields, "x-forwarded-host");
  if (IsValidAuthority(host)) read.authority = host;
  for (std::size_t i = fields.size(), hops = 0; i-- > 0;) {
    if (!EqualsLower(fields[i].name, "x-forwarded-for")) continue;
    for (std::string_view list = fields[i].value; !list.empty();) {
      const std::string_view node = TakeLast(list);
      if (node.empty()) continue;
      if (++hops > kMostHops || !ParseNode(node, read) || !IsTrusted(trusted, read.address)) return read;
    }
  }
  return read;
}

// --- Forwarded, RFC 7239 section 4.

struct Element {
  std::string_view node;
  std::string_view scheme;
  std::string_view host;
};

bool IsTokenCharacter(char c) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kOthers.find(c) != std::string_view::npos;
}

std::string_view TakeToken(std::string_view& text) {
  std::size_t size = 0;
  while (size < text.size() && IsTokenCharacter(text[size])) ++size;
  const std::string_view token = text.substr(0, size);
  text.remove_prefix(size);
  return token;
}

// A token or a quoted string, without its quotes. None where it is neither. A quoted string with an escape is passed
// over as an empty value: none of what is looked for here has one.
std::optional<std::string_view> TakeValue(std::string_view& text) {
  if (!text.starts_with('"')) {
    const std::string_view token = TakeToken(text);
    return token.empty() ? std::nullopt : std::optional(token);
  }
  bool escaped = false;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      escaped = true;
      ++i;
    } else if (text[i] == '"') {
      const std::string_view inner = text.substr(1, i - 1);
      text.remove_prefix(i + 1);
      return escaped ? std::string_view() : inner;
    }
  }
  return std::nullopt;
}

// One pair; false where the text is none.
bool TakePair(std::string_view& text, Element& element) {
  const std::string_view name = TakeToken(text);
  if (name.empty() || !text.starts_with('=')) return false;
  text.remove_prefix(1);
  const std::optional<std::string_view> value = TakeValue(text);
  if (!value) return false;
  if (EqualsLower(name, "for")) element.node = *value;
  if (EqualsLower(name, "proto")) element.scheme = *value;
  if (EqualsLower(name, "host")) element.host = *value;
  return true;
}

void SkipSpace(std::string_view& text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
}

// The last elements of all fields, in their order.
//
// Owner: ReadStandard. Thread: its. Lifetime: the call.
class Elements {
 public:
  // False where the value is not what the RFC has.
  bool Read(std::string_view text) {
    Element element;
    for (bool any = false;;) {
      SkipSpace(text);
      if (!text.empty() && IsTokenCharacter(text.front())) {
        if (!TakePair(text, element)) return false;
        any = true;
        SkipSpace(text);
      }
      if (text.empty() || text.front() == ',') {
        if (any) kept_[count_++ % kMostHops] = element;
        element = {};
        any = false;
        if (text.empty()) return true;
      } else if (text.front() != ';') {
        return false;
      }
      text.remove_prefix(1);
    }
  }

  // The next from the end; none when there is no more.
  const Element* TakeLast() {
    if (taken_ == std::min(count_, kMostHops)) return nullptr;
    return &kept_[(count_ - ++taken_) % kMostHops];
  }

 private:
  std::array<Element, kMostHops> kept_;
  std::size_t count_ = 0;
  std::size_t taken_ = 0;
};

Forwarded ReadStandard(std::span<const HeaderField> fields, std::span<const TrustedProxy> trusted) {
  Elements elements;
  for (const HeaderField& field : fields) {
    if (EqualsLower(field.name, "forwarded") && !elements.Read(field.value)) return {};
  }
  Forwarded read;
  while (const Element* const element = elements.TakeLast()) {
    // Who has added it speaks for its own connection.
    if (!element->scheme.empty()) read.scheme = SchemeOf(element->scheme);
    if (IsValidAuthority(element->host)) read.authority = element->host;
    if (!ParseNode(element->node, read) || !IsTrusted(trusted, read.address)) break;
  }
  return read;
}

}  // namespace

Forwarded ReadForwarded(std::span<const HeaderField> fields, ForwardedFields kind,
                        std::span<const TrustedProxy> trusted) {
  switch (kind) {
    case ForwardedFields::kXForwarded:
      return ReadXForwarded(fields, trusted);
    case ForwardedFields::kForwarded:
      return ReadStandard(fields, trusted);
    case ForwardedFields::kNone:
      break;
  }
  return {};
}

}  // namespace jsd

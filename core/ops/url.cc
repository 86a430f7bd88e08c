#include "core/ops/url.h"

#include <ada.h>
#include <icu_simdutf.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "core/check.h"
#include "core/ops/encoding.h"
#include "core/value.h"

namespace jsd {
namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;

// Percent-encoding makes three bytes of one; offsets into the result must fit 32 bits, and the result V8's strings.
constexpr std::size_t kLongestInput = v8::String::kMaxLength / 4;

// The text of a string in UTF-8. Plain ASCII is read where V8 keeps it, so nothing may be allocated in V8's heap while
// this lives.
class Utf8View {
 public:
  Utf8View(v8::Isolate* isolate, v8::Local<v8::String> string) : view_(isolate, string) {
    const std::size_t length = view_.length();
    if (view_.is_one_byte()) {
      const char* characters = reinterpret_cast<const char*>(view_.data8());
      if (simdutf::validate_ascii(characters, length)) {
        text_ = {characters, length};
        return;
      }
      copy_.resize(simdutf::utf8_length_from_latin1(characters, length));
      simdutf::convert_latin1_to_utf8(characters, length, copy_.data());
    } else {
      // Reads no more than the flat string, which it does not move.
      copy_ = ToUtf8(isolate, string);
    }
    text_ = copy_;
  }

  std::string_view text() const { return text_; }

 private:
  v8::String::ValueView view_;
  std::string copy_;
  std::string_view text_;
};

bool IsTooLong(v8::Local<v8::Value> text) {
  return static_cast<std::size_t>(text.As<v8::String>()->Length()) > kLongestInput;
}

void SetHref(const Info& info, std::string_view href) {
  v8::Local<v8::String> text;
  // What is serialised is ASCII.
  if (ToV8Latin1(info.GetIsolate(), href).ToLocal(&text)) info.GetReturnValue().Set(text);
}

// Where the parts of the href begin and end, in the order that bootstrap/url.js reads.
void SetComponents(v8::Local<v8::Value> destination, const ada::url_components& components) {
  const std::array<std::uint32_t, 8> offsets = {
      components.protocol_end, components.username_end,   components.host_start,   components.host_end,
      components.port,         components.pathname_start, components.search_start, components.hash_start,
  };
  std::string_view bytes;
  JSD_CHECK(GetBytes(destination, &bytes) && bytes.size() == sizeof offsets);
  std::memcpy(const_cast<char*>(bytes.data()), offsets.data(), sizeof offsets);
}

// Two changes of the standard that this version of ada does not have: '^' is percent-encoded in paths that are not
// opaque, and so is the last of the spaces that an opaque path ends in before a query or fragment.
void Renew(ada::url_aggregator& url) {
  const ada::url_components& components = url.get_components();
  if (url.has_opaque_path) {
    const std::size_t end = std::min(components.search_start, components.hash_start);
    if (end == ada::url_components::omitted || end == 0 || url.get_href()[end - 1] != ' ') [[likely]]
      return;
    std::string href(url.get_href());
    href.replace(end - 1, 1, "%20");
    url = *ada::parse<ada::url_aggregator>(href);
    return;
  }
  const std::string_view pathname = url.get_pathname();
  if (pathname.find('^') == pathname.npos) [[likely]]
    return;
  std::string path(pathname);
  for (std::size_t at = path.find('^'); at != path.npos; at = path.find('^', at)) path.replace(at, 1, "%5E");
  url.set_pathname(path);
}

ada::result<ada::url_aggregator> ParseText(std::string_view text, const ada::url_aggregator* base = nullptr) {
  auto url = ada::parse<ada::url_aggregator>(text, base);
  if (url) Renew(*url);
  return url;
}

ada::result<ada::url_aggregator> Parse(v8::Isolate* isolate, v8::Local<v8::String> input, v8::Local<v8::Value> base) {
  if (base->IsUndefined()) return ParseText(Utf8View(isolate, input).text());
  const auto base_url = ParseText(Utf8View(isolate, base.As<v8::String>()).text());
  if (!base_url) return base_url;
  return ParseText(Utf8View(isolate, input).text(), &*base_url);
}

bool Equals(v8::Isolate* isolate, v8::Local<v8::String> string, std::string_view ascii) {
  const v8::String::ValueView view(isolate, string);
  return view.is_one_byte() && view.length() == ascii.size() &&
         std::memcmp(view.data8(), ascii.data(), ascii.size()) == 0;
}

// urlParse(input, base or undefined, components): the href, with its offsets in `components`; undefined for failure.
// The href is `input` itself where that was in the serialised form.
void UrlParse(const Info& info) {
  JSD_CHECK(info.Length() == 3 && info[0]->IsString() && (info[1]->IsUndefined() || info[1]->IsString()));
  v8::Isolate* isolate = info.GetIsolate();
  const auto input = info[0].As<v8::String>();
  if (IsTooLong(input) || (info[1]->IsString() && IsTooLong(info[1]))) return;
  const auto url = Parse(isolate, input, info[1]);
  if (!url) return;
  SetComponents(info[2], url->get_components());
  const std::string_view href = url->get_href();
  if (Equals(isolate, input, href)) {
    info.GetReturnValue().Set(input);
  } else {
    SetHref(info, href);
  }
}

// urlCanParse(input, base or undefined)
void UrlCanParse(const Info& info) {
  JSD_CHECK(info.Length() == 2 && info[0]->IsString() && (info[1]->IsUndefined() || info[1]->IsString()));
  if (IsTooLong(info[0]) || (info[1]->IsString() && IsTooLong(info[1]))) return info.GetReturnValue().Set(false);
  info.GetReturnValue().Set(Parse(info.GetIsolate(), info[0].As<v8::String>(), info[1]).has_value());
}

// The first character that the basic URL parser sees, since it takes tabs and line ends out; 0 where there is none.
char FirstSeen(std::string_view value) {
  const std::size_t at = value.find_first_not_of("\t\n\r");
  return at == value.npos ? '\0' : value[at];
}

// Three setters are corrected for this version of ada. A host that is missing before its port sets nothing.
void SetHost(ada::url_aggregator& url, std::string_view value) {
  if (FirstSeen(value) != ':') url.set_host(value);
}

// What becomes empty without being so sets nothing either.
void SetPort(ada::url_aggregator& url, std::string_view value) {
  if (value.empty() || FirstSeen(value) != '\0') url.set_port(value);
}

// "/.." is the root, for any scheme.
void SetPathname(ada::url_aggregator& url, std::string_view value) {
  url.set_pathname(value);
  if (!url.has_opaque_path && url.get_pathname().empty() && FirstSeen(value) != '\0') url.set_pathname("/");
}

// The attributes that can be set, in the order of bootstrap/url.js.
using Setter = void (*)(ada::url_aggregator& url, std::string_view value);
constexpr Setter kSetters[] = {
    [](ada::url_aggregator& url, std::string_view value) { url.set_protocol(value); },
    [](ada::url_aggregator& url, std::string_view value) { url.set_username(value); },
    [](ada::url_aggregator& url, std::string_view value) { url.set_password(value); },
    SetHost,
    [](ada::url_aggregator& url, std::string_view value) { url.set_hostname(value); },
    SetPort,
    SetPathname,
    [](ada::url_aggregator& url, std::string_view value) { url.set_search(value); },
    [](ada::url_aggregator& url, std::string_view value) { url.set_hash(value); },
};

// urlSet(href, attribute, value, components): the new href; the old one where the value does not fit.
void UrlSet(const Info& info) {
  JSD_CHECK(info.Length() == 4 && info[0]->IsString() && info[1]->IsUint32() && info[2]->IsString());
  v8::Isolate* isolate = info.GetIsolate();
  const auto attribute = info[1].As<v8::Uint32>()->Value();
  JSD_CHECK(attribute < std::size(kSetters));
  auto url = ada::parse<ada::url_aggregator>(Utf8View(isolate, info[0].As<v8::String>()).text());
  JSD_CHECK(url.has_value());
  if (!IsTooLong(info[2])) kSetters[attribute](*url, Utf8View(isolate, info[2].As<v8::String>()).text());
  Renew(*url);
  if (url->get_href().size() > kLongestInput) return info.GetReturnValue().Set(info[0]);
  SetComponents(info[3], url->get_components());
  SetHref(info, url->get_href());
}

// ---- application/x-www-form-urlencoded ----

bool IsUnreserved(std::uint8_t byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') || byte == '*' ||
         byte == '-' || byte == '.' || byte == '_';
}

// formEncode(text): one name or value, percent-encoded, with '+' for spaces.
void FormEncode(const Info& info) {
  JSD_CHECK(info.Length() == 1 && info[0]->IsString());
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string encoded;
  {
    const Utf8View view(info.GetIsolate(), info[0].As<v8::String>());
    encoded.reserve(view.text().size() + view.text().size() / 2);
    for (const char character : view.text()) {
      const auto byte = static_cast<std::uint8_t>(character);
      if (IsUnreserved(byte)) {
        encoded += character;
      } else if (byte == ' ') {
        encoded += '+';
      } else {
        encoded += {'%', kHex[byte >> 4], kHex[byte & 0xf]};
      }
    }
  }
  SetHref(info, encoded);
}

int HexDigit(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

// formDecode(text): the opposite; what is not UTF-8 then becomes U+FFFD.
void FormDecode(const Info& info) {
  JSD_CHECK(info.Length() == 1 && info[0]->IsString());
  std::string decoded;
  {
    const Utf8View view(info.GetIsolate(), info[0].As<v8::String>());
    const std::string_view text = view.text();
    decoded.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '%' && text.size() - i > 2) {
        const int high = HexDigit(text[i + 1]), low = HexDigit(text[i + 2]);
        if (high >= 0 && low >= 0) {
          decoded += static_cast<char>(high << 4 | low);
          i += 2;
          continue;
        }
      }
      decoded += text[i] == '+' ? ' ' : text[i];
    }
  }
  v8::Local<v8::String> text;
  if (DecodeUtf8(info.GetIsolate(), decoded).ToLocal(&text)) info.GetReturnValue().Set(text);
}

constexpr Binding kBindings[] = {
    {"urlParse", UrlParse},     {"urlCanParse", UrlCanParse}, {"urlSet", UrlSet},
    {"formEncode", FormEncode}, {"formDecode", FormDecode},
};

}  // namespace

std::span<const Binding> UrlBindings() { return kBindings; }

}  // namespace jsd

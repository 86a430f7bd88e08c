#include "core/ops/multipart.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "config/ascii.h"
#include "core/check.h"
#include "core/value.h"

namespace jsd {
namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;

constexpr std::string_view kLineEnd = "\r\n";
// A line of a part's header that is longer is not meant as one.
constexpr std::size_t kLongestLine = 16 * 1024;

// HTML escapes line ends and quotes in names, and nothing else.
std::string UnescapeName(std::string_view text) {
  std::string name;
  name.reserve(text.size());
  while (!text.empty()) {
    const std::string_view escape = text.substr(0, 3);
    const char c = EqualsLower(escape, "%0a") ? '\n' : EqualsLower(escape, "%0d") ? '\r' : escape == "%22" ? '"' : '\0';
    name.push_back(c == '\0' ? text.front() : c);
    text.remove_prefix(c == '\0' ? 1 : 3);
  }
  return name;
}

// Content-Disposition: form-data; name="field"; filename="file.txt". False where it is something else.
bool ParseDisposition(std::string_view value, MultipartPart* part, bool* has_name) {
  std::size_t end = std::min(value.find(';'), value.size());
  if (!EqualsLower(TrimBlanks(value.substr(0, end)), "form-data")) return false;
  value.remove_prefix(end);
  while (!value.empty()) {
    value.remove_prefix(1);  // The semicolon.
    end = std::min(value.find_first_of("=;"), value.size());
    const std::string_view key = TrimBlanks(value.substr(0, end));
    value.remove_prefix(end);
    if (value.empty() || value.front() == ';') continue;
    value.remove_prefix(1);
    value = TrimBlanks(value);
    std::string_view text;
    if (!value.empty() && value.front() == '"') {
      const std::size_t quote = value.find('"', 1);
      if (quote == std::string_view::npos) return false;
      text = value.substr(1, quote - 1);
      value.remove_prefix(quote + 1);
      value.remove_prefix(std::min(value.find(';'), value.size()));
    } else {
      end = std::min(value.find(';'), value.size());
      text = TrimBlanks(value.substr(0, end));
      value.remove_prefix(end);
    }
    if (EqualsLower(key, "name")) {
      part->name = UnescapeName(text);
      *has_name = true;
    } else if (EqualsLower(key, "filename")) {
      part->filename = UnescapeName(text);
    }
  }
  return true;
}

// Takes the header and the empty line behind it from the front of `rest`.
bool ParseHeader(std::string_view* rest, MultipartPart* part) {
  bool has_name = false;
  for (;;) {
    const std::size_t end = rest->substr(0, kLongestLine).find(kLineEnd);
    if (end == std::string_view::npos) return false;
    const std::string_view line = rest->substr(0, end);
    rest->remove_prefix(end + kLineEnd.size());
    if (line.empty()) return has_name;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return false;
    const std::string_view value = TrimBlanks(line.substr(colon + 1));
    if (EqualsLower(TrimBlanks(line.substr(0, colon)), "content-disposition")) {
      if (!ParseDisposition(value, part, &has_name)) return false;
    } else if (EqualsLower(TrimBlanks(line.substr(0, colon)), "content-type")) {
      part->content_type = value;
    }
  }
}

enum class Delimiter { kNone, kNext, kLast };

// What follows "--boundary" says what it is; the end of a delimiter's line is taken from `rest`.
Delimiter TakeDelimiterEnd(std::string_view* rest) {
  if (rest->starts_with("--")) return Delimiter::kLast;
  std::string_view after = *rest;
  after.remove_prefix(std::min(after.find_first_not_of(" \t"), after.size()));
  if (!after.starts_with(kLineEnd)) return Delimiter::kNone;
  *rest = after.substr(kLineEnd.size());
  return Delimiter::kNext;
}

// Takes everything up to and with the next delimiter. `content` is what stood before it.
Delimiter TakeUntilDelimiter(std::string_view* rest, std::string_view delimiter, std::string_view* content) {
  for (std::size_t from = 0;;) {
    const std::size_t at = rest->find(delimiter, from);
    if (at == std::string_view::npos) return Delimiter::kNone;
    std::string_view after = rest->substr(at + delimiter.size());
    const Delimiter found = TakeDelimiterEnd(&after);
    if (found != Delimiter::kNone) {
      *content = rest->substr(0, at);
      *rest = after;
      return found;
    }
    from = at + 1;  // A line that only begins like one.
  }
}

// multipartParse(bytes, boundary): name, file name or undefined, type or undefined, begin, end, and so on for each
// part, in one array; undefined where the body is malformed.
void MultipartParse(const Info& info) {
  std::string_view body;
  JSD_CHECK(info.Length() == 2 && GetBytes(info[0], &body) && info[1]->IsString());
  v8::Isolate* isolate = info.GetIsolate();
  const auto parts = ParseMultipart(body, ToUtf8(isolate, info[1].As<v8::String>()));
  if (!parts) return;
  v8::LocalVector<v8::Value> values(isolate);
  values.reserve(parts->size() * 5);
  for (const MultipartPart& part : *parts) {
    for (const std::optional<std::string>& text : {std::optional(part.name), part.filename, part.content_type}) {
      v8::Local<v8::Value> value = v8::Undefined(isolate);
      v8::Local<v8::String> string;
      if (text) {
        if (!ToV8(isolate, *text).ToLocal(&string)) return;
        value = string;
      }
      values.push_back(value);
    }
    const auto begin = static_cast<double>(part.content.data() - body.data());
    values.push_back(v8::Number::New(isolate, begin));
    values.push_back(v8::Number::New(isolate, begin + static_cast<double>(part.content.size())));
  }
  info.GetReturnValue().Set(v8::Array::New(isolate, values.data(), values.size()));
}

constexpr Binding kBindings[] = {{"multipartParse", MultipartParse}};

}  // namespace

std::optional<std::vector<MultipartPart>> ParseMultipart(std::string_view body, std::string_view boundary) {
  const std::string delimiter = std::string("\r\n--").append(boundary);
  std::string_view rest = body, content;
  Delimiter found = Delimiter::kNone;
  // The first one need not follow a line.
  if (rest.starts_with(std::string_view(delimiter).substr(kLineEnd.size()))) {
    std::string_view after = rest.substr(delimiter.size() - kLineEnd.size());
    found = TakeDelimiterEnd(&after);
    if (found != Delimiter::kNone) rest = after;
  }
  if (found == Delimiter::kNone) found = TakeUntilDelimiter(&rest, delimiter, &content);
  std::vector<MultipartPart> parts;
  while (found == Delimiter::kNext) {
    MultipartPart part;
    if (!ParseHeader(&rest, &part)) return std::nullopt;
    found = TakeUntilDelimiter(&rest, delimiter, &part.content);
    parts.push_back(std::move(part));
  }
  if (found == Delimiter::kNone) return std::nullopt;
  return parts;
}

std::span<const Binding> MultipartBindings() { return kBindings; }

}  // namespace jsd

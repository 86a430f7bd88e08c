#include "core/ops/fetch_event.h"

#include <ada.h>
#include <icu_simdutf.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/ascii.h"
#include "core/check.h"
#include "core/guarded.h"
#include "core/request_event.h"
#include "core/runtime_state.h"
#include "core/value.h"

namespace jsd {
namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;

// The header blocks that bootstrap/response.js sends by number (`onlyContentType`).
constexpr std::array<std::string_view, 3> kContentTypeFields = {
    "",
    "content-type: text/plain;charset=UTF-8\r\n",
    "content-type: application/json\r\n",
};

// From this size on, the memory of a body that nobody else has is given away with it.
constexpr std::size_t kHandedOver = 64 * 1024;

std::uint32_t HandleOf(const Info& info) { return info[0].As<v8::Uint32>()->Value(); }

RequestEvent* FindEvent(const Info& info) { return RuntimeState::From(info.GetIsolate()).events.Find(HandleOf(info)); }

// ---- Text ----

v8::Local<v8::String> LowerName(v8::Isolate* isolate, RequestCache& cache, std::string_view name) {
  char buffer[128];
  if (name.size() > sizeof buffer) {
    return cache.String(isolate, LowerCase(name));
  }
  std::ranges::transform(name, buffer, AsciiLower);
  return cache.String(isolate, {buffer, name.size()});
}

// A JavaScript string that is known to be Latin-1, as native text: short ones without an allocation.
class Latin1 {
 public:
  Latin1(v8::Isolate* isolate, v8::Local<v8::Value> value) {
    const auto string = value.As<v8::String>();
    const auto length = static_cast<std::uint32_t>(string->Length());
    char* data = inline_;
    if (length > sizeof inline_) {
      long_.resize(length);
      data = long_.data();
    }
    string->WriteOneByteV2(isolate, 0, length, reinterpret_cast<std::uint8_t*>(data));
    view_ = {data, length};
  }
  Latin1(const Latin1&) = delete;
  Latin1& operator=(const Latin1&) = delete;
  std::string_view view() const { return view_; }

 private:
  char inline_[512];
  std::string long_;
  std::string_view view_;
};

// ---- URLs ----

// What a target is made of where the URL parser would leave it as it is. Dots are looked at in their place.
constexpr auto kPlainTarget = [] {
  std::array<bool, 256> plain{};
  for (char c = 'a'; c <= 'z'; ++c) plain[static_cast<unsigned char>(c)] = true;
  for (char c = 'A'; c <= 'Z'; ++c) plain[static_cast<unsigned char>(c)] = true;
  for (char c = '0'; c <= '9'; ++c) plain[static_cast<unsigned char>(c)] = true;
  for (char c : {'-', '_', '~', '!', '$', '&', '(', ')', '*', '+', ',', ';', '=', ':', '@', '/', '?', '.', '%'}) {
    plain[static_cast<unsigned char>(c)] = true;
  }
  return plain;
}();

// Whether the URL parser leaves `target`, which starts with a slash, unchanged. May say no where it would.
bool IsNormalTarget(std::string_view target) {
  for (std::size_t i = 0; i < target.size(); ++i) {
    const char c = target[i];
    if (!kPlainTarget[static_cast<unsigned char>(c)]) return false;
    // Dot segments, also written "%2e".
    if (c == '.' && target[i - 1] == '/') return false;
    if (c == '%' && target[i - 1] == '/') return false;
  }
  return true;
}

// The URL of a request (Fetch, "request URL") from its origin and target (RFC 9112, section 3.2).
v8::Local<v8::String> MakeUrl(v8::Isolate* isolate, std::string_view scheme, std::string_view authority,
                              std::string_view target) {
  RequestCache& cache = RuntimeState::From(isolate).requests;
  const std::string_view origin = cache.Origin(scheme, authority);
  // The asterisk form stands for the server itself.
  if (target.empty() || target.front() != '/') target = "/";
  char buffer[512];
  std::string long_url;
  std::string_view url;
  if (origin.size() + target.size() <= sizeof buffer) {
    std::memcpy(buffer, origin.data(), origin.size());
    std::memcpy(buffer + origin.size(), target.data(), target.size());
    url = {buffer, origin.size() + target.size()};
  } else {
    long_url.reserve(origin.size() + target.size());
    long_url.append(origin).append(target);
    url = long_url;
  }
  if (!IsNormalTarget(target)) {
    // Bytes beyond ASCII are not allowed in a target; those that come are taken as UTF-8 where they are that.
    const auto parsed = ada::parse<ada::url_aggregator>(url);
    if (parsed) {
      long_url = parsed->get_href();
      url = long_url;
    }
  }
  return cache.String(isolate, url);
}

// ---- Heads ----

// Calls `visit` with each value of the fields of that name; returns how many there were.
template <typename Visit>
std::size_t ForEachValue(const RequestHead& head, std::string_view lower_name, Visit visit) {
  std::size_t count = 0;
  for (const HeaderField& field : head.fields) {
    if (!EqualsLower(field.name, lower_name)) continue;
    ++count;
    visit(field.value);
  }
  return count;
}

// Fields of one name are combined by a comma (RFC 9110, section 5.3), cookies by a semicolon (RFC 9113, 8.2.3).
std::string_view Separator(std::string_view lower_name) { return lower_name == "cookie" ? "; " : ", "; }

std::string Combine(const RequestHead& head, std::string_view lower_name) {
  std::string combined;
  ForEachValue(head, lower_name, [&](std::string_view value) {
    if (!combined.empty()) combined.append(Separator(lower_name));
    combined.append(value);
  });
  return combined;
}

// The head as lines of text, see parseHead in bootstrap/request.js: kept by a Request that a script may still read when
// the event has ended. Most are thrown away unread, so the fields go in as they came where that is possible.
v8::Local<v8::String> HeadText(v8::Isolate* isolate, const RequestEvent& event) {
  const RequestHead& head = event.head();
  std::size_t size = head.method.size() + head.scheme.size() + head.authority.size() + head.target.size() +
                     head.remote_address.size() + head.field_lines.size() + 8;
  // A connection's TLS can be asked for when it is gone.
  const std::string_view tls = head.scheme == "https" ? event.DescribeTls() : std::string_view();
  size += tls.size();
  if (head.field_lines.empty()) {
    for (const HeaderField& field : head.fields) size += field.name.size() + field.value.size() + 2;
  }
  char buffer[2048];
  std::string long_text;
  char* const begin = size <= sizeof buffer ? buffer : (long_text.resize(size), long_text.data());
  char* out = begin;
  const auto put = [&out](std::string_view text, char end) {
    if (!text.empty()) std::memcpy(out, text.data(), text.size());
    out += text.size();
    *out++ = end;
  };
  put(head.method, '\n');
  put(head.scheme, '\n');
  put(head.authority, '\n');
  put(head.target, '\n');
  put(head.remote_address, '\n');
  put(tls, '\n');
  put(event.body_state() == BodyState::kNone ? "" : "1", '\n');
  if (!head.field_lines.empty()) {
    std::memcpy(out, head.field_lines.data(), head.field_lines.size());
    out += head.field_lines.size();
  } else {
    for (const HeaderField& field : head.fields) {
      put(field.name, ':');
      put(field.value, '\n');
    }
  }
  JSD_CHECK(out <= begin + size);
  return ToV8Latin1(isolate, {begin, static_cast<std::size_t>(out - begin)}).ToLocalChecked();
}

// Takes the event out of JavaScript's reach and returns what remains of it to the script.
void EndEvent(const Info& info, RequestEvent& event) {
  info.GetReturnValue().Set(HeadText(info.GetIsolate(), event));
  RuntimeState::From(info.GetIsolate()).EndEvent(HandleOf(info));
}

void RequestMethod(const Info& info) {
  const RequestEvent* event = FindEvent(info);
  if (event == nullptr) return info.GetReturnValue().SetEmptyString();
  v8::Isolate* isolate = info.GetIsolate();
  info.GetReturnValue().Set(RuntimeState::From(isolate).requests.String(isolate, event->head().method));
}

void RequestUrl(const Info& info) {
  const RequestEvent* event = FindEvent(info);
  if (event == nullptr) return info.GetReturnValue().SetEmptyString();
  const RequestHead& head = event->head();
  info.GetReturnValue().Set(MakeUrl(info.GetIsolate(), head.scheme, head.authority, head.target));
}

void MakeRequestUrl(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const Latin1 scheme(isolate, info[0]), authority(isolate, info[1]), target(isolate, info[2]);
  info.GetReturnValue().Set(MakeUrl(isolate, scheme.view(), authority.view(), target.view()));
}

void RequestRemoteAddress(const Info& info) {
  const RequestEvent* event = FindEvent(info);
  if (event == nullptr) return info.GetReturnValue().SetEmptyString();
  v8::Isolate* isolate = info.GetIsolate();
  info.GetReturnValue().Set(RuntimeState::From(isolate).requests.String(isolate, event->head().remote_address));
}

void RequestRemotePort(const Info& info) {
  const RequestEvent* event = FindEvent(info);
  info.GetReturnValue().Set(event == nullptr ? 0u : static_cast<std::uint32_t>(event->head().remote_port));
}

void RequestTls(const Info& info) {
  const RequestEvent* event = FindEvent(info);
  v8::Local<v8::String> text;
  if (ToV8(info.GetIsolate(), event == nullptr ? std::string_view() : event->DescribeTls()).ToLocal(&text)) {
    info.GetReturnValue().Set(text);
  }
}

void RequestHeader(const Info& info) {
  const RequestEvent* event = FindEvent(info);
  if (event == nullptr) return info.GetReturnValue().SetNull();
  v8::Isolate* isolate = info.GetIsolate();
  const Latin1 name(isolate, info[1]);
  std::string_view first;
  const std::size_t count = ForEachValue(event->head(), name.view(), [&first](std::string_view value) {
    if (first.data() == nullptr) first = value;
  });
  if (count == 0) return info.GetReturnValue().SetNull();
  RequestCache& cache = RuntimeState::From(isolate).requests;
  info.GetReturnValue().Set(
      cache.String(isolate, count == 1 ? first : std::string_view(Combine(event->head(), name.view()))));
}

void RequestHeaders(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const RequestEvent* event = FindEvent(info);
  if (event == nullptr) return info.GetReturnValue().Set(v8::Array::New(isolate));
  RequestCache& cache = RuntimeState::From(isolate).requests;
  const RequestHead& head = event->head();
  std::vector<v8::Local<v8::Value>> elements;
  elements.reserve(head.fields.size() * 2);
  bool has_cookie = false;
  for (const HeaderField& field : head.fields) {
    if (EqualsLower(field.name, "cookie")) {
      if (has_cookie) continue;
      has_cookie = true;
      elements.push_back(cache.String(isolate, "cookie"));
      elements.push_back(cache.String(isolate, Combine(head, "cookie")));
    } else {
      elements.push_back(LowerName(isolate, cache, field.name));
      elements.push_back(cache.String(isolate, field.value));
    }
  }
  info.GetReturnValue().Set(v8::Array::New(isolate, elements.data(), elements.size()));
}

void TakeRequestHead(const Info& info) {
  const RequestEvent* event = FindEvent(info);
  if (event == nullptr) return info.GetReturnValue().SetEmptyString();
  info.GetReturnValue().Set(HeadText(info.GetIsolate(), *event));
}

// ---- Replies ----

// Replies by a string as UTF-8.
void ReplyWithText(v8::Isolate* isolate, RequestEvent& event, const ReplyHead& head, v8::Local<v8::String> text) {
  {
    // Nothing may allocate in V8's heap while the view lives; a session does not.
    const v8::String::ValueView view(isolate, text);
    const std::size_t length = view.length();
    if (view.is_one_byte()) {
      const char* data = reinterpret_cast<const char*>(view.data8());
      const std::size_t size = simdutf::utf8_length_from_latin1(data, length);
      if (size == length) return event.ReplyWith(head, {data, length});
      char* room = event.Reply(head, size);
      if (room != nullptr) simdutf::convert_latin1_to_utf8(data, length, room);
      return;
    }
    const char16_t* data = reinterpret_cast<const char16_t*>(view.data16());
    if (simdutf::validate_utf16le(data, length)) {
      char* room = event.Reply(head, simdutf::utf8_length_from_utf16le(data, length));
      if (room != nullptr) simdutf::convert_valid_utf16le_to_utf8(data, length, room);
      return;
    }
  }
  const std::size_t size = text->Utf8LengthV2(isolate);
  char* room = event.Reply(head, size);
  if (room != nullptr) text->WriteUtf8V2(isolate, room, size, v8::String::WriteFlags::kReplaceInvalidUtf8);
}

// Calls `use(head)` with the reply head of the arguments (handle, status, statusText, fields, …).
template <typename Use>
void WithReplyHead(const Info& info, Use use) {
  v8::Isolate* isolate = info.GetIsolate();
  ReplyHead head;
  head.status = static_cast<int>(info[1].As<v8::Uint32>()->Value());
  if (info[3]->IsUint32() && info[2].As<v8::String>()->Length() == 0) {
    head.fields = kContentTypeFields[info[3].As<v8::Uint32>()->Value()];
    return use(head);
  }
  const Latin1 status_text(isolate, info[2]);
  head.status_text = status_text.view();
  if (info[3]->IsUint32()) {
    head.fields = kContentTypeFields[info[3].As<v8::Uint32>()->Value()];
    return use(head);
  }
  const Latin1 fields(isolate, info[3]);
  head.fields = fields.view();
  use(head);
}

void Respond(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  RequestEvent* event = FindEvent(info);
  if (event == nullptr) return info.GetReturnValue().SetEmptyString();
  EndEvent(info, *event);
  WithReplyHead(info, [&](const ReplyHead& head) {
    if (info[4]->IsString()) {
      return ReplyWithText(isolate, *event, head, info[4].As<v8::String>());
    }
    if (info[4]->IsNull()) {
      // A script that answers HEAD may say how long the body would have been.
      const auto declared = static_cast<std::int64_t>(info[5].As<v8::Number>()->Value());
      const bool is_head = event->head().method == "HEAD";
      event->Reply(head, is_head && declared > 0 ? static_cast<std::size_t>(declared) : 0);
      return;
    }
    std::string_view bytes;
    JSD_CHECK(GetBytes(info[4], &bytes));
    if (bytes.size() < kHandedOver || !info[6]->IsTrue()) return event->ReplyWith(head, bytes);
    // The session takes the memory over, so that nothing of it is left to be collected.
    const auto buffer = info[4].As<v8::ArrayBufferView>()->Buffer();
    std::shared_ptr<v8::BackingStore> store = buffer->GetBackingStore();
    buffer->Detach(v8::Local<v8::Value>()).Check();
    event->ReplyWithOwned(head, bytes, std::move(store));
  });
}

void Fail(const Info& info) {
  RequestEvent* event = FindEvent(info);
  if (event == nullptr) return info.GetReturnValue().SetEmptyString();
  EndEvent(info, *event);
  event->Fail(FailReason::kHandlerError);
}

void StreamStart(const Info& info) {
  RequestEvent* event = FindEvent(info);
  if (event == nullptr) return;
  WithReplyHead(info, [&](ReplyHead head) {
    head.declared_length = static_cast<std::int64_t>(info[4].As<v8::Number>()->Value());
    event->StartStream(head);
  });
}

void StreamWrite(const Info& info) {
  RequestEvent* event = FindEvent(info);
  std::string_view bytes;
  JSD_CHECK(GetBytes(info[1], &bytes));
  // An event that has ended takes everything: the pump notices by itself.
  info.GetReturnValue().Set(event == nullptr || event->Write(bytes));
}

void StreamEnd(const Info& info) {
  RequestEvent* event = FindEvent(info);
  if (event == nullptr) return info.GetReturnValue().SetEmptyString();
  EndEvent(info, *event);
  if (info[2]->IsString() && info[2].As<v8::String>()->Length() != 0) {
    event->SetTrailers(Latin1Text(info.GetIsolate(), info[2]));
  }
  event->EndStream(info[1]->IsTrue());
}

void WaitUntilStarted(const Info& info) { ++RuntimeState::From(info.GetIsolate()).waiting_until; }
void WaitUntilSettled(const Info& info) { --RuntimeState::From(info.GetIsolate()).waiting_until; }

constexpr Binding kBindings[] = {
    {"requestMethod", Guarded<RequestMethod>},
    {"requestUrl", Guarded<RequestUrl>},
    {"makeRequestUrl", MakeRequestUrl},
    {"requestRemoteAddress", Guarded<RequestRemoteAddress>},
    {"requestRemotePort", Guarded<RequestRemotePort>},
    {"requestTls", Guarded<RequestTls>},
    {"requestHeader", Guarded<RequestHeader>},
    {"requestHeaders", Guarded<RequestHeaders>},
    {"requestHead", Guarded<TakeRequestHead>},
    {"respond", Guarded<Respond>},
    {"fail", Guarded<Fail>},
    {"streamStart", Guarded<StreamStart>},
    {"streamWrite", Guarded<StreamWrite>},
    {"streamEnd", Guarded<StreamEnd>},
    {"waitUntilStarted", WaitUntilStarted},
    {"waitUntilSettled", WaitUntilSettled},
};

}  // namespace

std::span<const Binding> FetchEventBindings() { return kBindings; }

}  // namespace jsd

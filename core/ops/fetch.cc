#include "core/ops/fetch.h"

#include <ada.h>
#include <icu_simdutf.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "core/check.h"
#include "core/fetch_table.h"
#include "core/guarded.h"
#include "core/ops/outgoing_url.h"
#include "core/runtime_state.h"
#include "core/value.h"

namespace jsd {
namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;

// The events of the callback `fetchEvent`; bootstrap/fetch.js has the same numbers.
enum FetchEventKind : int {
  kHead,       // status, statusText, fields, contentLength, contentEncoding, body: null, whole, or true
  kReadable,   // chunk, or null at the end
  kFailure,    // code, message
  kForwarded,  // code, message: empty where the body is whole
  kDrained,
};

// Bytes of a decoded body that JavaScript gets at a time.
constexpr std::size_t kDecodedAtATime = 128 * 1024;

OutgoingFetch* FindFetch(const Info& info) {
  return RuntimeState::From(info.GetIsolate()).fetches.Find(info[0].As<v8::Uint32>()->Value());
}

void FetchStart(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  FetchTable& fetches = RuntimeState::From(isolate).fetches;
  if (!fetches.connected()) return info.GetReturnValue().Set(0);
  const auto url = ada::parse<ada::url_aggregator>(Latin1Text(isolate, info[1]));
  JSD_CHECK(url.has_value());
  const std::string method = Latin1Text(isolate, info[0]);
  const std::string fields = Latin1Text(isolate, info[2]);
  const OutgoingUrl to(*url);
  if (!RuntimeState::From(isolate).permissions.AllowsNet(to.host, to.port)) {
    return ThrowDomException(isolate, "NotAllowedError", Permissions::NetRefusal(to.host, to.port));
  }
  std::string text;

  OutgoingRequest request;
  request.method = method;
  to.PutInto(request);
  request.fields = fields;
  if (info[3]->IsString()) {
    text = ToUtf8(isolate, info[3].As<v8::String>());
    request.body = text;
    request.body_length = static_cast<std::int64_t>(text.size());
  } else if (info[3]->IsUndefined()) {
    request.body_length = static_cast<std::int64_t>(info[4].As<v8::Number>()->Value());
  } else if (!info[3]->IsNull()) {
    JSD_CHECK(GetBytes(info[3], &request.body));
    request.body_length = static_cast<std::int64_t>(request.body.size());
  }
  info.GetReturnValue().Set(fetches.Start(request).handle());
}

void FetchWrite(const Info& info) {
  OutgoingFetch* const fetch = FindFetch(info);
  std::string_view bytes;
  JSD_CHECK(GetBytes(info[1], &bytes));
  info.GetReturnValue().Set(fetch == nullptr || fetch->request().Write(bytes));
}

void FetchEndBody(const Info& info) {
  if (OutgoingFetch* const fetch = FindFetch(info)) fetch->request().EndBody();
}

v8::MaybeLocal<v8::Value> MakeBytes(v8::Isolate* isolate, std::string_view bytes) {
  v8::Local<v8::ArrayBuffer> buffer;
  if (!v8::ArrayBuffer::MaybeNew(isolate, bytes.size(), v8::BackingStoreInitializationMode::kUninitialized)
           .ToLocal(&buffer)) {
    ThrowRangeError(isolate, "Array buffer allocation failed");
    return {};
  }
  if (!bytes.empty()) std::memcpy(buffer->Data(), bytes.data(), bytes.size());
  return v8::Uint8Array::New(buffer, 0, bytes.size());
}

// The next piece of a body: bytes, null at its end, empty handle where none is there yet or an exception is pending.
v8::MaybeLocal<v8::Value> NextChunk(v8::Isolate* isolate, OutgoingFetch& fetch) {
  if (!fetch.head().content_encoding.empty()) {
    std::string decoded;
    std::string problem;
    if (!fetch.Decode(decoded, kDecodedAtATime, problem)) {
      ThrowTypeError(isolate, problem);
      return {};
    }
    if (!decoded.empty()) return MakeBytes(isolate, decoded);
  } else if (!fetch.body().empty()) {
    const v8::MaybeLocal<v8::Value> bytes = MakeBytes(isolate, fetch.body());
    fetch.BodyTaken();
    return bytes;
  }
  if (fetch.ended()) return v8::Null(isolate);
  return {};
}

void FetchRead(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  OutgoingFetch* const fetch = FindFetch(info);
  if (fetch == nullptr) return info.GetReturnValue().SetNull();
  v8::Local<v8::Value> chunk;
  v8::TryCatch try_catch(isolate);
  if (NextChunk(isolate, *fetch).ToLocal(&chunk)) return info.GetReturnValue().Set(chunk);
  if (try_catch.HasCaught()) {
    try_catch.ReThrow();
  } else {
    fetch->AwaitBody();
  }
}

void FetchForward(const Info& info) {
  OutgoingFetch* const fetch = FindFetch(info);
  info.GetReturnValue().Set(fetch != nullptr && fetch->Forward(info[1].As<v8::Uint32>()->Value()));
}

void FetchTrailers(const Info& info) {
  OutgoingFetch* const fetch = FindFetch(info);
  v8::Local<v8::String> trailers;
  if (fetch == nullptr || !ToV8Latin1(info.GetIsolate(), fetch->trailers()).ToLocal(&trailers)) {
    return info.GetReturnValue().SetEmptyString();
  }
  info.GetReturnValue().Set(trailers);
}

void FetchDrop(const Info& info) {
  RuntimeState::From(info.GetIsolate()).fetches.Drop(info[0].As<v8::Uint32>()->Value());
}

// ---- What has happened ----

// A body that came whole with its head: text where each of its bytes is a character, else bytes.
v8::MaybeLocal<v8::Value> WholeBody(v8::Isolate* isolate, std::string_view body) {
  if (simdutf::validate_ascii(body.data(), body.size())) {
    v8::Local<v8::String> text;
    if (ToV8Latin1(isolate, body).ToLocal(&text)) return text;
    return {};
  }
  return MakeBytes(isolate, body);
}

using Arguments = v8::LocalVector<v8::Value>;

v8::Local<v8::Value> Text(v8::Isolate* isolate, std::string_view text) {
  return RuntimeState::From(isolate).requests.String(isolate, text);
}

void PutFailure(v8::Isolate* isolate, const std::optional<HttpClientFailure>& failure, Arguments& arguments) {
  arguments.push_back(Text(isolate, failure ? failure->code : ""));
  v8::Local<v8::String> message;
  if (!ToV8(isolate, failure ? failure->message : "").ToLocal(&message)) message = v8::String::Empty(isolate);
  arguments.push_back(message);
}

// Puts what `news` says into `arguments`. True: that was the last of it.
bool Describe(v8::Isolate* isolate, OutgoingFetch& fetch, OutgoingFetch::News news, Arguments& arguments) {
  const auto kind = [&](FetchEventKind value) { arguments.push_back(v8::Integer::New(isolate, value)); };
  switch (news) {
    case OutgoingFetch::News::kHead: {
      const OutgoingFetch::Head& head = fetch.head();
      kind(kHead);
      arguments.push_back(v8::Integer::New(isolate, head.status));
      arguments.push_back(Text(isolate, head.status_text));
      arguments.push_back(Text(isolate, head.fields));
      arguments.push_back(v8::Number::New(isolate, static_cast<double>(head.content_length)));
      arguments.push_back(Text(isolate, head.has_body ? std::string_view(head.content_encoding) : ""));
      const bool whole = fetch.ended() && (!head.has_body || head.content_encoding.empty()) && fetch.trailers().empty();
      v8::Local<v8::Value> body = v8::True(isolate);
      if (whole && !head.has_body) {
        body = v8::Null(isolate);
      } else if (whole && !WholeBody(isolate, fetch.body()).ToLocal(&body)) {
        arguments.resize(1);
        kind(kFailure);
        PutFailure(isolate, HttpClientFailure{"ERR_BUFFER_LIMIT", "there is no memory for the response's body"},
                   arguments);
        return true;
      }
      arguments.push_back(body);
      return whole;
    }
    case OutgoingFetch::News::kReadable: {
      v8::TryCatch try_catch(isolate);
      v8::Local<v8::Value> chunk;
      if (NextChunk(isolate, fetch).ToLocal(&chunk)) {
        kind(kReadable);
        arguments.push_back(chunk);
        return chunk->IsNull();
      }
      if (!try_catch.HasCaught()) {
        // What came decodes to nothing yet.
        fetch.AwaitBody();
        return false;
      }
      kind(kFailure);
      PutFailure(
          isolate,
          HttpClientFailure{"ERR_CONTENT_DECODING", DescribeValue(isolate->GetCurrentContext(), try_catch.Exception())},
          arguments);
      return true;
    }
    case OutgoingFetch::News::kFailure:
      kind(kFailure);
      PutFailure(isolate, fetch.failure(), arguments);
      return true;
    case OutgoingFetch::News::kForwarded:
      kind(kForwarded);
      PutFailure(isolate, fetch.failure(), arguments);
      return false;  // JavaScript still wants the trailers.
    case OutgoingFetch::News::kNone:
      return false;
  }
  return false;
}

constexpr Binding kBindings[] = {
    {"fetchStart", Guarded<FetchStart>},     {"fetchWrite", Guarded<FetchWrite>},
    {"fetchEndBody", Guarded<FetchEndBody>}, {"fetchRead", Guarded<FetchRead>},
    {"fetchForward", Guarded<FetchForward>}, {"fetchTrailers", Guarded<FetchTrailers>},
    {"fetchDrop", Guarded<FetchDrop>},
};

}  // namespace

std::span<const Binding> FetchBindings() { return kBindings; }

void TellFetches(v8::Local<v8::Context> context, const std::function<void(std::span<v8::Local<v8::Value>>)>& call) {
  v8::Isolate* isolate = context->GetIsolate();
  FetchTable& fetches = RuntimeState::From(isolate).fetches;
  for (const std::uint32_t handle : fetches.TakeReady()) {
    const v8::HandleScope handle_scope(isolate);
    OutgoingFetch* const fetch = fetches.Find(handle);
    if (fetch == nullptr) continue;
    Arguments arguments(isolate);
    arguments.push_back(v8::Integer::NewFromUnsigned(isolate, handle));
    const bool last = Describe(isolate, *fetch, fetch->TakeNews(), arguments);
    const bool drained = !last && fetch->TakeDrained();
    if (last) fetches.Drop(handle);
    if (arguments.size() > 1) call({arguments.data(), arguments.size()});
    if (!drained || fetches.Find(handle) == nullptr) continue;
    v8::Local<v8::Value> drained_arguments[] = {arguments[0], v8::Integer::New(isolate, kDrained)};
    call(drained_arguments);
  }
}

}  // namespace jsd

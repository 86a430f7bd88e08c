#include "core/value.h"

#include "core/callbacks.h"
#include "core/check.h"
#include "core/runtime_state.h"

namespace jsd {

v8::MaybeLocal<v8::String> ToV8(v8::Isolate* isolate, std::string_view utf8) {
  if (utf8.size() > static_cast<std::size_t>(v8::String::kMaxLength)) {
    ThrowRangeError(isolate, "Invalid string length");
    return {};
  }
  return v8::String::NewFromUtf8(isolate, utf8.data(), v8::NewStringType::kNormal, static_cast<int>(utf8.size()));
}

v8::MaybeLocal<v8::String> ToV8Latin1(v8::Isolate* isolate, std::string_view bytes) {
  if (bytes.size() > static_cast<std::size_t>(v8::String::kMaxLength)) {
    ThrowRangeError(isolate, "Invalid string length");
    return {};
  }
  return v8::String::NewFromOneByte(isolate, reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                    v8::NewStringType::kNormal, static_cast<int>(bytes.size()));
}

std::string Latin1Text(v8::Isolate* isolate, v8::Local<v8::Value> string) {
  const auto text = string.As<v8::String>();
  std::string bytes(static_cast<std::size_t>(text->Length()), '\0');
  text->WriteOneByteV2(isolate, 0, static_cast<std::uint32_t>(bytes.size()),
                       reinterpret_cast<std::uint8_t*>(bytes.data()));
  return bytes;
}

v8::Local<v8::String> Literal(v8::Isolate* isolate, std::string_view text) {
  return v8::String::NewFromUtf8(isolate, text.data(), v8::NewStringType::kInternalized, static_cast<int>(text.size()))
      .ToLocalChecked();
}

std::string ToUtf8(v8::Isolate* isolate, v8::Local<v8::String> text) {
  std::string utf8(text->Utf8LengthV2(isolate), '\0');
  text->WriteUtf8V2(isolate, utf8.data(), utf8.size(), v8::String::WriteFlags::kReplaceInvalidUtf8);
  return utf8;
}

std::string DescribeValue(v8::Local<v8::Context> context, v8::Local<v8::Value> value) {
  v8::Isolate* isolate = context->GetIsolate();
  v8::TryCatch try_catch(isolate);
  v8::Local<v8::String> text;
  if (value.IsEmpty() || !value->ToString(context).ToLocal(&text)) return {};
  return ToUtf8(isolate, text);
}

bool GetBytes(v8::Local<v8::Value> value, std::string_view* bytes) {
  const char* data = nullptr;
  std::size_t offset = 0, length = 0;
  if (value->IsArrayBufferView()) {
    const auto view = value.As<v8::ArrayBufferView>();
    data = static_cast<const char*>(view->Buffer()->Data());
    offset = view->ByteOffset();
    length = view->ByteLength();
  } else if (value->IsArrayBuffer()) {
    data = static_cast<const char*>(value.As<v8::ArrayBuffer>()->Data());
    length = value.As<v8::ArrayBuffer>()->ByteLength();
  } else if (value->IsSharedArrayBuffer()) {
    data = static_cast<const char*>(value.As<v8::SharedArrayBuffer>()->Data());
    length = value.As<v8::SharedArrayBuffer>()->ByteLength();
  } else {
    return false;
  }
  // A detached buffer has no data and no length.
  *bytes = length == 0 ? std::string_view() : std::string_view(data + offset, length);
  return true;
}

namespace {

v8::Local<v8::String> MessageString(v8::Isolate* isolate, std::string_view message) {
  v8::Local<v8::String> text;
  // Messages are short; one that is not is a bug of the caller.
  JSD_CHECK(ToV8(isolate, message).ToLocal(&text));
  return text;
}

void ThrowWithCode(v8::Isolate* isolate, v8::Local<v8::Value> error, std::string_view code) {
  if (!code.empty()) {
    const v8::Local<v8::Context> context = isolate->GetCurrentContext();
    error.As<v8::Object>()
        ->CreateDataProperty(context, Literal(isolate, "code"), MessageString(isolate, code))
        .FromMaybe(false);
  }
  isolate->ThrowException(error);
}

}  // namespace

void ThrowTypeError(v8::Isolate* isolate, std::string_view message, std::string_view code) {
  ThrowWithCode(isolate, v8::Exception::TypeError(MessageString(isolate, message)), code);
}

void ThrowRangeError(v8::Isolate* isolate, std::string_view message) {
  isolate->ThrowException(v8::Exception::RangeError(MessageString(isolate, message)));
}

void ThrowSyntaxError(v8::Isolate* isolate, std::string_view message, std::string_view code) {
  ThrowWithCode(isolate, v8::Exception::SyntaxError(MessageString(isolate, message)), code);
}

void ThrowDomException(v8::Isolate* isolate, std::string_view name, std::string_view message) {
  const v8::Local<v8::Context> context = isolate->GetCurrentContext();
  const auto make = RuntimeState::From(isolate).callbacks.Get(isolate, Callback::kMakeDomException);
  v8::Local<v8::Value> arguments[] = {MessageString(isolate, message), MessageString(isolate, name)};
  v8::Local<v8::Value> exception;
  // Where making it fails (the stack is full, execution is being terminated), that exception is the pending one.
  if (make->Call(context, v8::Undefined(isolate), 2, arguments).ToLocal(&exception)) isolate->ThrowException(exception);
}

}  // namespace jsd

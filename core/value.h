#ifndef JSD_CORE_VALUE_H_
#define JSD_CORE_VALUE_H_

#include <v8.h>

#include <string>
#include <string_view>

namespace jsd {

// Text in UTF-8 becomes a JavaScript string. Empty where the text is longer than V8 allows (an exception is pending).
v8::MaybeLocal<v8::String> ToV8(v8::Isolate* isolate, std::string_view utf8);

// Bytes become a string of the same code points, as the standards' ByteString does.
v8::MaybeLocal<v8::String> ToV8Latin1(v8::Isolate* isolate, std::string_view bytes);

// A literal of the source, known to fit. Internalized: equal literals are one string.
v8::Local<v8::String> Literal(v8::Isolate* isolate, std::string_view text);

// UTF-8, with lone surrogates replaced by U+FFFD, as the standards' USVString does.
std::string ToUtf8(v8::Isolate* isolate, v8::Local<v8::String> text);

// A string of which every code unit is a byte, as its bytes.
std::string Latin1Text(v8::Isolate* isolate, v8::Local<v8::Value> string);

// As ToUtf8 after `String(value)`; empty where that throws, and no exception stays pending.
std::string DescribeValue(v8::Local<v8::Context> context, v8::Local<v8::Value> value);

// The bytes of an ArrayBuffer, SharedArrayBuffer or view; valid until JavaScript runs again. False for anything else.
bool GetBytes(v8::Local<v8::Value> value, std::string_view* bytes);

// Exceptions are made by the binding layer only. These leave one pending; the callback should return at once.
// `code` becomes a property of that name, as Node's errors have it; "" makes none.
void ThrowTypeError(v8::Isolate* isolate, std::string_view message, std::string_view code = {});
void ThrowSyntaxError(v8::Isolate* isolate, std::string_view message, std::string_view code = {});
void ThrowRangeError(v8::Isolate* isolate, std::string_view message);
// `name` as in the table of DOMException names of Web IDL, "DataCloneError".
void ThrowDomException(v8::Isolate* isolate, std::string_view name, std::string_view message);

}  // namespace jsd

#endif  // JSD_CORE_VALUE_H_

#ifndef JSD_CORE_OPS_ENCODING_H_
#define JSD_CORE_OPS_ENCODING_H_

#include <span>
#include <string_view>

#include "core/bindings.h"

namespace jsd {

// The Encoding standard: encodeUtf8, encodeInto, decodeUtf8, and decoders of every encoding by decoderOpen and
// decoderDecode.
std::span<const Binding> EncodingBindings();

// Whether valid UTF-8 has no character beyond U+00FF.
bool IsLatin1(std::string_view utf8);

// UTF-8 decoded as the Encoding standard's "UTF-8 decode without BOM" does: what is not UTF-8 becomes U+FFFD. Empty
// where the text is longer than V8 allows (an exception is pending).
v8::MaybeLocal<v8::String> DecodeUtf8(v8::Isolate* isolate, std::string_view bytes);

}  // namespace jsd

#endif  // JSD_CORE_OPS_ENCODING_H_

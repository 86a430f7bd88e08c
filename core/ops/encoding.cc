#include "core/ops/encoding.h"

#include <icu_simdutf.h>
#include <v8-external-memory-accounter.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "core/check.h"
#include "core/ops/text_decoder.h"
#include "core/value.h"

namespace jsd {
namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;

// ---- Encoding ----

const char* Characters8(const v8::String::ValueView& view) { return reinterpret_cast<const char*>(view.data8()); }
const char16_t* Characters16(const v8::String::ValueView& view) {
  return reinterpret_cast<const char16_t*>(view.data16());
}

enum class TextKind { kAscii, kLatin1, kUtf16, kLoneSurrogates };

// What has to be done to `text`, and how many bytes it will be.
std::pair<TextKind, std::size_t> Measure(v8::Isolate* isolate, v8::Local<v8::String> text) {
  {
    const v8::String::ValueView view(isolate, text);
    if (view.is_one_byte()) {
      const std::size_t size = simdutf::utf8_length_from_latin1(Characters8(view), view.length());
      return {size == view.length() ? TextKind::kAscii : TextKind::kLatin1, size};
    }
    if (simdutf::validate_utf16le(Characters16(view), view.length())) {
      return {TextKind::kUtf16, simdutf::utf8_length_from_utf16le(Characters16(view), view.length())};
    }
  }
  return {TextKind::kLoneSurrogates, text->Utf8LengthV2(isolate)};
}

void EncodeUtf8(const Info& info) {
  JSD_CHECK(info.Length() == 1 && info[0]->IsString());
  v8::Isolate* isolate = info.GetIsolate();
  const auto text = info[0].As<v8::String>();
  const auto [kind, size] = Measure(isolate, text);
  v8::Local<v8::ArrayBuffer> buffer;
  if (!v8::ArrayBuffer::MaybeNew(isolate, size, v8::BackingStoreInitializationMode::kUninitialized).ToLocal(&buffer)) {
    return ThrowRangeError(isolate, "Array buffer allocation failed");
  }
  char* bytes = static_cast<char*>(buffer->Data());
  if (kind == TextKind::kLoneSurrogates) {
    text->WriteUtf8V2(isolate, bytes, size, v8::String::WriteFlags::kReplaceInvalidUtf8);
  } else if (size > 0) {
    const v8::String::ValueView view(isolate, text);
    if (kind == TextKind::kAscii) {
      std::memcpy(bytes, view.data8(), size);
    } else if (kind == TextKind::kLatin1) {
      simdutf::convert_latin1_to_utf8(Characters8(view), view.length(), bytes);
    } else {
      simdutf::convert_valid_utf16le_to_utf8(Characters16(view), view.length(), bytes);
    }
  }
  info.GetReturnValue().Set(v8::Uint8Array::New(buffer, 0, size));
}

// encodeInto(text, destination, result): `result`, a Uint32Array, receives how many code units were read and how many
// bytes written.
void EncodeInto(const Info& info) {
  JSD_CHECK(info.Length() == 3 && info[0]->IsString() && info[1]->IsUint8Array() && info[2]->IsUint32Array());
  v8::Isolate* isolate = info.GetIsolate();
  std::string_view destination, result;
  GetBytes(info[1], &destination);
  GetBytes(info[2], &result);
  std::size_t read = 0;
  const std::size_t written =
      info[0].As<v8::String>()->WriteUtf8V2(isolate, const_cast<char*>(destination.data()), destination.size(),
                                            v8::String::WriteFlags::kReplaceInvalidUtf8, &read);
  const std::uint32_t counts[] = {static_cast<std::uint32_t>(read), static_cast<std::uint32_t>(written)};
  JSD_CHECK(result.size() == sizeof counts);
  std::memcpy(const_cast<char*>(result.data()), counts, sizeof counts);
}

// ---- Decoding ----

// The bytes of a buffer or view. Those of a small view lie in V8's heap and are copied out, which is cheaper than to
// make it move them.
class InputBytes {
 public:
  explicit InputBytes(v8::Local<v8::Value> value) {
    if (value->IsArrayBufferView()) {
      const auto contents = value.As<v8::ArrayBufferView>()->GetContents({storage_, sizeof storage_});
      bytes_ = {reinterpret_cast<const char*>(contents.data()), contents.size()};
    } else {
      JSD_CHECK(GetBytes(value, &bytes_));
    }
  }
  std::string_view bytes() const { return bytes_; }

 private:
  std::uint8_t storage_[v8::TypedArray::kMaxByteLength < 64 ? v8::TypedArray::kMaxByteLength : 64];
  std::string_view bytes_;
};

v8::MaybeLocal<v8::String> NewUtf16(v8::Isolate* isolate, std::u16string_view text) {
  if (text.size() > static_cast<std::size_t>(v8::String::kMaxLength)) {
    ThrowRangeError(isolate, "Invalid string length");
    return {};
  }
  return v8::String::NewFromTwoByte(isolate, reinterpret_cast<const std::uint16_t*>(text.data()),
                                    v8::NewStringType::kNormal, static_cast<int>(text.size()));
}

// From this many bytes on a string's characters lie outside of V8's heap, where large strings are made of fresh memory,
// which the kernel clears first. They are the contents of an array buffer that there is not, so they count towards the
// limit of those; V8 is told of them too, so that it collects strings before their memory has become too much to be
// kept for the next ones.
constexpr std::size_t kLarge = 512 * 1024;

template <typename Char, typename Resource>
class OutsideString final : public Resource {
 public:
  OutsideString(v8::Isolate* isolate, std::unique_ptr<v8::BackingStore> store, std::size_t length)
      : isolate_(isolate), store_(std::move(store)), length_(length) {
    memory_.Increase(isolate_, store_->ByteLength());
  }
  ~OutsideString() override { memory_.Decrease(isolate_, store_->ByteLength()); }
  const Char* data() const override { return static_cast<const Char*>(store_->Data()); }
  std::size_t length() const override { return length_; }

 private:
  v8::Isolate* const isolate_;
  const std::unique_ptr<v8::BackingStore> store_;
  const std::size_t length_;
  v8::ExternalMemoryAccounter memory_;
};
using OutsideLatin1 = OutsideString<char, v8::String::ExternalOneByteStringResource>;
using OutsideUtf16 = OutsideString<std::uint16_t, v8::String::ExternalStringResource>;

// A large string whose characters `fill` writes; null where it is not large or there is no room.
template <typename String, typename Char, typename Fill>
std::unique_ptr<String> MakeOutside(v8::Isolate* isolate, std::size_t length, Fill fill) {
  const std::size_t size = length * sizeof(Char);
  if (size < kLarge || length > static_cast<std::size_t>(v8::String::kMaxLength)) return nullptr;
  auto store = v8::ArrayBuffer::NewBackingStore(isolate, size, v8::BackingStoreInitializationMode::kUninitialized,
                                                v8::BackingStoreOnFailureMode::kReturnNull);
  if (!store) return nullptr;
  fill(static_cast<Char*>(store->Data()));
  return std::make_unique<String>(isolate, std::move(store), length);
}

v8::MaybeLocal<v8::String> NewFromAscii(v8::Isolate* isolate, std::string_view bytes) {
  auto outside = MakeOutside<OutsideLatin1, char>(
      isolate, bytes.size(), [&](char* characters) { std::memcpy(characters, bytes.data(), bytes.size()); });
  return outside ? v8::String::NewExternalOneByte(isolate, outside.release()) : ToV8Latin1(isolate, bytes);
}

// UTF-8 that is known to be valid and not ASCII alone.
v8::MaybeLocal<v8::String> NewFromValidUtf8(v8::Isolate* isolate, std::string_view bytes) {
  // Below this, V8's own decoder is as fast.
  constexpr std::size_t kShort = 256;
  if (bytes.size() < kShort) return ToV8(isolate, bytes);
  const std::size_t length = simdutf::utf16_length_from_utf8(bytes.data(), bytes.size());
  // Strings of Latin-1 take half the memory.
  if (IsLatin1(bytes)) {
    const auto latin1 = std::make_unique_for_overwrite<char[]>(length);
    simdutf::convert_utf8_to_latin1(bytes.data(), bytes.size(), latin1.get());
    return ToV8Latin1(isolate, {latin1.get(), length});
  }
  const auto convert = [&](auto* utf16) {
    simdutf::convert_valid_utf8_to_utf16le(bytes.data(), bytes.size(), reinterpret_cast<char16_t*>(utf16));
  };
  if (auto outside = MakeOutside<OutsideUtf16, std::uint16_t>(isolate, length, convert)) {
    return v8::String::NewExternalTwoByte(isolate, outside.release());
  }
  const auto utf16 = std::make_unique_for_overwrite<char16_t[]>(length);
  convert(utf16.get());
  return NewUtf16(isolate, {utf16.get(), length});
}

constexpr std::string_view kUtf8ByteOrderMark = "\xef\xbb\xbf";

// decodeUtf8(bytes, fatal, ignoreBOM): undefined where it is fatal and the bytes are not UTF-8.
void DecodeUtf8Bytes(const Info& info) {
  JSD_CHECK(info.Length() == 3);
  v8::Isolate* isolate = info.GetIsolate();
  const InputBytes input(info[0]);
  std::string_view bytes = input.bytes();
  if (!info[2]->IsTrue() && bytes.starts_with(kUtf8ByteOrderMark)) bytes.remove_prefix(kUtf8ByteOrderMark.size());
  if (info[1]->IsTrue() && !simdutf::validate_utf8(bytes.data(), bytes.size())) return;
  v8::Local<v8::String> text;
  if (DecodeUtf8(isolate, bytes).ToLocal(&text)) info.GetReturnValue().Set(text);
}

// A decoder with its byte order mark, between calls. JavaScript holds it as an ArrayBuffer that no script sees: V8
// frees the buffer with its last reference or with the isolate, and the decoder with it.
struct OpenDecoder {
  std::unique_ptr<TextDecoder> decoder;
  bool strips_bom;
  bool bom_seen = false;
};

// decoderOpen(encoding, fatal, ignoreBOM), for a name of the standard.
void DecoderOpen(const Info& info) {
  JSD_CHECK(info.Length() == 3 && info[0]->IsString());
  v8::Isolate* isolate = info.GetIsolate();
  const std::string encoding = ToUtf8(isolate, info[0].As<v8::String>());
  auto open = std::make_unique<OpenDecoder>();
  open->decoder = TextDecoder::Open(encoding, info[1]->IsTrue());
  open->strips_bom = !info[2]->IsTrue() && encoding.starts_with("utf-");
  JSD_CHECK(open->decoder != nullptr);
  auto store = v8::ArrayBuffer::NewBackingStore(
      open.release(), sizeof(OpenDecoder),
      [](void* data, std::size_t, void*) { delete static_cast<OpenDecoder*>(data); }, nullptr);
  info.GetReturnValue().Set(v8::ArrayBuffer::New(isolate, std::move(store)));
}

// decoderDecode(decoder, bytes, last): undefined where the decoder is fatal and the bytes are wrong.
void DecoderDecode(const Info& info) {
  JSD_CHECK(info.Length() == 3 && info[0]->IsArrayBuffer());
  auto& open = *static_cast<OpenDecoder*>(info[0].As<v8::ArrayBuffer>()->Data());
  const InputBytes input(info[1]);
  const bool last = info[2]->IsTrue();
  const auto decoded = open.decoder->Decode(input.bytes(), last);
  if (!decoded) {
    open.bom_seen = false;
    return;
  }
  std::u16string_view text = *decoded;
  if (open.strips_bom && !open.bom_seen && !text.empty()) {
    open.bom_seen = true;
    if (text.front() == u'\uFEFF') text.remove_prefix(1);
  }
  if (last) open.bom_seen = false;
  v8::Local<v8::String> string;
  if (NewUtf16(info.GetIsolate(), text).ToLocal(&string)) info.GetReturnValue().Set(string);
}

// latin1(bytes): a string of the same code points.
void Latin1(const Info& info) {
  std::string_view bytes;
  JSD_CHECK(info.Length() == 1 && GetBytes(info[0], &bytes));
  v8::Local<v8::String> text;
  if (ToV8Latin1(info.GetIsolate(), bytes).ToLocal(&text)) info.GetReturnValue().Set(text);
}

constexpr Binding kBindings[] = {
    {"encodeUtf8", EncodeUtf8},   {"encodeInto", EncodeInto},       {"decodeUtf8", DecodeUtf8Bytes},
    {"decoderOpen", DecoderOpen}, {"decoderDecode", DecoderDecode}, {"latin1", Latin1},
};

}  // namespace

std::span<const Binding> EncodingBindings() { return kBindings; }

bool IsLatin1(std::string_view utf8) {
  const auto fits = [](std::string_view block) {
    unsigned char highest = 0;
    for (const char c : block) highest = std::max(highest, static_cast<unsigned char>(c));
    return highest <= 0xc3;  // 0xC2 and 0xC3 begin what is left of Latin-1 beyond ASCII.
  };
  constexpr std::size_t kBlock = 64;  // Of constant size: done with vectors.
  for (; utf8.size() >= kBlock; utf8.remove_prefix(kBlock)) {
    if (!fits({utf8.data(), kBlock})) return false;
  }
  return fits(utf8);
}

v8::MaybeLocal<v8::String> DecodeUtf8(v8::Isolate* isolate, std::string_view bytes) {
  if (simdutf::validate_ascii(bytes.data(), bytes.size())) return NewFromAscii(isolate, bytes);
  if (simdutf::validate_utf8(bytes.data(), bytes.size())) return NewFromValidUtf8(isolate, bytes);
  return ToV8(isolate, bytes);
}

}  // namespace jsd

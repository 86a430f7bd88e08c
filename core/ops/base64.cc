#include "core/ops/base64.h"

#include <icu_simdutf.h>
#include <openssl/crypto.h>

#include <cstring>
#include <memory>
#include <string_view>

#include "core/check.h"
#include "core/value.h"

namespace jsd {
namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;

// The characters of a string of Latin-1; copied where V8 keeps them in two bytes each. They lie in V8's heap, so
// nothing may be allocated there while this lives.
class Latin1View {
 public:
  Latin1View(v8::Isolate* isolate, v8::Local<v8::String> text) : view_(isolate, text) {
    if (view_.is_one_byte()) {
      characters_ = {reinterpret_cast<const char*>(view_.data8()), view_.length()};
      return;
    }
    copy_ = std::make_unique_for_overwrite<char[]>(view_.length());
    for (std::uint32_t i = 0; i < view_.length(); ++i) {
      if (view_.data16()[i] > 0xff) {
        valid_ = false;
        return;
      }
      copy_[i] = static_cast<char>(view_.data16()[i]);
    }
    characters_ = {copy_.get(), view_.length()};
  }

  // False: the text has other characters.
  bool valid() const { return valid_; }
  std::string_view characters() const { return characters_; }

 private:
  v8::String::ValueView view_;
  std::unique_ptr<char[]> copy_;
  std::string_view characters_;
  bool valid_ = true;
};

// Short texts need no memory of their own.
class Scratch {
 public:
  explicit Scratch(std::size_t size)
      : large_(size > sizeof(small_) ? std::make_unique_for_overwrite<char[]>(size) : nullptr) {}
  char* data() { return large_ ? large_.get() : small_; }

 private:
  char small_[1024];
  std::unique_ptr<char[]> large_;
};

void ReturnLatin1(const Info& info, std::string_view bytes) {
  v8::Local<v8::String> text;
  if (ToV8Latin1(info.GetIsolate(), bytes).ToLocal(&text)) info.GetReturnValue().Set(text);
}

void Base64Decode(const Info& info) {
  JSD_CHECK(info.Length() == 1 && info[0]->IsString());
  const auto text = info[0].As<v8::String>();
  Scratch scratch(static_cast<std::size_t>(text->Length()));
  simdutf::result result;
  {
    const Latin1View view(info.GetIsolate(), text);
    if (!view.valid()) return;
    const std::string_view base64 = view.characters();
    result = simdutf::base64_to_binary(base64.data(), base64.size(), scratch.data(), simdutf::base64_default,
                                       simdutf::loose);
  }
  if (result.error == simdutf::SUCCESS) ReturnLatin1(info, {scratch.data(), result.count});
}

void Base64Encode(const Info& info) {
  JSD_CHECK(info.Length() == 1 && info[0]->IsString());
  const auto text = info[0].As<v8::String>();
  Scratch scratch(
      simdutf::base64_length_from_binary(static_cast<std::size_t>(text->Length()), simdutf::base64_default));
  std::size_t size;
  {
    const Latin1View view(info.GetIsolate(), text);
    if (!view.valid()) return;
    const std::string_view bytes = view.characters();
    size = simdutf::binary_to_base64(bytes.data(), bytes.size(), scratch.data(), simdutf::base64_default);
  }
  ReturnLatin1(info, {scratch.data(), size});
}

// base64ToBytes(text, isUrl): a Uint8Array, or undefined where the text is not base64 in the alphabet of RFC 4648,
// section 4 or, `isUrl`, section 5. Space and padding count for nothing, as in atob.
void Base64ToBytes(const Info& info) {
  JSD_CHECK(info.Length() == 2 && info[0]->IsString());
  v8::Isolate* isolate = info.GetIsolate();
  const auto text = info[0].As<v8::String>();
  Scratch scratch(static_cast<std::size_t>(text->Length()));
  simdutf::result result;
  {
    const Latin1View view(isolate, text);
    if (!view.valid()) return;
    const std::string_view base64 = view.characters();
    result =
        simdutf::base64_to_binary(base64.data(), base64.size(), scratch.data(),
                                  info[1]->IsTrue() ? simdutf::base64_url : simdutf::base64_default, simdutf::loose);
  }
  if (result.error != simdutf::SUCCESS) return;
  v8::Local<v8::ArrayBuffer> buffer;
  if (!v8::ArrayBuffer::MaybeNew(isolate, result.count).ToLocal(&buffer)) {
    return ThrowRangeError(isolate, "Array buffer allocation failed");
  }
  if (result.count > 0) std::memcpy(buffer->Data(), scratch.data(), result.count);
  OPENSSL_cleanse(scratch.data(), result.count);
  info.GetReturnValue().Set(v8::Uint8Array::New(buffer, 0, result.count));
}

// bytesToBase64(bytes, isUrl, omitPadding)
void BytesToBase64(const Info& info) {
  std::string_view bytes;
  JSD_CHECK(info.Length() == 3 && GetBytes(info[0], &bytes));
  Scratch scratch(simdutf::base64_length_from_binary(bytes.size(), simdutf::base64_default));
  const auto alphabet = info[1]->IsTrue() ? simdutf::base64_url : simdutf::base64_default;
  std::size_t size = simdutf::binary_to_base64(bytes.data(), bytes.size(), scratch.data(), alphabet);
  // simdutf pads the one alphabet and not the other.
  if (info[2]->IsTrue()) {
    while (size > 0 && scratch.data()[size - 1] == '=') --size;
  } else {
    while (size % 4 != 0) scratch.data()[size++] = '=';
  }
  ReturnLatin1(info, {scratch.data(), size});
  OPENSSL_cleanse(scratch.data(), size);
}

// bytesToHex(bytes)
void BytesToHex(const Info& info) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string_view bytes;
  JSD_CHECK(info.Length() == 1 && GetBytes(info[0], &bytes));
  if (bytes.size() > static_cast<std::size_t>(v8::String::kMaxLength) / 2) {
    return ThrowRangeError(info.GetIsolate(), "The text is longer than a string can be");
  }
  Scratch scratch(bytes.size() * 2);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    scratch.data()[i * 2] = kDigits[byte >> 4];
    scratch.data()[i * 2 + 1] = kDigits[byte & 15];
  }
  ReturnLatin1(info, {scratch.data(), bytes.size() * 2});
}

constexpr Binding kBindings[] = {
    {"base64Decode", Base64Decode},   {"base64Encode", Base64Encode}, {"base64ToBytes", Base64ToBytes},
    {"bytesToBase64", BytesToBase64}, {"bytesToHex", BytesToHex},
};

}  // namespace

std::span<const Binding> Base64Bindings() { return kBindings; }

}  // namespace jsd

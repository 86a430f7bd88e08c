#include "core/ops/base64.h"

#include <icu_simdutf.h>

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

constexpr Binding kBindings[] = {{"base64Decode", Base64Decode}, {"base64Encode", Base64Encode}};

}  // namespace

std::span<const Binding> Base64Bindings() { return kBindings; }

}  // namespace jsd

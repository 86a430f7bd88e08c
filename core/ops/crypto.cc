#include "core/ops/crypto.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "core/check.h"
#include "core/runtime_state.h"
#include "core/value.h"

namespace jsd {
namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;

// OpenSSL reads the system's generator, and fails only where there is none: then nothing safe can be done.
void FillRandom(void* bytes, std::size_t size) {
  JSD_CHECK(RAND_bytes(static_cast<unsigned char*>(bytes), static_cast<int>(size)) == 1);
}

// randomFill(view): at most 65536 bytes.
void RandomFill(const Info& info) {
  JSD_CHECK(info.Length() == 1 && info[0]->IsArrayBufferView());
  std::string_view bytes;
  JSD_CHECK(GetBytes(info[0], &bytes) && bytes.size() <= 65536);
  FillRandom(const_cast<char*>(bytes.data()), bytes.size());
}

// RFC 9562, version 4.
void RandomUuid(const Info& info) {
  constexpr char kHex[] = "0123456789abcdef";
  std::array<std::uint8_t, 16> bytes;
  FillRandom(bytes.data(), bytes.size());
  bytes[6] = 0x40 | (bytes[6] & 0x0f);
  bytes[8] = 0x80 | (bytes[8] & 0x3f);
  std::array<char, 36> text;
  std::size_t at = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text[at++] = '-';
    text[at++] = kHex[bytes[i] >> 4];
    text[at++] = kHex[bytes[i] & 0xf];
  }
  v8::Local<v8::String> uuid;
  if (ToV8Latin1(info.GetIsolate(), {text.data(), text.size()}).ToLocal(&uuid)) info.GetReturnValue().Set(uuid);
}

// Looking an algorithm up costs OpenSSL more than hashing a short text, so that is done once.
const EVP_MD* FindDigest(std::string_view name) {
  static const std::pair<std::string_view, EVP_MD*> kDigests[] = {
      {"SHA-1", EVP_MD_fetch(nullptr, "SHA1", nullptr)},
      {"SHA-256", EVP_MD_fetch(nullptr, "SHA2-256", nullptr)},
      {"SHA-384", EVP_MD_fetch(nullptr, "SHA2-384", nullptr)},
      {"SHA-512", EVP_MD_fetch(nullptr, "SHA2-512", nullptr)},
  };
  for (const auto& [digest_name, digest] : kDigests) {
    if (digest_name == name) return digest;
  }
  return nullptr;
}

struct Hash {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes;
  unsigned int size = 0;
};

Hash ComputeHash(const EVP_MD* digest, std::string_view bytes) {
  Hash hash;
  JSD_CHECK(EVP_Digest(bytes.data(), bytes.size(), hash.bytes.data(), &hash.size, digest, nullptr) == 1);
  return hash;
}

v8::MaybeLocal<v8::Value> ToArrayBuffer(v8::Isolate* isolate, const Hash& hash) {
  v8::Local<v8::ArrayBuffer> buffer;
  if (!v8::ArrayBuffer::MaybeNew(isolate, hash.size).ToLocal(&buffer)) {
    ThrowRangeError(isolate, "Array buffer allocation failed");
    return {};
  }
  std::memcpy(buffer->Data(), hash.bytes.data(), hash.size);
  return buffer;
}

const EVP_MD* DigestArgument(v8::Isolate* isolate, v8::Local<v8::Value> name) {
  JSD_CHECK(name->IsString());
  const EVP_MD* digest = FindDigest(ToUtf8(isolate, name.As<v8::String>()));
  JSD_CHECK(digest != nullptr);
  return digest;
}

void Digest(const Info& info) {
  JSD_CHECK(info.Length() == 2);
  v8::Isolate* isolate = info.GetIsolate();
  std::string_view bytes;
  JSD_CHECK(GetBytes(info[1], &bytes));
  v8::Local<v8::Value> value;
  if (ToArrayBuffer(isolate, ComputeHash(DigestArgument(isolate, info[0]), bytes)).ToLocal(&value)) {
    info.GetReturnValue().Set(value);
  }
}

// The bytes are copied: the script may write to them meanwhile.
void DigestInBackground(const Info& info) {
  JSD_CHECK(info.Length() == 3 && info[0]->IsUint32());
  v8::Isolate* isolate = info.GetIsolate();
  std::string_view bytes;
  JSD_CHECK(GetBytes(info[2], &bytes));
  RuntimeState::From(isolate).ops.StartOnPool(
      info[0].As<v8::Uint32>()->Value(),
      [digest = DigestArgument(isolate, info[1]), copy = std::string(bytes)]() -> OpQueue::MakeValue {
        return [hash = ComputeHash(digest, copy)](v8::Local<v8::Context> context) {
          return ToArrayBuffer(context->GetIsolate(), hash);
        };
      });
}

constexpr Binding kBindings[] = {
    {"randomFill", RandomFill},
    {"randomUuid", RandomUuid},
    {"digest", Digest},
    {"digestInBackground", DigestInBackground, OpKind::kAsync},
};

}  // namespace

std::span<const Binding> CryptoBindings() { return kBindings; }

}  // namespace jsd

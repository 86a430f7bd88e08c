#include "core/ops/node_crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstring>
#include <limits>
#include <string>

#include "core/check.h"
#include "core/value.h"

namespace jsd {
namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;

// By OpenSSL's name, "sha256"; null where it has none.
const EVP_MD* DigestOf(v8::Isolate* isolate, v8::Local<v8::Value> name) {
  return name->IsString() ? ::EVP_get_digestbyname(ToUtf8(isolate, name.As<v8::String>()).c_str()) : nullptr;
}

void Return(const Info& info, const unsigned char* bytes, std::size_t length) {
  const auto buffer = v8::ArrayBuffer::New(info.GetIsolate(), length);
  if (length != 0) std::memcpy(buffer->Data(), bytes, length);
  info.GetReturnValue().Set(v8::Uint8Array::New(buffer, 0, length));
}

// hashSupported(name)
void HashSupported(const Info& info) { info.GetReturnValue().Set(DigestOf(info.GetIsolate(), info[0]) != nullptr); }

// hash(name, bytes)
void Hash(const Info& info) {
  const EVP_MD* const digest = DigestOf(info.GetIsolate(), info[0]);
  std::string_view bytes;
  JSD_CHECK(digest != nullptr && GetBytes(info[1], &bytes));
  unsigned char result[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  if (::EVP_Digest(bytes.data(), bytes.size(), result, &length, digest, nullptr) != 1) {
    return ThrowTypeError(info.GetIsolate(), "The digest cannot be computed.");
  }
  Return(info, result, length);
}

// hmac(name, key, bytes)
void Hmac(const Info& info) {
  const EVP_MD* const digest = DigestOf(info.GetIsolate(), info[0]);
  std::string_view key, bytes;
  JSD_CHECK(digest != nullptr && GetBytes(info[1], &key) && GetBytes(info[2], &bytes));
  unsigned char result[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  // OpenSSL takes a null key for one that was set before.
  const char* const key_data = key.empty() ? "" : key.data();
  if (key.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()) ||
      ::HMAC(digest, key_data, static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(bytes.data()),
             bytes.size(), result, &length) == nullptr) {
    return ThrowTypeError(info.GetIsolate(), "The HMAC cannot be computed.");
  }
  Return(info, result, length);
}

// timingSafeEqual(bytes, bytes of the same length)
void TimingSafeEqual(const Info& info) {
  std::string_view a, b;
  JSD_CHECK(GetBytes(info[0], &a) && GetBytes(info[1], &b) && a.size() == b.size());
  info.GetReturnValue().Set(a.empty() || ::CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0);
}

constexpr Binding kBindings[] = {
    {"hash", Hash},
    {"hashSupported", HashSupported},
    {"hmac", Hmac},
    {"timingSafeEqual", TimingSafeEqual},
};

}  // namespace

std::span<const Binding> NodeCryptoBindings() { return kBindings; }

}  // namespace jsd

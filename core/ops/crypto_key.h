#ifndef JSD_CORE_OPS_CRYPTO_KEY_H_
#define JSD_CORE_OPS_CRYPTO_KEY_H_

#include <openssl/evp.h>
#include <v8.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "core/bindings.h"

namespace jsd {

// Bytes that may be secret: overwritten before their memory is given back.
//
// A value. Thread: one at a time. Lifetime: its owner's.
class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(std::size_t size) : bytes_(size) {}
  explicit SecretBytes(std::string_view bytes) : bytes_(bytes.begin(), bytes.end()) {}
  ~SecretBytes() { Wipe(); }
  SecretBytes(SecretBytes&& other) noexcept = default;
  SecretBytes& operator=(SecretBytes&& other) noexcept {
    if (this == &other) return *this;
    Wipe();
    bytes_ = std::move(other.bytes_);
    return *this;
  }
  SecretBytes(const SecretBytes& other) = default;
  SecretBytes& operator=(const SecretBytes&) = delete;

  unsigned char* data() { return bytes_.data(); }
  const unsigned char* data() const { return bytes_.data(); }
  std::size_t size() const { return bytes_.size(); }
  // To a smaller size; the rest is overwritten.
  void Shrink(std::size_t size);
  std::string_view view() const { return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()}; }

 private:
  void Wipe();
  std::vector<unsigned char> bytes_;
};

// Frees what OpenSSL made, by its own function for the type.
template <auto free>
struct OpenSslFree {
  template <typename T>
  void operator()(T* object) const {
    free(object);
  }
};
using PkeyPointer = std::unique_ptr<EVP_PKEY, OpenSslFree<EVP_PKEY_free>>;
using PkeyContext = std::unique_ptr<EVP_PKEY_CTX, OpenSslFree<EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, OpenSslFree<EVP_MD_CTX_free>>;

// The material of a CryptoKey: secret bytes, or a key of OpenSSL's, public or with its private part. It never changes,
// so threads may share it.
//
// Owner: shared by the CryptoKeys that JavaScript holds, their clones, and the work in progress.
struct Key {
  explicit Key(SecretBytes bytes) : secret(std::move(bytes)) {}
  explicit Key(PkeyPointer key) : pkey(std::move(key)) {}
  SecretBytes secret;
  PkeyPointer pkey;
};
using SharedKey = std::shared_ptr<const Key>;

// A handle that bootstrap code keeps: an ArrayBuffer that no script ever sees.
v8::Local<v8::Value> KeyHandle(v8::Isolate* isolate, SharedKey key);
SharedKey KeyArgument(v8::Local<v8::Value> handle);

// Import and export of keys, and how they are made.
std::span<const Binding> CryptoKeyBindings();

}  // namespace jsd

#endif  // JSD_CORE_OPS_CRYPTO_KEY_H_

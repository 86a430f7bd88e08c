#include "core/ops/crypto_symmetric.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/check.h"
#include "core/ops/crypto_digest.h"
#include "core/ops/crypto_job.h"
#include "core/ops/crypto_key.h"
#include "core/value.h"

namespace jsd {
namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, OpenSslFree<EVP_CIPHER_CTX_free>>;

constexpr std::size_t kBlock = 16;  // AES, in bytes.

// OpenSSL counts in int.
constexpr std::size_t kMaxUpdate = std::numeric_limits<int>::max() / 2 / kBlock * kBlock;

struct CipherJob {
  bool encrypts;
  SharedKey key;
  SecretBytes data;
  SecretBytes iv;
};

// Appends what comes of `data` to `output`, which has room for it, at `*at`.
bool Update(EVP_CIPHER_CTX* context, std::string_view data, SecretBytes& output, std::size_t* at) {
  while (!data.empty()) {
    const std::string_view part = data.substr(0, kMaxUpdate);
    data.remove_prefix(part.size());
    int written = 0;
    if (EVP_CipherUpdate(context, output.data() + *at, &written, reinterpret_cast<const unsigned char*>(part.data()),
                         static_cast<int>(part.size())) != 1) {
      return false;
    }
    *at += static_cast<std::size_t>(written);
  }
  return true;
}

const EVP_CIPHER* ForKeySize(const Key& key, const EVP_CIPHER* (*aes128)(), const EVP_CIPHER* (*aes192)(),
                             const EVP_CIPHER* (*aes256)()) {
  switch (key.secret.size()) {
    case 16:
      return aes128();
    case 24:
      return aes192();
    default:
      JSD_CHECK(key.secret.size() == 32);
      return aes256();
  }
}

CipherContext Start(const CipherJob& job, const EVP_CIPHER* cipher, const unsigned char* iv) {
  CipherContext context(EVP_CIPHER_CTX_new());
  EVP_CIPHER_CTX_set_flags(context.get(), EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
  JSD_CHECK(EVP_CipherInit_ex(context.get(), cipher, nullptr, job.key->secret.data(), iv, job.encrypts ? 1 : 0) == 1);
  return context;
}

bool Finish(EVP_CIPHER_CTX* context, SecretBytes& output, std::size_t* at) {
  int written = 0;
  if (EVP_CipherFinal_ex(context, output.data() + *at, &written) != 1) return false;
  *at += static_cast<std::size_t>(written);
  return true;
}

// With PKCS #7 padding.
Outcome Cbc(const CipherJob& job) {
  const CipherContext context =
      Start(job, ForKeySize(*job.key, EVP_aes_128_cbc, EVP_aes_192_cbc, EVP_aes_256_cbc), job.iv.data());
  SecretBytes output(job.data.size() + kBlock);
  std::size_t size = 0;
  if (!Update(context.get(), job.data.view(), output, &size) || !Finish(context.get(), output, &size)) return {};
  output.Shrink(size);
  return output;
}

// RFC 3394.
Outcome KeyWrap(const CipherJob& job) {
  if (job.data.size() % 8 != 0 || job.data.size() < (job.encrypts ? 16u : 24u)) return {};
  const CipherContext context =
      Start(job, ForKeySize(*job.key, EVP_aes_128_wrap, EVP_aes_192_wrap, EVP_aes_256_wrap), nullptr);
  SecretBytes output(job.data.size() + kBlock);
  std::size_t size = 0;
  if (job.data.size() > kMaxUpdate || !Update(context.get(), job.data.view(), output, &size)) return {};
  output.Shrink(size);
  return output;
}

// The lowest `bits` of a counter block as a number, as far as 64 bits hold it: that many blocks until it starts anew.
// None where these are more than there can be data.
std::optional<std::uint64_t> BlocksUntilWrap(const SecretBytes& counter, std::uint32_t bits) {
  const auto* block = counter.data();
  std::uint64_t value = 0;
  for (std::size_t i = 8; i < kBlock; ++i) value = value << 8 | block[i];
  if (bits < 64) return (std::uint64_t{1} << bits) - (value & ((std::uint64_t{1} << bits) - 1));
  // 2^64 - value, unless a higher bit of the counter makes it more.
  for (std::uint32_t bit = 64; bit < bits; ++bit) {
    if ((block[kBlock - 1 - bit / 8] >> bit % 8 & 1) == 0) return std::nullopt;
  }
  if (value == 0) return std::nullopt;
  return std::uint64_t{0} - value;
}

// Only the lowest `bits` of the counter count; OpenSSL counts with all of them.
Outcome Ctr(const CipherJob& job, std::uint32_t bits) {
  JSD_CHECK(job.iv.size() == kBlock && bits >= 1 && bits <= 128);
  const std::uint64_t blocks = (job.data.size() + kBlock - 1) / kBlock;
  if (bits < 64 && blocks > std::uint64_t{1} << bits) return {};
  const EVP_CIPHER* cipher = ForKeySize(*job.key, EVP_aes_128_ctr, EVP_aes_192_ctr, EVP_aes_256_ctr);
  const std::optional<std::uint64_t> before_wrap = BlocksUntilWrap(job.iv, bits);
  const std::size_t first =
      before_wrap && *before_wrap < blocks ? static_cast<std::size_t>(*before_wrap) * kBlock : job.data.size();
  SecretBytes output(job.data.size());
  std::size_t size = 0;
  const CipherContext context = Start(job, cipher, job.iv.data());
  if (!Update(context.get(), job.data.view().substr(0, first), output, &size)) return {};
  if (first < job.data.size()) {
    std::array<unsigned char, kBlock> counter;
    std::copy_n(job.iv.data(), kBlock, counter.data());
    for (std::uint32_t bit = 0; bit < bits; ++bit)
      counter[kBlock - 1 - bit / 8] &= static_cast<unsigned char>(~(1u << bit % 8));
    const CipherContext again = Start(job, cipher, counter.data());
    if (!Update(again.get(), job.data.view().substr(first), output, &size)) return {};
  }
  return output;
}

// Authenticated encryption with additional data (RFC 5116); the tag follows the encrypted text.
Outcome Aead(const CipherJob& job, const EVP_CIPHER* cipher, const SecretBytes& additional, std::size_t tag_size) {
  const CipherContext context(EVP_CIPHER_CTX_new());
  const int direction = job.encrypts ? 1 : 0;
  // OCB makes the size of the tag part of the computation, so it wants to know it first.
  const bool is_ocb = EVP_CIPHER_get_mode(cipher) == EVP_CIPH_OCB_MODE;
  if (!job.encrypts && job.data.size() < tag_size) return {};
  if (EVP_CipherInit_ex(context.get(), cipher, nullptr, nullptr, nullptr, direction) != 1 ||
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_IVLEN, static_cast<int>(job.iv.size()), nullptr) != 1 ||
      (is_ocb && EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag_size), nullptr) != 1) ||
      EVP_CipherInit_ex(context.get(), nullptr, nullptr, job.key->secret.data(), job.iv.data(), direction) != 1) {
    return {};
  }
  const std::string_view text = job.encrypts ? job.data.view() : job.data.view().substr(0, job.data.size() - tag_size);
  if (!job.encrypts) {
    auto* tag = const_cast<char*>(job.data.view().data() + text.size());
    if (EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag_size), tag) != 1) return {};
  }
  for (std::string_view rest = additional.view(); !rest.empty();) {
    const std::string_view part = rest.substr(0, kMaxUpdate);
    rest.remove_prefix(part.size());
    int ignored = 0;
    if (EVP_CipherUpdate(context.get(), nullptr, &ignored, reinterpret_cast<const unsigned char*>(part.data()),
                         static_cast<int>(part.size())) != 1) {
      return {};
    }
  }
  SecretBytes output(text.size() + kBlock);
  std::size_t size = 0;
  if (!Update(context.get(), text, output, &size) || !Finish(context.get(), output, &size)) return {};
  if (job.encrypts) {
    if (EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(tag_size), output.data() + size) !=
        1) {
      return {};
    }
    size += tag_size;
  }
  output.Shrink(size);
  return output;
}

// The cipher ops begin with: id, encrypts, key, data, iv.
CipherJob JobArguments(const Info& info) {
  return {info[1]->IsTrue(), KeyArgument(info[2]), BytesArgument(info[3]), BytesArgument(info[4])};
}

// OpenSSL's queue of errors belongs to a thread, and must not grow.
template <typename Work>
void Perform(const Info& info, Work work) {
  PerformCrypto(info, [work = std::move(work)] {
    Outcome outcome = work();
    ERR_clear_error();
    return outcome;
  });
}

void AesCbc(const Info& info) {
  Perform(info, [job = JobArguments(info)] { return Cbc(job); });
}

void AesKw(const Info& info) {
  Perform(info, [job = JobArguments(info)] { return KeyWrap(job); });
}

// aesCtr(…, bits of the counter)
void AesCtr(const Info& info) {
  Perform(info, [job = JobArguments(info), bits = NumberArgument(info[5])] { return Ctr(job, bits); });
}

// `cipher` finds the cipher for a key. Arguments behind the common ones: additional data, size of the tag.
template <typename FindCipher>
void PerformAead(const Info& info, FindCipher cipher) {
  Perform(info, [cipher, job = JobArguments(info), additional = BytesArgument(info[5]),
                 tag_size = NumberArgument(info[6])] { return Aead(job, cipher(*job.key), additional, tag_size); });
}

void AesGcm(const Info& info) {
  PerformAead(info, [](const Key& key) { return ForKeySize(key, EVP_aes_128_gcm, EVP_aes_192_gcm, EVP_aes_256_gcm); });
}

// RFC 7253.
void AesOcb(const Info& info) {
  PerformAead(info, [](const Key& key) { return ForKeySize(key, EVP_aes_128_ocb, EVP_aes_192_ocb, EVP_aes_256_ocb); });
}

// RFC 8439.
void ChaCha20Poly1305(const Info& info) {
  PerformAead(info, [](const Key&) { return EVP_chacha20_poly1305(); });
}

SecretBytes Hmac(const Key& key, const EVP_MD* digest, const SecretBytes& data) {
  SecretBytes mac(static_cast<std::size_t>(EVP_MD_get_size(digest)));
  unsigned int size = 0;
  JSD_CHECK(key.secret.size() <= std::numeric_limits<int>::max());
  // A null key would mean the one before.
  const unsigned char empty = 0;
  const unsigned char* secret = key.secret.size() == 0 ? &empty : key.secret.data();
  JSD_CHECK(HMAC(digest, secret, static_cast<int>(key.secret.size()), data.data(), data.size(), mac.data(), &size) !=
            nullptr);
  return mac;
}

// hmacSign(id, key, digest, data)
void HmacSign(const Info& info) {
  Perform(info,
          [key = KeyArgument(info[1]), digest = DigestArgument(info.GetIsolate(), info[2]),
           data = BytesArgument(info[3])]() -> Outcome { return Hmac(*key, digest, data); });
}

// hmacVerify(id, key, digest, data, signature)
void HmacVerify(const Info& info) {
  Perform(info,
          [key = KeyArgument(info[1]), digest = DigestArgument(info.GetIsolate(), info[2]),
           data = BytesArgument(info[3]), signature = BytesArgument(info[4])]() -> Outcome {
            const SecretBytes mac = Hmac(*key, digest, data);
            return mac.size() == signature.size() && CRYPTO_memcmp(mac.data(), signature.data(), mac.size()) == 0;
          });
}

struct KmacJob {
  SharedKey key;
  std::uint32_t bits;  // Of security: 128 or 256.
  SecretBytes data;
  SecretBytes customization;
  std::uint32_t size;  // Of the result, in bytes.
};

// The arguments behind the id: key, bits of security, data, customization, size of the result.
KmacJob KmacArguments(const Info& info) {
  return {KeyArgument(info[1]), NumberArgument(info[2]), BytesArgument(info[3]), BytesArgument(info[4]),
          NumberArgument(info[5])};
}

// NIST SP 800-185, section 4. OpenSSL takes keys from 4 to 512 bytes, customizations of up to 512, and
// makes up to 2 MB.
Outcome Kmac(const KmacJob& job) {
  const std::unique_ptr<EVP_MAC, OpenSslFree<EVP_MAC_free>> algorithm(
      EVP_MAC_fetch(nullptr, job.bits == 128 ? OSSL_MAC_NAME_KMAC128 : OSSL_MAC_NAME_KMAC256, nullptr));
  JSD_CHECK(algorithm != nullptr);
  const std::unique_ptr<EVP_MAC_CTX, OpenSslFree<EVP_MAC_CTX_free>> context(EVP_MAC_CTX_new(algorithm.get()));
  std::size_t size = job.size;
  auto* customization = const_cast<unsigned char*>(job.customization.data());
  const std::array<OSSL_PARAM, 3> parameters = {
      OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_CUSTOM, customization, job.customization.size()),
      OSSL_PARAM_construct_end(),
  };
  // It also says that a size is too large, before there is memory for it.
  if (EVP_MAC_init(context.get(), job.key->secret.data(), job.key->secret.size(), parameters.data()) != 1) return {};
  SecretBytes mac(size);
  if (EVP_MAC_update(context.get(), job.data.data(), job.data.size()) != 1 ||
      EVP_MAC_final(context.get(), mac.data(), &size, mac.size()) != 1 || size != mac.size()) {
    return {};
  }
  return mac;
}

void KmacSign(const Info& info) {
  Perform(info, [job = KmacArguments(info)] { return Kmac(job); });
}

// kmacVerify(…, signature)
void KmacVerify(const Info& info) {
  Perform(info, [job = KmacArguments(info), signature = BytesArgument(info[6])]() -> Outcome {
    const Outcome outcome = Kmac(job);
    const auto* mac = std::get_if<SecretBytes>(&outcome);
    if (mac == nullptr) return {};
    return mac->size() == signature.size() && CRYPTO_memcmp(mac->data(), signature.data(), mac->size()) == 0;
  });
}

// pbkdf2(id, key, digest, salt, iterations, bytes): RFC 8018.
void Pbkdf2(const Info& info) {
  Perform(
      info,
      [key = KeyArgument(info[1]), digest = DigestArgument(info.GetIsolate(), info[2]), salt = BytesArgument(info[3]),
       iterations = NumberArgument(info[4]), size = NumberArgument(info[5])]() -> Outcome {
        constexpr std::uint32_t kMax = std::numeric_limits<int>::max();
        if (iterations > kMax || size > kMax || salt.size() > kMax || key->secret.size() > kMax) return {};
        SecretBytes derived(size);
        if (PKCS5_PBKDF2_HMAC(key->secret.view().data(), static_cast<int>(key->secret.size()), salt.data(),
                              static_cast<int>(salt.size()), static_cast<int>(iterations), digest,
                              static_cast<int>(size), derived.data()) != 1) {
          return {};
        }
        return derived;
      });
}

// hkdf(id, key, digest, salt, info, bytes): RFC 5869. OpenSSL's own refuses an empty key, so the two steps are done
// by HMAC.
void Hkdf(const Info& info) {
  Perform(
      info,
      [key = KeyArgument(info[1]), digest = DigestArgument(info.GetIsolate(), info[2]), salt = BytesArgument(info[3]),
       context = BytesArgument(info[4]), size = NumberArgument(info[5])]() -> Outcome {
        const auto hash_size = static_cast<std::size_t>(EVP_MD_get_size(digest));
        if (size > 255 * hash_size) return {};
        const Key extracted(Hmac(Key(SecretBytes(salt.view())), digest, key->secret));
        SecretBytes output(size);
        SecretBytes block;
        for (std::size_t at = 0, round = 1; at < size; ++round) {
          SecretBytes input(block.size() + context.size() + 1);
          std::copy_n(block.data(), block.size(), input.data());
          std::copy_n(context.data(), context.size(), input.data() + block.size());
          input.data()[input.size() - 1] = static_cast<unsigned char>(round);
          block = Hmac(extracted, digest, input);
          const std::size_t part = std::min(block.size(), size - at);
          std::copy_n(block.data(), part, output.data() + at);
          at += part;
        }
        return output;
      });
}

constexpr Binding kBindings[] = {
    {"aesCbc", AesCbc, OpKind::kAsync},     {"aesCtr", AesCtr, OpKind::kAsync},
    {"aesGcm", AesGcm, OpKind::kAsync},     {"aesKw", AesKw, OpKind::kAsync},
    {"aesOcb", AesOcb, OpKind::kAsync},     {"chacha20Poly1305", ChaCha20Poly1305, OpKind::kAsync},
    {"hmacSign", HmacSign, OpKind::kAsync}, {"hmacVerify", HmacVerify, OpKind::kAsync},
    {"kmacSign", KmacSign, OpKind::kAsync}, {"kmacVerify", KmacVerify, OpKind::kAsync},
    {"pbkdf2", Pbkdf2, OpKind::kAsync},     {"hkdf", Hkdf, OpKind::kAsync},
};

}  // namespace

std::span<const Binding> CryptoSymmetricBindings() { return kBindings; }

}  // namespace jsd

#include "core/ops/crypto_asymmetric.h"

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/check.h"
#include "core/ops/crypto_digest.h"
#include "core/ops/crypto_job.h"
#include "core/ops/crypto_key.h"

namespace jsd {
namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;
using EcdsaSignature = std::unique_ptr<ECDSA_SIG, OpenSslFree<ECDSA_SIG_free>>;

// A signature to be made or checked. `digest` is null for the schemes that hash by themselves.
struct SignatureJob {
  SharedKey key;
  const EVP_MD* digest = nullptr;
  SecretBytes data;
  SecretBytes signature;  // To be checked.
  bool is_pss = false;
  std::uint32_t salt_size = 0;  // Of PSS.
};

template <typename Work>
void Perform(const Info& info, Work work) {
  PerformCrypto(info, [work = std::move(work)] {
    Outcome outcome = work();
    ERR_clear_error();
    return outcome;
  });
}

bool SetPadding(const SignatureJob& job, EVP_PKEY_CTX* context) {
  if (EVP_PKEY_is_a(job.key->pkey.get(), "RSA") != 1) return true;
  if (!job.is_pss) return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_mgf1_md(context, job.digest) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, static_cast<int>(job.salt_size)) == 1;
}

Outcome Sign(const SignatureJob& job) {
  const DigestContext context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* parameters = nullptr;  // Belongs to `context`.
  std::size_t size = 0;
  if (EVP_DigestSignInit(context.get(), &parameters, job.digest, nullptr, job.key->pkey.get()) != 1 ||
      !SetPadding(job, parameters) ||
      EVP_DigestSign(context.get(), nullptr, &size, job.data.data(), job.data.size()) != 1) {
    return {};
  }
  SecretBytes signature(size);
  if (EVP_DigestSign(context.get(), signature.data(), &size, job.data.data(), job.data.size()) != 1) return {};
  signature.Shrink(size);
  return signature;
}

bool Verify(const SignatureJob& job, std::string_view signature) {
  const DigestContext context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* parameters = nullptr;
  return EVP_DigestVerifyInit(context.get(), &parameters, job.digest, nullptr, job.key->pkey.get()) == 1 &&
         SetPadding(job, parameters) &&
         EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                          job.data.data(), job.data.size()) == 1;
}

// rsaSign(id, key, digest, data, isPss, size of the salt)
void RsaSign(const Info& info) {
  Perform(info, [job = SignatureJob{.key = KeyArgument(info[1]),
                                    .digest = DigestArgument(info.GetIsolate(), info[2]),
                                    .data = BytesArgument(info[3]),
                                    .is_pss = info[4]->IsTrue(),
                                    .salt_size = NumberArgument(info[5])}] { return Sign(job); });
}

// rsaVerify(id, key, digest, data, isPss, size of the salt, signature)
void RsaVerify(const Info& info) {
  Perform(info,
          [job = SignatureJob{.key = KeyArgument(info[1]),
                              .digest = DigestArgument(info.GetIsolate(), info[2]),
                              .data = BytesArgument(info[3]),
                              .signature = BytesArgument(info[6]),
                              .is_pss = info[4]->IsTrue(),
                              .salt_size = NumberArgument(info[5])}]() -> Outcome {
            // RFC 8017, 8.1.2 step 1: OpenSSL takes a PSS signature without its leading zeros too.
            const auto size = static_cast<std::size_t>(EVP_PKEY_get_size(job.key->pkey.get()));
            return job.signature.size() == size && Verify(job, job.signature.view());
          });
}

std::size_t CoordinateSize(const Key& key) {
  return static_cast<std::size_t>(EVP_PKEY_get_bits(key.pkey.get()) + 7) / 8;
}

// ecdsaSign(id, key, digest, data): r and s, each in the length of the curve (IEEE P1363).
void EcdsaSign(const Info& info) {
  Perform(
      info,
      [job = SignatureJob{.key = KeyArgument(info[1]),
                          .digest = DigestArgument(info.GetIsolate(), info[2]),
                          .data = BytesArgument(info[3])}]() -> Outcome {
        const Outcome outcome = Sign(job);
        const auto* der = std::get_if<SecretBytes>(&outcome);
        if (der == nullptr) return {};
        const unsigned char* at = der->data();
        const EcdsaSignature parsed(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der->size())));  // NOLINT
        JSD_CHECK(parsed != nullptr);
        const std::size_t size = CoordinateSize(*job.key);
        SecretBytes signature(2 * size);
        const auto put = [&](const BIGNUM* number, std::size_t offset) {
          JSD_CHECK(BN_bn2binpad(number, signature.data() + offset, static_cast<int>(size)) == static_cast<int>(size));
        };
        put(ECDSA_SIG_get0_r(parsed.get()), 0);
        put(ECDSA_SIG_get0_s(parsed.get()), size);
        return signature;
      });
}

// ecdsaVerify(id, key, digest, data, signature)
void EcdsaVerify(const Info& info) {
  Perform(info,
          [job = SignatureJob{.key = KeyArgument(info[1]),
                              .digest = DigestArgument(info.GetIsolate(), info[2]),
                              .data = BytesArgument(info[3]),
                              .signature = BytesArgument(info[4])}]() -> Outcome {
            const std::size_t size = CoordinateSize(*job.key);
            if (job.signature.size() != 2 * size) return false;
            const EcdsaSignature parts(ECDSA_SIG_new());
            BIGNUM* r = BN_bin2bn(job.signature.data(), static_cast<int>(size), nullptr);
            BIGNUM* s = BN_bin2bn(job.signature.data() + size, static_cast<int>(size), nullptr);
            JSD_CHECK(ECDSA_SIG_set0(parts.get(), r, s) == 1);
            unsigned char* der = nullptr;
            const int der_size = i2d_ECDSA_SIG(parts.get(), &der);
            JSD_CHECK(der_size > 0);
            const bool valid = Verify(job, {reinterpret_cast<char*>(der), static_cast<std::size_t>(der_size)});
            OPENSSL_free(der);
            return valid;
          });
}

// eddsaSign(id, key, data): RFC 8032, without a context.
void EddsaSign(const Info& info) {
  Perform(info,
          [job = SignatureJob{.key = KeyArgument(info[1]), .data = BytesArgument(info[2])}] { return Sign(job); });
}

// Whether an encoded point of edwards25519 has an order of 8 or less: anybody could sign for such a key. Web
// Cryptography refuses them where OpenSSL does not. The last bit is that of a sign, which does not matter.
bool HasSmallOrder(std::string_view point) {
  // The y coordinates of the points of order 1, 2, 4 and twice 8, and those of them again that 255 bits hold beyond the
  // prime.
  static constexpr std::array<std::array<unsigned char, 32>, 7> kPoints = {{
      {{0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00}},
      {{0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00}},
      {{0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
        0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05}},
      {{0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
        0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a}},
      {{0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}},
      {{0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}},
      {{0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}},
  }};
  JSD_CHECK(point.size() == 32);
  return std::any_of(kPoints.begin(), kPoints.end(), [point](const auto& small) {
    return std::memcmp(small.data(), point.data(), 31) == 0 && small[31] == (point[31] & 0x7f);
  });
}

bool MayVerify(const Key& key, const SecretBytes& signature) {
  if (EVP_PKEY_get_base_id(key.pkey.get()) != EVP_PKEY_ED25519) return true;
  std::array<char, 32> point;
  std::size_t size = point.size();
  JSD_CHECK(EVP_PKEY_get_raw_public_key(key.pkey.get(), reinterpret_cast<unsigned char*>(point.data()), &size) == 1);
  return signature.size() == 64 && !HasSmallOrder({point.data(), size}) &&
         !HasSmallOrder(signature.view().substr(0, 32));
}

// eddsaVerify(id, key, data, signature)
void EddsaVerify(const Info& info) {
  Perform(info,
          [job = SignatureJob{.key = KeyArgument(info[1]),
                              .data = BytesArgument(info[2]),
                              .signature = BytesArgument(info[3])}]() -> Outcome {
            return MayVerify(*job.key, job.signature) && Verify(job, job.signature.view());
          });
}

Outcome Oaep(bool encrypts, const Key& key, const EVP_MD* digest, const SecretBytes& label, const SecretBytes& data) {
  const PkeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.pkey.get(), nullptr));
  if ((encrypts ? EVP_PKEY_encrypt_init(context.get()) : EVP_PKEY_decrypt_init(context.get())) != 1 ||
      EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) != 1 ||
      EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), digest) != 1 ||
      EVP_PKEY_CTX_set_rsa_mgf1_md(context.get(), digest) != 1) {
    return {};
  }
  if (label.size() > 0) {
    void* copy = OPENSSL_memdup(label.data(), label.size());
    if (EVP_PKEY_CTX_set0_rsa_oaep_label(context.get(), copy, static_cast<int>(label.size())) != 1) {
      OPENSSL_free(copy);
      return {};
    }
  }
  const auto run = encrypts ? EVP_PKEY_encrypt : EVP_PKEY_decrypt;
  std::size_t size = 0;
  if (run(context.get(), nullptr, &size, data.data(), data.size()) != 1) return {};
  SecretBytes output(size);
  if (run(context.get(), output.data(), &size, data.data(), data.size()) != 1) return {};
  output.Shrink(size);
  return output;
}

// rsaOaep(id, encrypts, key, digest, label, data): RFC 8017, section 7.1.
void RsaOaep(const Info& info) {
  Perform(info, [encrypts = info[1]->IsTrue(), key = KeyArgument(info[2]),
                 digest = DigestArgument(info.GetIsolate(), info[3]), label = BytesArgument(info[4]),
                 data = BytesArgument(info[5])] { return Oaep(encrypts, *key, digest, label, data); });
}

// agree(id, private key, public key): the shared secret of ECDH, X25519 or X448; undefined where it would be zero.
void Agree(const Info& info) {
  Perform(info, [own = KeyArgument(info[1]), other = KeyArgument(info[2])]() -> Outcome {
    const PkeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, own->pkey.get(), nullptr));
    std::size_t size = 0;
    if (EVP_PKEY_derive_init(context.get()) != 1 || EVP_PKEY_derive_set_peer(context.get(), other->pkey.get()) != 1 ||
        EVP_PKEY_derive(context.get(), nullptr, &size) != 1) {
      return {};
    }
    SecretBytes secret(size);
    if (EVP_PKEY_derive(context.get(), secret.data(), &size) != 1) return {};
    secret.Shrink(size);
    return secret;
  });
}

constexpr Binding kBindings[] = {
    {"rsaSign", RsaSign, OpKind::kAsync},     {"rsaVerify", RsaVerify, OpKind::kAsync},
    {"ecdsaSign", EcdsaSign, OpKind::kAsync}, {"ecdsaVerify", EcdsaVerify, OpKind::kAsync},
    {"eddsaSign", EddsaSign, OpKind::kAsync}, {"eddsaVerify", EddsaVerify, OpKind::kAsync},
    {"rsaOaep", RsaOaep, OpKind::kAsync},     {"agree", Agree, OpKind::kAsync},
};

}  // namespace

std::span<const Binding> CryptoAsymmetricBindings() { return kBindings; }

}  // namespace jsd

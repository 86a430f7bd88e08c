#include "core/ops/crypto_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "core/check.h"
#include "core/ops/crypto_job.h"
#include "core/value.h"

namespace jsd {

void SecretBytes::Wipe() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

void SecretBytes::Shrink(std::size_t size) {
  JSD_CHECK(size <= bytes_.size());
  OPENSSL_cleanse(bytes_.data() + size, bytes_.size() - size);
  bytes_.resize(size);
}

namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;
using Number = std::unique_ptr<BIGNUM, OpenSslFree<BN_clear_free>>;
using ParamBuilder = std::unique_ptr<OSSL_PARAM_BLD, OpenSslFree<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, OpenSslFree<OSSL_PARAM_free>>;
using Group = std::unique_ptr<EC_GROUP, OpenSslFree<EC_GROUP_free>>;
using Point = std::unique_ptr<EC_POINT, OpenSslFree<EC_POINT_free>>;
using Pkcs8 = std::unique_ptr<PKCS8_PRIV_KEY_INFO, OpenSslFree<PKCS8_PRIV_KEY_INFO_free>>;

constexpr std::size_t kHandleSize = sizeof(SharedKey);

// The types of keys as the bootstrap code names them: RSA, a named curve, or one of the four of RFC 8410.
struct KeyKind {
  std::string_view name;
  const char* type;   // OpenSSL's name of the algorithm.
  const char* group;  // Its name of the curve; null where there is none.
  std::size_t size;   // Bytes of a coordinate or a raw key.
};
constexpr KeyKind kKinds[] = {
    {"RSA", "RSA", nullptr, 0},        {"P-256", "EC", "prime256v1", 32},   {"P-384", "EC", "secp384r1", 48},
    {"P-521", "EC", "secp521r1", 66},  {"Ed25519", "ED25519", nullptr, 32}, {"Ed448", "ED448", nullptr, 57},
    {"X25519", "X25519", nullptr, 32}, {"X448", "X448", nullptr, 56},
};

const KeyKind& KindArgument(v8::Isolate* isolate, v8::Local<v8::Value> value) {
  JSD_CHECK(value->IsString());
  const std::string name = ToUtf8(isolate, value.As<v8::String>());
  for (const KeyKind& kind : kKinds) {
    if (kind.name == name) return kind;
  }
  JSD_CHECK(!"a kind of key");
  return kKinds[0];
}

// What OpenSSL has to say about a failure is not for scripts; its queue of errors must not grow.
void Return(const Info& info, PkeyPointer key) {
  ERR_clear_error();
  if (key) info.GetReturnValue().Set(KeyHandle(info.GetIsolate(), std::make_shared<Key>(std::move(key))));
}

void Return(const Info& info, const Outcome& outcome) {
  ERR_clear_error();
  v8::Local<v8::Value> value;
  if (OutcomeValue(info.GetIsolate(), outcome).ToLocal(&value)) info.GetReturnValue().Set(value);
}

bool IsOfKind(const EVP_PKEY* key, const KeyKind& kind) {
  if (EVP_PKEY_is_a(key, kind.type) != 1) return false;
  if (kind.group == nullptr) return true;
  std::array<char, 64> group;
  std::size_t length = 0;
  return EVP_PKEY_get_group_name(key, group.data(), group.size(), &length) == 1 &&
         std::string_view(group.data(), length) == kind.group;
}

// A point that is not on its curve makes of a public key a way to the private one.
PkeyPointer Checked(PkeyPointer key, const KeyKind& kind, bool is_private) {
  if (!key || !IsOfKind(key.get(), kind)) return nullptr;
  if (kind.group != nullptr) {
    const PkeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
    if ((is_private ? EVP_PKEY_check(context.get()) : EVP_PKEY_public_check(context.get())) != 1) return nullptr;
    EVP_PKEY_set_utf8_string_param(key.get(), OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "uncompressed");
  }
  return key;
}

Number ToNumber(std::string_view bytes) {
  return Number(
      BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()), nullptr));
}

SecretBytes ToBytes(const BIGNUM* number, std::size_t size) {
  SecretBytes bytes(size);
  JSD_CHECK(BN_bn2binpad(number, bytes.data(), static_cast<int>(size)) == static_cast<int>(size));
  return bytes;
}

PkeyPointer FromParams(const char* type, OSSL_PARAM_BLD* builder, bool is_private) {
  const Params params(OSSL_PARAM_BLD_to_param(builder));
  const PkeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  const int selection = is_private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY;
  if (!params || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, selection, params.get()) != 1) {
    return nullptr;
  }
  return PkeyPointer(key);
}

// ---- Secret keys ----

void SecretImport(const Info& info) {
  info.GetReturnValue().Set(KeyHandle(info.GetIsolate(), std::make_shared<Key>(BytesArgument(info[0]))));
}

void SecretExport(const Info& info) { Return(info, KeyArgument(info[0])->secret); }

void SecretGenerate(const Info& info) {
  SecretBytes bytes(NumberArgument(info[0]));
  JSD_CHECK(RAND_priv_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1);
  info.GetReturnValue().Set(KeyHandle(info.GetIsolate(), std::make_shared<Key>(std::move(bytes))));
}

// ---- DER: SubjectPublicKeyInfo (RFC 5280) and PKCS #8 (RFC 5208) ----

// keyImportDer(kind, isPrivate, bytes): undefined where this is no such key.
void ImportDer(const Info& info) {
  const KeyKind& kind = KindArgument(info.GetIsolate(), info[0]);
  const bool is_private = info[1]->IsTrue();
  const SecretBytes bytes = BytesArgument(info[2]);
  const unsigned char* at = bytes.data();
  const auto size = static_cast<long>(bytes.size());  // NOLINT(google-runtime-int): OpenSSL's type.
  PkeyPointer key;
  if (is_private) {
    const Pkcs8 parsed(d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, size));
    if (parsed) key.reset(EVP_PKCS82PKEY_ex(parsed.get(), nullptr, nullptr));
  } else {
    key.reset(d2i_PUBKEY_ex(nullptr, &at, size, nullptr, nullptr));
  }
  if (at != bytes.data() + bytes.size()) key.reset();
  Return(info, Checked(std::move(key), kind, is_private));
}

// keyExportDer(handle, isPrivate)
void ExportDer(const Info& info) {
  const SharedKey key = KeyArgument(info[0]);
  unsigned char* der = nullptr;
  int size = 0;
  if (info[1]->IsTrue()) {
    const Pkcs8 made(EVP_PKEY2PKCS8(key->pkey.get()));
    if (made) size = i2d_PKCS8_PRIV_KEY_INFO(made.get(), &der);
  } else {
    size = i2d_PUBKEY(key->pkey.get(), &der);
  }
  if (size <= 0) return Return(info, Outcome());
  SecretBytes bytes(std::string_view(reinterpret_cast<char*>(der), static_cast<std::size_t>(size)));
  OPENSSL_clear_free(der, static_cast<std::size_t>(size));
  Return(info, std::move(bytes));
}

// ---- RSA ----

// n, e, d, p, q, dp, dq, qi, as JWK orders them (RFC 7518, section 6.3).
constexpr const char* kRsaParts[] = {
    OSSL_PKEY_PARAM_RSA_N,         OSSL_PKEY_PARAM_RSA_E,
    OSSL_PKEY_PARAM_RSA_D,         OSSL_PKEY_PARAM_RSA_FACTOR1,
    OSSL_PKEY_PARAM_RSA_FACTOR2,   OSSL_PKEY_PARAM_RSA_EXPONENT1,
    OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
};

// rsaImport(n, e[, d, p, q, dp, dq, qi]): undefined where they do not belong together.
void RsaImport(const Info& info) {
  const bool is_private = info.Length() > 2;
  JSD_CHECK(info.Length() == (is_private ? 8 : 2));
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  std::array<Number, 8> numbers;
  for (int i = 0; i < info.Length(); ++i) {
    numbers[i] = ToNumber(BytesArgument(info[i]).view());
    // Zero where a number must be: OpenSSL would divide by it.
    if (!numbers[i] || BN_is_zero(numbers[i].get())) return Return(info, PkeyPointer());
    JSD_CHECK(OSSL_PARAM_BLD_push_BN(builder.get(), kRsaParts[i], numbers[i].get()) == 1);
  }
  PkeyPointer key = FromParams("RSA", builder.get(), is_private);
  if (key && is_private) {
    // The factors have to be those of the modulus; whether they are primes would take long to say.
    const Number product(BN_new());
    const std::unique_ptr<BN_CTX, OpenSslFree<BN_CTX_free>> scratch(BN_CTX_new());
    if (BN_mul(product.get(), numbers[3].get(), numbers[4].get(), scratch.get()) != 1 ||
        BN_cmp(product.get(), numbers[0].get()) != 0) {
      key.reset();
    }
  }
  Return(info, std::move(key));
}

Number RsaPart(const Key& key, std::size_t part) {
  BIGNUM* number = nullptr;
  EVP_PKEY_get_bn_param(key.pkey.get(), kRsaParts[part], &number);
  return Number(number);
}

// rsaPart(handle, index of n, e, d …): the number's bytes, without leading zeros.
void RsaPartExport(const Info& info) {
  const std::size_t part = NumberArgument(info[1]);
  JSD_CHECK(part < std::size(kRsaParts));
  const Number number = RsaPart(*KeyArgument(info[0]), part);
  if (!number) return Return(info, Outcome());
  Return(info, ToBytes(number.get(), static_cast<std::size_t>(BN_num_bytes(number.get()))));
}

// rsaModulusLength(handle): in bits.
void RsaModulusLength(const Info& info) {
  info.GetReturnValue().Set(EVP_PKEY_get_bits(KeyArgument(info[0])->pkey.get()));
}

// rsaGenerate(id, bits, exponent)
void RsaGenerate(const Info& info) {
  PerformCrypto(info, [bits = NumberArgument(info[1]), exponent = BytesArgument(info[2])]() -> Outcome {
    const PkeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
    const Number e = ToNumber(exponent.view());
    EVP_PKEY* key = nullptr;
    const bool made = e && EVP_PKEY_keygen_init(context.get()) == 1 &&
                      EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), static_cast<int>(bits)) == 1 &&
                      EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context.get(), e.get()) == 1 &&
                      EVP_PKEY_generate(context.get(), &key) == 1;
    ERR_clear_error();
    if (!made) return {};
    return std::make_shared<const Key>(PkeyPointer(key));
  });
}

// ---- Elliptic curves ----

// An uncompressed point (SEC 1, section 2.3.3) of one in any form; none where it is no point of the curve.
std::optional<std::string> UncompressedPoint(const EC_GROUP* group, std::string_view bytes) {
  const Point point(EC_POINT_new(group));
  if (EC_POINT_oct2point(group, point.get(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                         nullptr) != 1 ||
      EC_POINT_is_at_infinity(group, point.get()) == 1) {
    return std::nullopt;
  }
  std::string encoded(EC_POINT_point2oct(group, point.get(), POINT_CONVERSION_UNCOMPRESSED, nullptr, 0, nullptr), '\0');
  EC_POINT_point2oct(group, point.get(), POINT_CONVERSION_UNCOMPRESSED,
                     reinterpret_cast<unsigned char*>(encoded.data()), encoded.size(), nullptr);
  return encoded;
}

// ecImport(curve, point[, private scalar]): undefined where they do not belong together.
void EcImport(const Info& info) {
  const KeyKind& kind = KindArgument(info.GetIsolate(), info[0]);
  JSD_CHECK(kind.group != nullptr);
  const bool is_private = info.Length() == 3;
  const Group group(EC_GROUP_new_by_curve_name(OBJ_txt2nid(kind.group)));
  JSD_CHECK(group != nullptr);
  const auto point = UncompressedPoint(group.get(), BytesArgument(info[1]).view());
  if (!point) return Return(info, PkeyPointer());
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  JSD_CHECK(OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, kind.group, 0) == 1);
  JSD_CHECK(OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point->data(), point->size()) ==
            1);
  Number scalar;
  if (is_private) {
    scalar = ToNumber(BytesArgument(info[2]).view());
    // The scalar's size is what OpenSSL writes; in a fixed length it gives nothing away.
    BN_set_flags(scalar.get(), BN_FLG_CONSTTIME);
    JSD_CHECK(OSSL_PARAM_BLD_push_BN_pad(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, scalar.get(), kind.size) == 1 ||
              BN_num_bytes(scalar.get()) > static_cast<int>(kind.size));
  }
  Return(info, Checked(FromParams("EC", builder.get(), is_private), kind, is_private));
}

// ecPart(handle, curve, 'x', 'y' or 'd'): in the length of the curve.
void EcPart(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const SharedKey key = KeyArgument(info[0]);
  const KeyKind& kind = KindArgument(isolate, info[1]);
  const std::string part = ToUtf8(isolate, info[2].As<v8::String>());
  const char* name = part == "x"   ? OSSL_PKEY_PARAM_EC_PUB_X
                     : part == "y" ? OSSL_PKEY_PARAM_EC_PUB_Y
                                   : OSSL_PKEY_PARAM_PRIV_KEY;
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(key->pkey.get(), name, &number) != 1) return Return(info, Outcome());
  const Number owned(number);
  Return(info, ToBytes(number, kind.size));
}

// ---- The curves of RFC 8410 ----

// okpImport(kind, isPrivate, bytes)
void OkpImport(const Info& info) {
  const KeyKind& kind = KindArgument(info.GetIsolate(), info[0]);
  const SecretBytes bytes = BytesArgument(info[2]);
  if (bytes.size() != kind.size) return;
  const auto make = info[1]->IsTrue() ? EVP_PKEY_new_raw_private_key_ex : EVP_PKEY_new_raw_public_key_ex;
  Return(info, PkeyPointer(make(nullptr, kind.type, nullptr, bytes.data(), bytes.size())));
}

// okpExport(handle, kind, isPrivate)
void OkpExport(const Info& info) {
  const SharedKey key = KeyArgument(info[0]);
  SecretBytes bytes(KindArgument(info.GetIsolate(), info[1]).size);
  std::size_t size = bytes.size();
  const auto get = info[2]->IsTrue() ? EVP_PKEY_get_raw_private_key : EVP_PKEY_get_raw_public_key;
  if (get(key->pkey.get(), bytes.data(), &size) != 1) return Return(info, Outcome());
  Return(info, std::move(bytes));
}

// curveGenerate(kind): a pair of a named curve, or of RFC 8410.
void CurveGenerate(const Info& info) {
  const KeyKind& kind = KindArgument(info.GetIsolate(), info[0]);
  Return(info, PkeyPointer(kind.group == nullptr ? EVP_PKEY_Q_keygen(nullptr, nullptr, kind.type)
                                                 : EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", kind.group)));
}

constexpr Binding kBindings[] = {
    {"secretImport", SecretImport},
    {"secretExport", SecretExport},
    {"secretGenerate", SecretGenerate},
    {"keyImportDer", ImportDer},
    {"keyExportDer", ExportDer},
    {"rsaImport", RsaImport},
    {"rsaPart", RsaPartExport},
    {"rsaModulusLength", RsaModulusLength},
    {"rsaGenerate", RsaGenerate, OpKind::kAsync},
    {"ecImport", EcImport},
    {"ecPart", EcPart},
    {"okpImport", OkpImport},
    {"okpExport", OkpExport},
    {"curveGenerate", CurveGenerate},
};

}  // namespace

v8::Local<v8::Value> KeyHandle(v8::Isolate* isolate, SharedKey key) {
  auto store = v8::ArrayBuffer::NewBackingStore(
      new SharedKey(std::move(key)), kHandleSize,
      [](void* data, std::size_t, void*) { delete static_cast<SharedKey*>(data); }, nullptr);
  return v8::ArrayBuffer::New(isolate, std::move(store));
}

SharedKey KeyArgument(v8::Local<v8::Value> handle) {
  JSD_CHECK(handle->IsArrayBuffer() && handle.As<v8::ArrayBuffer>()->ByteLength() == kHandleSize);
  return *static_cast<const SharedKey*>(handle.As<v8::ArrayBuffer>()->Data());
}

std::span<const Binding> CryptoKeyBindings() { return kBindings; }

}  // namespace jsd

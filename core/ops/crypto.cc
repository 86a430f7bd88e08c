#include "core/ops/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

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
#include "core/value.h"

namespace jsd {
namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;

// OpenSSL reads the system's generator, and fails only where there is none: then nothing safe can be done.
void FillRandom(void* bytes, std::size_t size) {
  JSD_CHECK(RAND_bytes(static_cast<unsigned char*>(bytes), static_cast<int>(size)) == 1);
}

// Asking OpenSSL costs more than making a few bytes, so small wishes are served out of a larger one. What was given
// away is overwritten.
class RandomReserve {
 public:
  void Take(void* bytes, std::size_t size) {
    if (size > bytes_.size() / 4) return FillRandom(bytes, size);
    if (size > bytes_.size() - used_) {
      FillRandom(bytes_.data(), bytes_.size());
      used_ = 0;
    }
    std::memcpy(bytes, bytes_.data() + used_, size);
    OPENSSL_cleanse(bytes_.data() + used_, size);
    used_ += size;
  }

 private:
  std::array<unsigned char, 4096> bytes_;
  std::size_t used_ = sizeof(bytes_);
};

RandomReserve& Reserve() {
  static thread_local RandomReserve reserve;
  return reserve;
}

// randomFill(view): at most 65536 bytes.
void RandomFill(const Info& info) {
  JSD_CHECK(info.Length() == 1 && info[0]->IsArrayBufferView());
  std::string_view bytes;
  JSD_CHECK(GetBytes(info[0], &bytes) && bytes.size() <= 65536);
  Reserve().Take(const_cast<char*>(bytes.data()), bytes.size());
}

// RFC 9562, version 4.
void RandomUuid(const Info& info) {
  constexpr char kHex[] = "0123456789abcdef";
  std::array<std::uint8_t, 16> bytes;
  Reserve().Take(bytes.data(), bytes.size());
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
      {"SHA3-256", EVP_MD_fetch(nullptr, "SHA3-256", nullptr)},
      {"SHA3-384", EVP_MD_fetch(nullptr, "SHA3-384", nullptr)},
      {"SHA3-512", EVP_MD_fetch(nullptr, "SHA3-512", nullptr)},
  };
  for (const auto& [digest_name, digest] : kDigests) {
    if (digest_name == name) return digest;
  }
  return nullptr;
}

// digest(id, name, bytes)
void Digest(const Info& info) {
  const EVP_MD* digest = DigestArgument(info.GetIsolate(), info[1]);
  const auto compute = [digest](std::string_view bytes) -> Outcome {
    SecretBytes hash(static_cast<std::size_t>(EVP_MD_get_size(digest)));
    JSD_CHECK(EVP_Digest(bytes.data(), bytes.size(), hash.data(), nullptr, digest, nullptr) == 1);
    return hash;
  };
  if (NumberArgument(info[0]) != 0) {
    return PerformCrypto(info, [compute, data = BytesArgument(info[2])] { return compute(data.view()); });
  }
  // At once, so that the bytes need not be copied.
  std::string_view bytes;
  JSD_CHECK(GetBytes(info[2], &bytes));
  v8::Local<v8::Value> value;
  if (OutcomeValue(info.GetIsolate(), compute(bytes)).ToLocal(&value)) info.GetReturnValue().Set(value);
}

// What NIST SP 800-185, section 2.3, puts before a text: its length in bits, and that length's length.
void AppendEncoded(std::string_view text, std::string* output) {
  const std::uint64_t bits = std::uint64_t{8} * text.size();
  int size = 1;
  while (size < 8 && bits >> 8 * size != 0) ++size;
  *output += static_cast<char>(size);
  for (int i = size; i-- > 0;) *output += static_cast<char>(bits >> 8 * i);
  *output += text;
}

// cshake(id, 128 or 256, function name, customization, size of the result, bytes): NIST SP 800-185, section 3. Without
// name and customization it is SHAKE.
void CShake(const Info& info) {
  PerformCrypto(info,
                [bits = NumberArgument(info[1]), name = BytesArgument(info[2]), custom = BytesArgument(info[3]),
                 size = NumberArgument(info[4]), data = BytesArgument(info[5])]() -> Outcome {
                  const bool is_plain = name.size() == 0 && custom.size() == 0;
                  std::string prefix;
                  if (!is_plain) {
                    const std::size_t rate = bits == 128 ? 168 : 136;
                    prefix = {1, static_cast<char>(rate)};
                    AppendEncoded(name.view(), &prefix);
                    AppendEncoded(custom.view(), &prefix);
                    prefix.resize((prefix.size() + rate - 1) / rate * rate);
                  }
                  // OpenSSL's name for the sponge with the padding of cSHAKE, which KMAC is built of.
                  const std::string algorithm = (is_plain ? "SHAKE-" : "KECCAK-KMAC-") + std::to_string(bits);
                  const std::unique_ptr<EVP_MD, OpenSslFree<EVP_MD_free>> digest(
                      EVP_MD_fetch(nullptr, algorithm.c_str(), nullptr));
                  JSD_CHECK(digest != nullptr);
                  const DigestContext context(EVP_MD_CTX_new());
                  SecretBytes output(size);
                  // There is no text without bytes to OpenSSL, which would ask for its own length then.
                  if (size == 0) return output;
                  JSD_CHECK(EVP_DigestInit_ex(context.get(), digest.get(), nullptr) == 1 &&
                            EVP_DigestUpdate(context.get(), prefix.data(), prefix.size()) == 1 &&
                            EVP_DigestUpdate(context.get(), data.data(), data.size()) == 1 &&
                            EVP_DigestFinalXOF(context.get(), output.data(), output.size()) == 1);
                  return output;
                });
}

// byteLength(buffer or view)
void ByteLength(const Info& info) {
  std::string_view bytes;
  JSD_CHECK(GetBytes(info[0], &bytes));
  info.GetReturnValue().Set(static_cast<double>(bytes.size()));
}

constexpr Binding kBindings[] = {
    {"randomFill", RandomFill},         {"randomUuid", RandomUuid}, {"digest", Digest, OpKind::kAsync},
    {"cshake", CShake, OpKind::kAsync}, {"byteLength", ByteLength},
};

}  // namespace

const EVP_MD* DigestArgument(v8::Isolate* isolate, v8::Local<v8::Value> name) {
  JSD_CHECK(name->IsString());
  const EVP_MD* digest = FindDigest(ToUtf8(isolate, name.As<v8::String>()));
  JSD_CHECK(digest != nullptr);
  return digest;
}

std::span<const Binding> CryptoBindings() { return kBindings; }

}  // namespace jsd

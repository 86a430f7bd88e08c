#include "server/tls/tls_registry.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

namespace jsd {
namespace {

class TlsRegistryTest : public testing::Test {
 protected:
  TlsRegistryTest() {
    std::string pattern = "/tmp/tls_registry_test.XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~TlsRegistryTest() override { std::filesystem::remove_all(folder_); }

  // Writes a key and a certificate of its own for `names`, "DNS:a,DNS:b", as NAME.key and NAME.pem.
  void Issue(const std::string& name, const std::string& names, long serial = 1) {
    const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    const std::unique_ptr<X509, void (*)(X509*)> certificate(X509_new(), X509_free);
    X509_set_version(certificate.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    X509_set_pubkey(certificate.get(), key.get());
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
    X509_add_ext(certificate.get(), extension, -1);
    X509_EXTENSION_free(extension);
    X509_sign(certificate.get(), key.get(), EVP_sha256());
    const auto write = [this](const std::string& file, auto put) {
      std::FILE* const out = std::fopen((folder_ / file).c_str(), "w");
      ASSERT_EQ(put(out), 1);
      std::fclose(out);
    };
    write(name + ".key",
          [&](std::FILE* out) { return PEM_write_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
    write(name + ".pem", [&](std::FILE* out) { return PEM_write_X509(out, certificate.get()); });
  }

  Config ConfigFor(const std::vector<std::string>& names) const {
    Config config;
    TlsConfig& tls = config.server.tls.emplace_back();
    for (const std::string& name : names) {
      tls.certificates.push_back(folder_ / (name + ".pem"));
      tls.keys.push_back(folder_ / (name + ".key"));
    }
    return config;
  }

  static long SerialOf(SSL_CTX* context) {
    return ASN1_INTEGER_get(X509_get0_serialNumber(SSL_CTX_get0_certificate(context)));
  }

  std::filesystem::path folder_;
  std::string error_;
};

TEST_F(TlsRegistryTest, TheCertificateIsThatOfTheName) {
  Issue("a", "DNS:a.example,DNS:*.shared.example", 1);
  Issue("b", "DNS:b.example,DNS:special.shared.example,DNS:a.example", 2);
  const auto registry = TlsRegistry::Load(ConfigFor({"a", "b"}), &error_);
  ASSERT_TRUE(registry) << error_;
  const auto listener = registry->Find(0);
  EXPECT_EQ(SerialOf(listener->context()), 1);
  EXPECT_EQ(SerialOf(listener->ContextFor("a.example")), 1);
  EXPECT_EQ(SerialOf(listener->ContextFor("B.Example")), 2);
  EXPECT_EQ(SerialOf(listener->ContextFor("any.shared.example")), 1);
  EXPECT_EQ(SerialOf(listener->ContextFor("special.shared.example")), 2);
  EXPECT_EQ(SerialOf(listener->ContextFor("shared.example")), 1);
  EXPECT_EQ(SerialOf(listener->ContextFor("unknown")), 1);
  EXPECT_EQ(registry->Find(1), nullptr);
}

TEST_F(TlsRegistryTest, AReloadReadsTheFilesAgain) {
  Issue("a", "DNS:a.example", 1);
  const Config config = ConfigFor({"a"});
  const auto registry = TlsRegistry::Load(config, &error_);
  ASSERT_TRUE(registry) << error_;
  const auto before = registry->Find(0);
  Issue("a", "DNS:a.example", 2);
  ASSERT_TRUE(registry->Reload(config, &error_)) << error_;
  EXPECT_EQ(SerialOf(registry->Find(0)->context()), 2);
  // Connections that are there go on with what they began with.
  EXPECT_EQ(SerialOf(before->context()), 1);
}

TEST_F(TlsRegistryTest, AReloadThatFailsChangesNothing) {
  Issue("a", "DNS:a.example", 1);
  const Config config = ConfigFor({"a"});
  const auto registry = TlsRegistry::Load(config, &error_);
  ASSERT_TRUE(registry) << error_;
  Issue("other", "DNS:a.example", 2);
  std::filesystem::rename(folder_ / "other.key", folder_ / "a.key");
  EXPECT_FALSE(registry->Reload(config, &error_));
  EXPECT_NE(error_.find("a.key: key values mismatch"), std::string::npos) << error_;
  EXPECT_EQ(SerialOf(registry->Find(0)->context()), 1);
  std::ofstream(folder_ / "a.pem") << "no PEM\n";
  EXPECT_FALSE(registry->Reload(config, &error_));
  EXPECT_NE(error_.find("a.pem: no start line"), std::string::npos) << error_;
  EXPECT_EQ(SerialOf(registry->Find(0)->context()), 1);
}

TEST_F(TlsRegistryTest, HstsIsAFieldLine) {
  Issue("a", "DNS:a.example");
  Config config = ConfigFor({"a"});
  EXPECT_EQ(TlsRegistry::Load(config, &error_)->Find(0)->hsts(), "");
  config.server.tls[0].hsts = std::chrono::hours(1);
  EXPECT_EQ(TlsRegistry::Load(config, &error_)->Find(0)->hsts(), "Strict-Transport-Security: max-age=3600\r\n");
}

}  // namespace
}  // namespace jsd

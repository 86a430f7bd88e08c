#include "server/tls/tls_registry.h"

#include <gtest/gtest.h>
#include <openssl/x509.h>

#include <fstream>
#include <memory>
#include <string>

#include "server/tls/test_certificates.h"

namespace jsd {
namespace {

class TlsRegistryTest : public testing::Test {
 protected:
  void Issue(const std::string& name, const std::string& names, long serial = 1) { files_.Issue(name, names, serial); }

  Config ConfigFor(const std::vector<std::string>& names) const {
    Config config;
    TlsConfig& tls = config.server.tls.emplace_back();
    for (const std::string& name : names) {
      tls.certificates.push_back(files_.folder() / (name + ".pem"));
      tls.keys.push_back(files_.folder() / (name + ".key"));
    }
    return config;
  }

  static long SerialOf(SSL_CTX* context) {
    return ASN1_INTEGER_get(X509_get0_serialNumber(SSL_CTX_get0_certificate(context)));
  }

  TestCertificates files_;
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
  std::filesystem::rename(files_.folder() / "other.key", files_.folder() / "a.key");
  EXPECT_FALSE(registry->Reload(config, &error_));
  EXPECT_NE(error_.find("a.key: key values mismatch"), std::string::npos) << error_;
  EXPECT_EQ(SerialOf(registry->Find(0)->context()), 1);
  std::ofstream(files_.folder() / "a.pem") << "no PEM\n";
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

#ifndef JSD_SERVER_TLS_TEST_CERTIFICATES_H_
#define JSD_SERVER_TLS_TEST_CERTIFICATES_H_

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

namespace jsd {

// A folder of keys and certificates for a test.
//
// Owner: the test. Thread: the test's. Lifetime: the test.
class TestCertificates {
 public:
  TestCertificates() {
    std::string pattern = "/tmp/jsd_tls_test.XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~TestCertificates() { std::filesystem::remove_all(folder_); }
  TestCertificates(const TestCertificates&) = delete;
  TestCertificates& operator=(const TestCertificates&) = delete;

  const std::filesystem::path& folder() const { return folder_; }

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

 private:
  std::filesystem::path folder_;
};

}  // namespace jsd

#endif  // JSD_SERVER_TLS_TEST_CERTIFICATES_H_

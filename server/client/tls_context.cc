#include "server/client/tls_context.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <cctype>
#include <cstdlib>
#include <utility>

#include "core/check.h"

namespace jsd {
namespace {

constexpr std::size_t kMostSessions = 256;

// Where systems keep their authorities, for those that OpenSSL's own default does not lead to.
constexpr const char* kBundles[] = {
    "/etc/ssl/certs/ca-certificates.crt",                 // Debian, Alpine, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",                   // Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",                             // SUSE
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // CentOS
    "/etc/ssl/cert.pem",                                  // OpenBSD's layout
};

// One bundle rather than a look into a folder for each certificate; SSL_CERT_FILE and SSL_CERT_DIR say otherwise.
void LoadSystemAuthorities(SSL_CTX* context) {
  if (std::getenv("SSL_CERT_FILE") == nullptr && std::getenv("SSL_CERT_DIR") == nullptr) {
    for (const char* const bundle : kBundles) {
      if (::SSL_CTX_load_verify_file(context, bundle) == 1) return;
    }
  }
  ::SSL_CTX_set_default_verify_paths(context);
}

int OriginIndex() {
  static const int index = ::SSL_get_ex_new_index(
      0, nullptr, nullptr, nullptr,
      [](void*, void* origin, CRYPTO_EX_DATA*, int, long, void*) { delete static_cast<std::string*>(origin); });
  return index;
}

// Node's names, which people search for.
const char* CodeOf(long verification) {
  switch (verification) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "CERT_HAS_EXPIRED";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "CERT_NOT_YET_VALID";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return "DEPTH_ZERO_SELF_SIGNED_CERT";
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return "SELF_SIGNED_CERT_IN_CHAIN";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
      return "UNABLE_TO_GET_ISSUER_CERT";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
      return "UNABLE_TO_GET_ISSUER_CERT_LOCALLY";
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return "UNABLE_TO_VERIFY_LEAF_SIGNATURE";
    case X509_V_ERR_CERT_REVOKED:
      return "CERT_REVOKED";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "ERR_TLS_CERT_ALTNAME_INVALID";
    default:
      return "CERT_INVALID";
  }
}

}  // namespace

TlsClientContext::TlsClientContext(const std::vector<std::filesystem::path>& authorities, std::string* error)
    : context_(::SSL_CTX_new(TLS_client_method())) {
  JSD_CHECK(context_ != nullptr);
  SSL_CTX* const context = context_.get();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  ::SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  // An idle connection needs no buffers; what is left of a write is offered again from wherever it then lies.
  SSL_CTX_set_mode(context,
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  static constexpr unsigned char kProtocols[] = "\x08http/1.1";
  ::SSL_CTX_set_alpn_protos(context, kProtocols, sizeof kProtocols - 1);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  ::SSL_CTX_sess_set_new_cb(context, OnNewSession);
  SSL_CTX_set_app_data(context, this);
  LoadSystemAuthorities(context);
  for (const std::filesystem::path& file : authorities) {
    if (::SSL_CTX_load_verify_file(context, file.c_str()) == 1) continue;
    *error = file.string() + " holds no certificate that can be read";
  }
  ::ERR_clear_error();
}

SslPtr TlsClientContext::Connect(int socket, const std::string& host, const std::string& origin) {
  SslPtr ssl(::SSL_new(context_.get()));
  if (ssl == nullptr || ::SSL_set_fd(ssl.get(), socket) != 1) return nullptr;
  const bool bracketed = host.size() > 2 && host.front() == '[';
  const std::string name = bracketed ? host.substr(1, host.size() - 2) : host;
  // RFC 6066 section 3: names only, without a dot at the end.
  if (::X509_VERIFY_PARAM_set1_ip_asc(::SSL_get0_param(ssl.get()), name.c_str()) != 1) {
    const std::string plain = name.ends_with('.') ? name.substr(0, name.size() - 1) : name;
    ::SSL_set_hostflags(ssl.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (::SSL_set1_host(ssl.get(), plain.c_str()) != 1) return nullptr;
    SSL_set_tlsext_host_name(ssl.get(), plain.c_str());
  }
  ::SSL_set_ex_data(ssl.get(), OriginIndex(), new std::string(origin));
  if (const auto found = sessions_.find(origin); found != sessions_.end()) {
    ::SSL_set_session(ssl.get(), found->second.get());
    // A ticket of TLS 1.3 should serve once (RFC 8446 section C.4); the server sends new ones.
    sessions_.erase(found);
  }
  ::SSL_set_connect_state(ssl.get());
  ::ERR_clear_error();
  return ssl;
}

int TlsClientContext::OnNewSession(SSL* ssl, SSL_SESSION* session) {
  auto& self = *static_cast<TlsClientContext*>(SSL_CTX_get_app_data(::SSL_get_SSL_CTX(ssl)));
  const auto* const origin = static_cast<const std::string*>(::SSL_get_ex_data(ssl, OriginIndex()));
  if (origin == nullptr) return 0;
  if (self.sessions_.size() >= kMostSessions) self.sessions_.clear();
  self.sessions_[*origin].reset(session);
  return 1;  // The reference is ours.
}

HttpClientFailure TlsFailure(const SSL* ssl, const std::string& host) {
  const unsigned long error = ::ERR_get_error();
  ::ERR_clear_error();
  if (ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    const long verification = ::SSL_get_verify_result(ssl);
    return {CodeOf(verification),
            "the certificate of " + host + " is not accepted: " + ::X509_verify_cert_error_string(verification)};
  }
  if (error == 0) return {"ECONNRESET", "the connection to " + host + " was closed during the TLS handshake"};
  const char* const reason = ::ERR_reason_error_string(error);
  return {"EPROTO", "TLS with " + host + " failed: " + (reason == nullptr ? "unknown reason" : reason)};
}

}  // namespace jsd

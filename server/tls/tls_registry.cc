#include "server/tls/tls_registry.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <span>
#include <system_error>
#include <utility>

#include "config/ascii.h"
#include "core/check.h"

namespace jsd {
namespace {

// Key exchange with forward secrecy and authenticated encryption alone; TLS 1.3 has no others.
constexpr char kTls12Ciphers[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr char kGroups[] = "X25519:P-256:P-384";

// ALPN (RFC 7301): what is spoken here, with its length in front.
constexpr unsigned char kProtocols[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

// Why OpenSSL refused, as a person would say it.
std::string Reason() {
  // The first is the cause; what follows says where it came up.
  const unsigned long code = ERR_peek_error();
  const char* const text =
      ERR_GET_LIB(code) == ERR_LIB_SYS ? std::strerror(ERR_GET_REASON(code)) : ERR_reason_error_string(code);
  std::string reason = text == nullptr ? "it cannot be used" : text;
  ERR_clear_error();
  return reason;
}

// OpenSSL says of a file that is not there that there is no PEM in it, so files are opened here first.
bool CanBeRead(const std::filesystem::path& path, std::string* error) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    *error = path.string() + ": is a folder";
    return false;
  }
  if (std::ifstream(path)) return true;
  *error = path.string() + ": " + std::strerror(errno);
  return false;
}

bool Fail(const std::filesystem::path& path, std::string* error) {
  *error = path.string() + ": " + Reason();
  return false;
}

// Without it OpenSSL would ask at the terminal.
int NoPassphrase(char*, int, int, void*) { return 0; }

int ChooseProtocol(SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                   unsigned offered_size, void*) {
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, size, kProtocols, sizeof kProtocols, offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

void SetOptions(SSL_CTX* context, const TlsConfig& config) {
  SSL_CTX_set_min_proto_version(context, config.minimum_version == TlsVersion::k13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF |
                                   (config.kernel ? SSL_OP_ENABLE_KTLS : 0));
  // What is sent may have moved when the socket takes it.
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // A record and what follows it come by one system call.
  SSL_CTX_set_read_ahead(context, 1);
  // Sessions lie with the clients, in tickets.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_timeout(context, std::chrono::seconds(TicketKeys::kPeriod).count());
  JSD_CHECK(SSL_CTX_set_cipher_list(context, kTls12Ciphers) == 1);
  JSD_CHECK(SSL_CTX_set1_groups_list(context, kGroups) == 1);
  SSL_CTX_set_alpn_select_cb(context, ChooseProtocol, nullptr);
}

bool LoadClientAuthorities(SSL_CTX* context, const TlsConfig& config, std::string* error) {
  if (config.client_certificates == ClientCertificates::kNone) return true;
  if (!CanBeRead(config.client_ca, error)) return false;
  const char* const path = config.client_ca.c_str();
  STACK_OF(X509_NAME)* const names = SSL_load_client_CA_file(path);
  if (names == nullptr || SSL_CTX_load_verify_file(context, path) != 1) {
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    return Fail(config.client_ca, error);
  }
  SSL_CTX_set_client_CA_list(context, names);
  const bool required = config.client_certificates == ClientCertificates::kRequired;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  return true;
}

bool ReadOcsp(const std::filesystem::path& path, std::string* ocsp, std::string* error) {
  if (!CanBeRead(path, error)) return false;
  std::ifstream stream(path, std::ios::binary);
  ocsp->assign(std::istreambuf_iterator<char>(stream), {});
  const auto* bytes = reinterpret_cast<const unsigned char*>(ocsp->data());
  OCSP_RESPONSE* const response = d2i_OCSP_RESPONSE(nullptr, &bytes, static_cast<long>(ocsp->size()));
  const bool good = response != nullptr && OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL;
  OCSP_RESPONSE_free(response);
  ERR_clear_error();
  if (!good) *error = path.string() + ": it holds no OCSP response in DER";
  return good;
}

}  // namespace

std::shared_ptr<const TlsListener> TlsListener::Load(const TlsConfig& config, TicketKeys& keys, std::string* error) {
  std::shared_ptr<TlsListener> listener(new TlsListener);
  // A ticket is good for the listener that gave it alone: others may ask for other client certificates.
  listener->session_context_ = "jsd " + std::to_string(config.number);
  listener->kernel_ = config.kernel;
  if (const auto age = std::chrono::duration_cast<std::chrono::seconds>(config.hsts).count(); age > 0) {
    listener->hsts_ = "Strict-Transport-Security: max-age=" + std::to_string(age) + "\r\n";
  }
  for (std::size_t i = 0; i < config.certificates.size(); ++i) {
    if (!listener->AddCertificate(config, i, keys, error)) return nullptr;
  }
  return listener;
}

bool TlsListener::AddCertificate(const TlsConfig& config, std::size_t number, TicketKeys& keys, std::string* error) {
  auto certificate = std::make_unique<Certificate>();
  certificate->context.reset(SSL_CTX_new(TLS_server_method()));
  JSD_CHECK(certificate->context);
  certificate->keys = &keys;
  if (!SetUp(*certificate, config, number, error)) return false;
  AddNames(*certificate);
  certificates_.push_back(std::move(certificate));
  return true;
}

bool TlsListener::SetUp(Certificate& certificate, const TlsConfig& config, std::size_t number, std::string* error) {
  SSL_CTX* const context = certificate.context.get();
  SetOptions(context, config);
  SSL_CTX_set_app_data(context, &certificate);
  JSD_CHECK(SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(session_context_.data()),
                                           static_cast<unsigned>(session_context_.size())) == 1);
  JSD_CHECK(SSL_CTX_set_tlsext_ticket_key_evp_cb(context, OnTicket) == 1);
  SSL_CTX_set_tlsext_servername_callback(context, OnServerName);
  SSL_CTX_set_tlsext_servername_arg(context, this);
  SSL_CTX_set_default_passwd_cb(context, NoPassphrase);

  const std::filesystem::path& chain = config.certificates[number];
  if (!CanBeRead(chain, error)) return false;
  if (SSL_CTX_use_certificate_chain_file(context, chain.c_str()) != 1) return Fail(chain, error);
  const std::filesystem::path& key = config.keys[number];
  if (!CanBeRead(key, error)) return false;
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) return Fail(key, error);
  if (SSL_CTX_check_private_key(context) != 1) return Fail(key, error);
  if (!LoadClientAuthorities(context, config, error)) return false;
  if (config.ocsp.empty()) return true;
  SSL_CTX_set_tlsext_status_cb(context, OnOcspRequest);
  SSL_CTX_set_tlsext_status_arg(context, &certificate);
  return ReadOcsp(config.ocsp[number], &certificate.ocsp, error);
}

void TlsListener::AddNames(const Certificate& certificate) {
  SSL_CTX* const context = certificate.context.get();
  auto* const names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(SSL_CTX_get0_certificate(context), NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    int type = 0;
    const void* const value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);
    if (type != GEN_DNS) continue;
    const auto* const text = static_cast<const ASN1_IA5STRING*>(value);
    const std::string_view name(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                                static_cast<std::size_t>(ASN1_STRING_length(text)));
    // The first certificate of a name has it.
    by_name_.try_emplace(LowerCase(name), context);
  }
  GENERAL_NAMES_free(names);
}

SSL_CTX* TlsListener::ContextFor(std::string_view name) const {
  const std::string lower = LowerCase(name);
  if (const auto exact = by_name_.find(lower); exact != by_name_.end()) return exact->second;
  // A wildcard stands for one label (RFC 6125 section 6.4.3).
  if (const std::size_t dot = lower.find('.'); dot != std::string::npos) {
    const auto wildcard = by_name_.find("*" + lower.substr(dot));
    if (wildcard != by_name_.end()) return wildcard->second;
  }
  return context();
}

int TlsListener::OnServerName(SSL* ssl, int*, void* listener) {
  const char* const name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr) return SSL_TLSEXT_ERR_NOACK;
  SSL_set_SSL_CTX(ssl, static_cast<const TlsListener*>(listener)->ContextFor(name));
  return SSL_TLSEXT_ERR_OK;
}

int TlsListener::OnOcspRequest(SSL* ssl, void* certificate) {
  const std::string& ocsp = static_cast<const Certificate*>(certificate)->ocsp;
  void* const copy = OPENSSL_memdup(ocsp.data(), ocsp.size());
  if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
  SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(ocsp.size()));  // It owns the copy.
  return SSL_TLSEXT_ERR_OK;
}

int TlsListener::OnTicket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                          int sealing) {
  TicketKeys& keys = *static_cast<Certificate*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)))->keys;
  TicketKeys::Found found{};
  if (sealing != 0) {
    found.key = keys.Current();
    std::ranges::copy(found.key.name, name);
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) return -1;
  } else if (const auto key = keys.Find(std::span<const unsigned char, 16>(name, 16))) {
    found = *key;
  } else {
    return 0;
  }
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, found.key.mac.data(), found.key.mac.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
  const bool ready = EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, found.key.cipher.data(), iv, sealing) == 1 &&
                     EVP_MAC_CTX_set_params(mac, parameters) == 1;
  OPENSSL_cleanse(&found.key, sizeof found.key);
  if (!ready) return -1;
  return found.outdated ? 2 : 1;
}

std::unique_ptr<TlsRegistry> TlsRegistry::Load(const Config& config, std::string* error) {
  auto registry = std::make_unique<TlsRegistry>();
  if (!registry->Reload(config, error)) return nullptr;
  return registry;
}

bool TlsRegistry::Reload(const Config& config, std::string* error) {
  Listeners listeners;
  for (const TlsConfig& tls : config.server.tls) {
    auto listener = TlsListener::Load(tls, keys_, error);
    if (!listener) {
      *error = "server.tls: " + *error;
      return false;
    }
    listeners.emplace(tls.number, std::move(listener));
  }
  const std::lock_guard lock(mutex_);
  previous_ = std::exchange(listeners_, std::move(listeners));
  return true;
}

std::shared_ptr<const TlsListener> TlsRegistry::Find(unsigned number) const {
  const std::lock_guard lock(mutex_);
  if (const auto found = listeners_.find(number); found != listeners_.end()) return found->second;
  const auto found = previous_.find(number);
  return found == previous_.end() ? nullptr : found->second;
}

}  // namespace jsd

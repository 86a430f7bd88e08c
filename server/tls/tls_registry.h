#ifndef JSD_SERVER_TLS_TLS_REGISTRY_H_
#define JSD_SERVER_TLS_TLS_REGISTRY_H_

#include <openssl/ssl.h>

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/config.h"
#include "server/tls/tls_keys.h"

namespace jsd {

struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};

// What one [[server.tls]] makes of a connection: its certificates by name, and OpenSSL's contexts, which are read only.
//
// Owner: the registry, until it is told to load anew, and the connections that began with it.
// Thread: any. Lifetime: that of the last owner; the ticket keys outlive it.
class TlsListener {
 public:
  // Null and `error`, with the file and the reason, where a file cannot be used.
  static std::shared_ptr<const TlsListener> Load(const TlsConfig& config, TicketKeys& keys, std::string* error);
  TlsListener(const TlsListener&) = delete;
  TlsListener& operator=(const TlsListener&) = delete;

  // That of the first certificate; a handshake that asks for another name goes on with that name's.
  SSL_CTX* context() const { return certificates_.front()->context.get(); }
  SSL_CTX* ContextFor(std::string_view name) const;

  // The kernel should encrypt what is sent.
  bool kernel() const { return kernel_; }
  // The field line "Strict-Transport-Security: …\r\n" of replies, or nothing.
  std::string_view hsts() const { return hsts_; }

 private:
  struct Certificate {
    std::unique_ptr<SSL_CTX, FreeContext> context;
    TicketKeys* keys = nullptr;
    std::string ocsp;  // The response to staple; empty: none.
  };

  TlsListener() = default;
  bool AddCertificate(const TlsConfig& config, std::size_t number, TicketKeys& keys, std::string* error);
  bool SetUp(Certificate& certificate, const TlsConfig& config, std::size_t number, std::string* error);
  void AddNames(const Certificate& certificate);

  static int OnServerName(SSL* ssl, int* alert, void* listener);
  static int OnOcspRequest(SSL* ssl, void* certificate);
  static int OnTicket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                      int sealing);

  std::vector<std::unique_ptr<Certificate>> certificates_;
  std::unordered_map<std::string, SSL_CTX*> by_name_;  // In lower case; "*.example.org" for wildcards.
  std::string session_context_;
  std::string hsts_;
  bool kernel_ = false;
};

// The TLS listeners of the process.
//
// Owner: main. Thread: Load and Reload on the master's; Find on any. Lifetime: that of the workers at least.
class TlsRegistry {
 public:
  // Reads the files of every [[server.tls]]. Null and `error`, a line for a person, where one cannot be used.
  static std::unique_ptr<TlsRegistry> Load(const Config& config, std::string* error);

  // The same again, for the connections that come from now on; those that are there keep what they have, and tickets
  // stay valid. False and `error` where a file cannot be used: then all stays as it was.
  bool Reload(const Config& config, std::string* error);

  // Of a [[server.tls]], by TlsConfig::number. One that the last reload has taken away is still there, for connections
  // that were accepted before; null for any other.
  std::shared_ptr<const TlsListener> Find(unsigned number) const;

 private:
  using Listeners = std::unordered_map<unsigned, std::shared_ptr<const TlsListener>>;

  TicketKeys keys_;
  mutable std::mutex mutex_;
  Listeners listeners_;  // Guarded by mutex_, as is what follows.
  Listeners previous_;   // Those before the last reload.
};

}  // namespace jsd

#endif  // JSD_SERVER_TLS_TLS_REGISTRY_H_

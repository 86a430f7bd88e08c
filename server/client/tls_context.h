#ifndef JSD_SERVER_CLIENT_TLS_CONTEXT_H_
#define JSD_SERVER_CLIENT_TLS_CONTEXT_H_

#include <openssl/ssl.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/http_client.h"

namespace jsd {

struct SslFree {
  void operator()(SSL* ssl) const { ::SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { ::SSL_CTX_free(context); }
  void operator()(SSL_SESSION* session) const { ::SSL_SESSION_free(session); }
};
using SslPtr = std::unique_ptr<SSL, SslFree>;

// The client side of TLS 1.2 and 1.3 (RFC 8446): certificates are always verified, by the system's authorities and the
// configured ones, and so is the name. Sessions are kept for resumption, one for each origin.
//
// Owner: the worker's HTTP client, which makes it when the first request needs it: reading the system's authorities
// takes a while. Thread: the worker's. Lifetime: longer than its connections.
class TlsClientContext {
 public:
  // `authorities`: files in PEM, trusted beside the system's. Those that cannot be read are named in `error`.
  TlsClientContext(const std::vector<std::filesystem::path>& authorities, std::string* error);

  // A connection to `host`, as the URL standard writes it, over the socket, which must outlive it. Null where memory
  // is short. `origin` finds the session to resume.
  SslPtr Connect(int socket, const std::string& host, const std::string& origin);

 private:
  static int OnNewSession(SSL* ssl, SSL_SESSION* session);

  std::unique_ptr<SSL_CTX, SslFree> context_;
  std::unordered_map<std::string, std::unique_ptr<SSL_SESSION, SslFree>> sessions_;
};

// Why the handshake of `ssl` failed, from OpenSSL's error queue and the outcome of the verification.
HttpClientFailure TlsFailure(const SSL* ssl, const std::string& host);

}  // namespace jsd

#endif  // JSD_SERVER_CLIENT_TLS_CONTEXT_H_

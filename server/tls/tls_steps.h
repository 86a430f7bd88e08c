#ifndef JSD_SERVER_TLS_TLS_STEPS_H_
#define JSD_SERVER_TLS_TLS_STEPS_H_

#include <openssl/ssl.h>

namespace jsd {

// What a peer makes OpenSSL do beside reading data: tickets and KeyUpdates, each of which is two or three steps and
// costs this side as much as the peer. OpenSSL would read on for as long as they come.
//
// Owner: whoever owns the SSL. Thread: the worker's. Lifetime: within the SSL's, whose app data it is.
class TlsSteps {
 public:
  TlsSteps() = default;
  TlsSteps(const TlsSteps&) = delete;
  TlsSteps& operator=(const TlsSteps&) = delete;

  // From here on they are counted: for the handshake OpenSSL has limits of its own.
  void Watch(SSL* ssl) {
    SSL_set_app_data(ssl, this);
    SSL_set_info_callback(
        ssl, [](const SSL* stepping, int, int) { ++static_cast<TlsSteps*>(SSL_get_app_data(stepping))->since_data_; });
  }
  void DataCame() { since_data_ = 0; }
  // The peer is to be given up. One that has gigabytes to send sends a KeyUpdate now and then, with data between.
  bool too_many() const { return since_data_ > kMost; }

 private:
  static constexpr unsigned kMost = 128;
  unsigned since_data_ = 0;
};

}  // namespace jsd

#endif  // JSD_SERVER_TLS_TLS_STEPS_H_

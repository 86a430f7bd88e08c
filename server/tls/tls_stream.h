#ifndef JSD_SERVER_TLS_TLS_STREAM_H_
#define JSD_SERVER_TLS_TLS_STREAM_H_

#include <openssl/ssl.h>
#include <sys/uio.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/tls/tls_registry.h"
#include "server/tls/tls_steps.h"

namespace jsd {

// TLS over one socket that a session has accepted. It has no turn of its own: the session calls it where it would call
// the kernel, and gets the kernel's answers.
//
// Owner: the session, which owns the socket. Thread: the worker's. Lifetime: within the socket's.
class TlsStream {
 public:
  enum class Handshake {
    kDone,
    kWantsInput,   // When the socket can be read,
    kWantsOutput,  // or written: call again.
    kPlainHttp,    // The client does not speak TLS, but what looks like HTTP. Nothing has been sent.
    kFailed,       // An alert has been sent, if there was a reason for one.
  };

  TlsStream(std::shared_ptr<const TlsListener> listener, int socket);
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  // `end_seen`: the poller has told that the client sends no more, which comes up once.
  Handshake Continue(bool end_seen);

  // As recv(2): how much was read, 0 at the end, or -1 with errno, which is EAGAIN when the socket has to come up
  // first, and EINTR when so much has come that was no data that others should have a turn. Reads hardly more from the
  // socket than there is room for. A client that sends messages of TLS itself (KeyUpdate) and no data is given up.
  long Receive(std::span<char> room);
  // After Receive: more can be read, or the end, before the socket comes up again.
  bool more_input() const { return more_input_; }
  // After Receive: it goes on when the socket can be written.
  bool wants_output() const { return wants_output_; }

  // As sendmsg(2), at most a record. Where it says EAGAIN, the bytes have to be offered again before any others.
  long Send(std::span<const iovec> buffers);

  // Frees what OpenSSL keeps for records, some 34 KB, if nothing has been sent or received since the last call: to
  // do so after each record (SSL_MODE_RELEASE_BUFFERS) would cost some 2 % of a request.
  void ReleaseIdleBuffers();

  // Tells the client that nothing follows (close_notify), if that can be sent now.
  void Shutdown();

  // Why the handshake failed, for a log.
  const std::string& failure() const { return failure_; }

  std::string_view hsts() const { return listener_->hsts(); }

  // For scripts, as JSON in ASCII: { version, cipher, serverName, resumed, clientCertificate }. After the handshake;
  // made once.
  std::string_view Describe();

 private:
  struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  struct Bio;

  const std::shared_ptr<const TlsListener> listener_;
  const int socket_;
  std::unique_ptr<SSL, FreeSsl> ssl_;
  std::vector<char> unsent_;  // A record that OpenSSL has begun to send.
  std::string failure_;
  std::string description_;
  std::size_t input_left_ = 0;  // What may still be read from the socket before somebody else has a turn.
  TlsSteps steps_;
  char first_ = 0;  // The first byte that the client sent.
  bool any_input_ = false;
  bool drained_ = false;  // The socket has nothing more to read now.
  bool end_seen_ = false;
  bool end_ = false;
  bool failed_ = false;
  bool more_input_ = false;
  bool wants_output_ = false;
  bool shut_down_ = false;
  bool used_ = true;  // Since the last call of ReleaseIdleBuffers.
  bool has_buffers_ = true;
};

}  // namespace jsd

#endif  // JSD_SERVER_TLS_TLS_STREAM_H_

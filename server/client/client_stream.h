#ifndef JSD_SERVER_CLIENT_CLIENT_STREAM_H_
#define JSD_SERVER_CLIENT_CLIENT_STREAM_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "server/client/tls_context.h"
#include "server/tls/tls_steps.h"
#include "worker/unique_fd.h"

namespace jsd {

// The bytes of an outgoing connection, over a non-blocking socket as they are or through TLS.
//
// Owner: a connection. Thread: the worker's. Lifetime: within that of the TlsClientContext.
class ClientStream {
 public:
  enum class Status { kDone, kAgain, kEnd, kFailed };
  struct Progress {
    Status status;
    std::size_t size = 0;
    int error = 0;  // Of a failed socket; 0 where TLS failed.
  };

  ClientStream() = default;
  explicit ClientStream(UniqueFd socket) : socket_(std::move(socket)) {}

  int socket() const { return socket_.get(); }
  bool open() const { return socket_.valid(); }
  bool secure() const { return ssl_ != nullptr; }
  const SSL* ssl() const { return ssl_.get(); }

  // From here on everything goes through `ssl`, which was made over the socket.
  void Secure(SslPtr ssl) { ssl_ = std::move(ssl); }
  // Goes on with the handshake.
  Progress Handshake();

  // kDone with 1 to `size` bytes; kEnd after the last of them. A server that sends messages of TLS itself (tickets,
  // KeyUpdate) and no data is given up.
  Progress Read(char* room, std::size_t size);
  Progress Write(std::string_view bytes);

  void Close();

 private:
  Progress TlsProgress(int result);

  UniqueFd socket_;
  std::unique_ptr<TlsSteps> steps_;  // Of ssl_, once the handshake is done.
  SslPtr ssl_;                       // Uses the socket and the steps, so it goes first.
};

}  // namespace jsd

#endif  // JSD_SERVER_CLIENT_CLIENT_STREAM_H_

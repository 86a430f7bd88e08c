#include "server/client/client_stream.h"

#include <openssl/err.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace jsd {
namespace {

ClientStream::Progress SocketProgress(long result) {
  if (result > 0) return {ClientStream::Status::kDone, static_cast<std::size_t>(result)};
  if (result == 0) return {ClientStream::Status::kEnd};
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return {ClientStream::Status::kAgain};
  return {ClientStream::Status::kFailed, 0, errno};
}

// Stands before each operation of the socket, and behind it.
long MayRead(BIO* bio, int operation, const char*, std::size_t, int, long, int result, std::size_t*) {
  const auto* const steps = reinterpret_cast<const TlsSteps*>(::BIO_get_callback_arg(bio));
  return operation == BIO_CB_READ && steps->too_many() ? -1 : result;
}

int Bounded(std::size_t size) { return static_cast<int>(std::min<std::size_t>(size, INT_MAX)); }

}  // namespace

ClientStream::Progress ClientStream::TlsProgress(int result) {
  const int saved_errno = errno;
  switch (::SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_NONE:
      return {Status::kDone, static_cast<std::size_t>(result)};
    // The socket is watched for both directions all the time, so it does not matter which one is waited for.
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return {Status::kAgain};
    case SSL_ERROR_ZERO_RETURN:
      return {Status::kEnd};
    case SSL_ERROR_SYSCALL:
      return {Status::kFailed, 0, saved_errno == 0 ? ECONNRESET : saved_errno};
    default: {
      // A peer that closes without saying so may have been cut off by somebody else (RFC 8446 section 6.1): where the
      // length of a message is known nothing is lost, where it is not, this is no end.
      const unsigned long error = ::ERR_peek_error();
      const bool truncated =
          ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
      return {Status::kFailed, 0, truncated ? ECONNRESET : 0};
    }
  }
}

ClientStream::Progress ClientStream::Handshake() {
  ::ERR_clear_error();
  errno = 0;
  const int result = ::SSL_do_handshake(ssl_.get());
  if (result != 1) return TlsProgress(result);
  steps_ = std::make_unique<TlsSteps>();
  steps_->Watch(ssl_.get());
  BIO* const input = ::SSL_get_rbio(ssl_.get());
  ::BIO_set_callback_arg(input, reinterpret_cast<char*>(steps_.get()));
  ::BIO_set_callback_ex(input, MayRead);
  return {Status::kDone};
}

ClientStream::Progress ClientStream::Read(char* room, std::size_t size) {
  if (ssl_ == nullptr) return SocketProgress(::recv(socket_.get(), room, size, 0));
  ::ERR_clear_error();
  errno = 0;
  const int result = ::SSL_read(ssl_.get(), room, Bounded(size));
  if (result > 0) steps_->DataCame();
  return TlsProgress(result);
}

ClientStream::Progress ClientStream::Write(std::string_view bytes) {
  if (ssl_ == nullptr) return SocketProgress(::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL));
  ::ERR_clear_error();
  errno = 0;
  return TlsProgress(::SSL_write(ssl_.get(), bytes.data(), Bounded(bytes.size())));
}

void ClientStream::Close() {
  if (ssl_ != nullptr && ::SSL_is_init_finished(ssl_.get()) == 1) {
    ::ERR_clear_error();
    ::SSL_shutdown(ssl_.get());  // Says goodbye as far as the socket takes it.
  }
  ::ERR_clear_error();
  ssl_.reset();
  steps_.reset();
  socket_.Reset();
}

}  // namespace jsd

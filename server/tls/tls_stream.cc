#include "server/tls/tls_stream.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/check.h"

namespace jsd {
namespace {

using nlohmann::json;

// What Receive may read from the socket beyond the room that it is given: a record, more or less.
constexpr std::size_t kMostOverhead = SSL3_RT_MAX_PACKET_SIZE;

// OpenSSL tells an error of a call by what is in the thread's queue, where others (WebCrypto) may have left something.
void ForgetErrors() {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

std::string TakeText(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<std::size_t>(size));
  (void)BIO_reset(bio);
  return text;
}

// "2026-11-21T13:27:09Z"
std::string TimeText(const ASN1_TIME* time) {
  std::tm utc{};
  if (ASN1_TIME_to_tm(time, &utc) != 1) return {};
  char text[32];
  return std::string(text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc));
}

std::string HexText(std::span<const unsigned char> bytes) {
  std::string text;
  for (const unsigned char byte : bytes) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", byte);
    text += digits;
  }
  return text;
}

json DescribeCertificate(X509* certificate) {
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new(BIO_s_mem()), BIO_free);
  JSD_CHECK(bio);
  const auto name = [&bio](const X509_NAME* value) {
    X509_NAME_print_ex(bio.get(), value, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
    return TakeText(bio.get());
  };
  json result;
  result["subject"] = name(X509_get_subject_name(certificate));
  result["issuer"] = name(X509_get_issuer_name(certificate));
  i2a_ASN1_INTEGER(bio.get(), X509_get0_serialNumber(certificate));
  result["serialNumber"] = TakeText(bio.get());
  result["validFrom"] = TimeText(X509_get0_notBefore(certificate));
  result["validTo"] = TimeText(X509_get0_notAfter(certificate));
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  JSD_CHECK(X509_digest(certificate, EVP_sha256(), digest, &size) == 1);
  result["fingerprint256"] = HexText({digest, size});
  result["subjectAltNames"] = json::array();
  auto* const names =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    GENERAL_NAME_print(bio.get(), sk_GENERAL_NAME_value(names, i));
    result["subjectAltNames"].push_back(TakeText(bio.get()));
  }
  GENERAL_NAMES_free(names);
  PEM_write_bio_X509(bio.get(), certificate);
  result["pem"] = TakeText(bio.get());
  return result;
}

}  // namespace

// The socket as OpenSSL sees it. Sockets are watched edge-triggered, so that a read that got less than it asked for
// need not be followed by one that finds nothing: then nobody asks the kernel.
struct TlsStream::Bio {
  static int Read(BIO* bio, char* data, int size) {
    auto& stream = *static_cast<TlsStream*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    if (stream.drained_ || stream.input_left_ == 0 || stream.steps_.too_many()) {
      BIO_set_retry_read(bio);
      return -1;
    }
    long received;
    do {
      received = syscall(SYS_recvfrom, stream.socket_, data, size, 0, nullptr, nullptr);
    } while (received < 0 && errno == EINTR);
    if (received < 0 && errno == EAGAIN) {
      stream.drained_ = true;
      BIO_set_retry_read(bio);
    }
    if (received > 0) {
      if (!std::exchange(stream.any_input_, true)) stream.first_ = *data;
      // The end would come up by itself, unless it already has.
      stream.drained_ = received < size && !stream.end_seen_;
      stream.input_left_ -= std::min(stream.input_left_, static_cast<std::size_t>(received));
    }
    return static_cast<int>(received);
  }

  static int Write(BIO* bio, const char* data, int size) {
    const auto& stream = *static_cast<TlsStream*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    long sent;
    do {
      sent = syscall(SYS_sendto, stream.socket_, data, size, MSG_NOSIGNAL, nullptr, 0);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno == EAGAIN) BIO_set_retry_write(bio);
    return static_cast<int>(sent);
  }

  static long Control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static BIO* New(TlsStream& stream) {
    static BIO_METHOD* const method = [] {
      BIO_METHOD* const made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "edge-triggered socket");
      JSD_CHECK(made != nullptr && BIO_meth_set_read(made, Read) == 1 && BIO_meth_set_write(made, Write) == 1 &&
                BIO_meth_set_ctrl(made, Control) == 1);
      return made;
    }();
    BIO* const bio = BIO_new(method);
    JSD_CHECK(bio != nullptr);
    BIO_set_data(bio, &stream);
    BIO_set_init(bio, 1);
    return bio;
  }
};

TlsStream::TlsStream(std::shared_ptr<const TlsListener> listener, int socket)
    : listener_(std::move(listener)), socket_(socket), ssl_(SSL_new(listener_->context())) {
  JSD_CHECK(ssl_);
  BIO* const input = Bio::New(*this);
  // Kernel TLS is something that OpenSSL does to its own sockets.
  BIO* const output = listener_->kernel() ? BIO_new_socket(socket, BIO_NOCLOSE) : input;
  JSD_CHECK(output != nullptr);
  SSL_set_bio(ssl_.get(), input, output);
  SSL_set_accept_state(ssl_.get());
}

TlsStream::~TlsStream() = default;

TlsStream::Handshake TlsStream::Continue(bool end_seen) {
  end_seen_ |= end_seen;
  drained_ = false;
  // OpenSSL has limits of its own for what a handshake is.
  input_left_ = std::numeric_limits<std::size_t>::max();
  ForgetErrors();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) {
    steps_.Watch(ssl_.get());
    return Handshake::kDone;
  }
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return Handshake::kWantsInput;
    case SSL_ERROR_WANT_WRITE:
      return Handshake::kWantsOutput;
    default:
      break;
  }
  shut_down_ = true;
  // No record of TLS begins with a letter, and every method does.
  if (any_input_ && ((first_ >= 'A' && first_ <= 'Z') || (first_ >= 'a' && first_ <= 'z'))) {
    ERR_clear_error();
    return Handshake::kPlainHttp;
  }
  const char* const reason = ERR_reason_error_string(ERR_peek_error());
  failure_ = reason == nullptr ? "the client has gone" : reason;
  ERR_clear_error();
  return Handshake::kFailed;
}

long TlsStream::Receive(std::span<char> room) {
  used_ = true;
  std::size_t total = 0;
  drained_ = more_input_ = wants_output_ = false;
  input_left_ = room.size() + kMostOverhead;
  while (total < room.size() && !end_ && !failed_) {
    std::size_t size = 0;
    ForgetErrors();
    if (SSL_read_ex(ssl_.get(), room.data() + total, room.size() - total, &size) == 1) {
      total += size;
      steps_.DataCame();
      more_input_ = total == room.size();
      if (drained_ && SSL_has_pending(ssl_.get()) == 0) {
        more_input_ = false;
        break;
      }
      continue;
    }
    const int error = SSL_get_error(ssl_.get(), 0);
    if (error == SSL_ERROR_WANT_READ && !steps_.too_many()) {
      more_input_ = !drained_;
      break;
    }
    if (error == SSL_ERROR_WANT_WRITE && !steps_.too_many()) {
      wants_output_ = true;
      break;
    }
    end_ = error == SSL_ERROR_ZERO_RETURN;
    failed_ = !end_;
    if (failed_) shut_down_ = true;
    ERR_clear_error();
  }
  if (total > 0) {
    more_input_ |= end_ || failed_;
    return static_cast<long>(total);
  }
  if (end_) return 0;
  errno = failed_ ? ECONNRESET : more_input_ ? EINTR : EAGAIN;
  return -1;
}

long TlsStream::Send(std::span<const iovec> buffers) {
  used_ = true;
  // OpenSSL wants what it has begun to send again, byte by byte; it need not lie in one piece any more.
  char record[SSL3_RT_MAX_PLAIN_LENGTH];
  const char* data = unsent_.data();
  std::size_t size = unsent_.size();
  if (size == 0) {
    data = static_cast<const char*>(buffers.front().iov_base);
    size = std::min<std::size_t>(buffers.front().iov_len, sizeof record);
    if (buffers.size() > 1 && size < sizeof record) {
      size = 0;
      for (const iovec& buffer : buffers) {
        const std::size_t part = std::min(buffer.iov_len, sizeof record - size);
        std::memcpy(record + size, buffer.iov_base, part);
        size += part;
      }
      data = record;
    }
  }
  std::size_t sent = 0;
  ForgetErrors();
  if (SSL_write_ex(ssl_.get(), data, size, &sent) == 1) {
    JSD_CHECK(sent == size);
    unsent_.clear();
    unsent_.shrink_to_fit();
    return static_cast<long>(sent);
  }
  const int error = SSL_get_error(ssl_.get(), 0);
  if (error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ) {
    if (unsent_.empty()) unsent_.assign(data, data + size);
    errno = EAGAIN;
    return -1;
  }
  ERR_clear_error();
  failed_ = shut_down_ = true;
  errno = ECONNRESET;
  return -1;
}

void TlsStream::ReleaseIdleBuffers() {
  if (std::exchange(used_, false)) {
    has_buffers_ = true;
  } else if (std::exchange(has_buffers_, false)) {
    SSL_free_buffers(ssl_.get());
  }
}

void TlsStream::Shutdown() {
  // Nothing may come between the parts of a record.
  if (std::exchange(shut_down_, true) || !unsent_.empty() || SSL_in_init(ssl_.get())) return;
  ForgetErrors();
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

std::string_view TlsStream::Describe() {
  if (!description_.empty()) return description_;
  json result;
  result["version"] = SSL_get_version(ssl_.get());
  result["cipher"] = SSL_get_cipher_name(ssl_.get());
  const char* const name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
  result["serverName"] = name == nullptr ? json() : json(name);
  result["resumed"] = SSL_session_reused(ssl_.get()) == 1;
  X509* const certificate = SSL_get0_peer_certificate(ssl_.get());
  result["clientCertificate"] = certificate == nullptr ? json() : DescribeCertificate(certificate);
  // What is not UTF-8 comes from the client.
  return description_ = result.dump(-1, ' ', true, json::error_handler_t::replace);
}

}  // namespace jsd

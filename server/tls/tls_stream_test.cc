#include "server/tls/tls_stream.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>

#include "server/tls/test_certificates.h"

namespace jsd {
namespace {

// A stream and OpenSSL's own client at the two ends of a pair of sockets that do not block.
class TlsStreamTest : public testing::Test {
 protected:
  void Connect(int version) {
    files_.Issue("a", "DNS:a");
    TlsConfig config;
    config.certificates = {files_.folder() / "a.pem"};
    config.keys = {files_.folder() / "a.key"};
    std::string error;
    const auto listener = TlsListener::Load(config, keys_, &error);
    ASSERT_NE(listener, nullptr) << error;
    int sockets[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sockets), 0);
    server_socket_ = sockets[0];
    client_socket_ = sockets[1];
    stream_ = std::make_unique<TlsStream>(listener, server_socket_);
    context_.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_max_proto_version(context_.get(), version);
    client_.reset(SSL_new(context_.get()));
    SSL_set_bio(client_.get(), BIO_new_socket(client_socket_, BIO_NOCLOSE), BIO_new(BIO_s_mem()));
    auto state = TlsStream::Handshake::kWantsInput;
    for (int i = 0; i < 10 && (state != TlsStream::Handshake::kDone || !SSL_is_init_finished(client_.get())); ++i) {
      SSL_connect(client_.get());
      Flush();
      if (state != TlsStream::Handshake::kDone) state = stream_->Continue(false);
    }
    ASSERT_EQ(state, TlsStream::Handshake::kDone);
    ASSERT_TRUE(SSL_is_init_finished(client_.get()));
  }

  void TearDown() override {
    stream_.reset();
    client_.reset();
    if (server_socket_ >= 0) ::close(server_socket_);
    if (client_socket_ >= 0) ::close(client_socket_);
  }

  // What the client has said so far reaches the socket in one piece.
  void Flush() {
    char* data = nullptr;
    const long size = BIO_get_mem_data(SSL_get_wbio(client_.get()), &data);
    if (size == 0) return;
    ASSERT_EQ(::send(client_socket_, data, static_cast<std::size_t>(size), MSG_NOSIGNAL), size);
    BIO_reset(SSL_get_wbio(client_.get()));
  }

  void UpdateKeys(int count) {
    for (int i = 0; i < count; ++i) {
      ASSERT_EQ(SSL_key_update(client_.get(), SSL_KEY_UPDATE_NOT_REQUESTED), 1);
      ASSERT_EQ(SSL_do_handshake(client_.get()), 1);
    }
  }

  void Write(const std::string& text) {
    ASSERT_EQ(SSL_write(client_.get(), text.data(), static_cast<int>(text.size())), static_cast<int>(text.size()));
  }

  struct FreeContext {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  TestCertificates files_;
  TicketKeys keys_;
  int server_socket_ = -1;
  int client_socket_ = -1;
  std::unique_ptr<TlsStream> stream_;
  std::unique_ptr<SSL_CTX, FreeContext> context_;
  std::unique_ptr<SSL, FreeSsl> client_;
  char room_[16384];
};

TEST_F(TlsStreamTest, KeysMayBeUpdatedBetweenData) {
  Connect(TLS1_3_VERSION);
  for (int i = 0; i < 100; ++i) {
    UpdateKeys(3);
    Write("hello");
    Flush();
    ASSERT_EQ(stream_->Receive(room_), 5);
  }
  EXPECT_EQ(stream_->Receive(room_), -1);
  EXPECT_EQ(errno, EAGAIN);
}

TEST_F(TlsStreamTest, AClientThatOnlyUpdatesKeysIsGivenUp) {
  Connect(TLS1_3_VERSION);
  UpdateKeys(4000);
  Flush();
  EXPECT_EQ(stream_->Receive(room_), -1);
  EXPECT_EQ(errno, ECONNRESET);
  // Without having read all that the client has sent.
  char byte;
  EXPECT_EQ(::recv(server_socket_, &byte, 1, MSG_PEEK), 1);
}

TEST_F(TlsStreamTest, RecordsOfOneByteAreReadATurnAtATime) {
  Connect(TLS1_3_VERSION);
  constexpr int kRecords = 5000;
  for (int i = 0; i < kRecords; ++i) Write("x");
  Flush();
  int total = 0;
  int turns = 0;
  while (total < kRecords) {
    ++turns;
    const long size = stream_->Receive(room_);
    ASSERT_GT(size, 0);
    total += static_cast<int>(size);
    ASSERT_EQ(stream_->more_input(), total < kRecords);
  }
  EXPECT_EQ(total, kRecords);
  EXPECT_GE(turns, 3);
}

TEST_F(TlsStreamTest, NothingIsNegotiatedAgain) {
  Connect(TLS1_2_VERSION);
  ASSERT_EQ(SSL_renegotiate(client_.get()), 1);
  SSL_do_handshake(client_.get());
  Flush();
  EXPECT_EQ(stream_->Receive(room_), -1);
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_NE(SSL_do_handshake(client_.get()), 1);
}

}  // namespace
}  // namespace jsd

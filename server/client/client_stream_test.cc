#include "server/client/client_stream.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>

#include "server/tls/test_certificates.h"

namespace jsd {
namespace {

// A stream and OpenSSL's own server at the two ends of a pair of sockets that do not block.
class ClientStreamTest : public testing::Test {
 protected:
  void SetUp() override {
    int sockets[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sockets), 0);
    server_socket_ = UniqueFd(sockets[0]);
    stream_ = ClientStream(UniqueFd(sockets[1]));

    files_.Issue("a", "DNS:a");
    server_context_.reset(SSL_CTX_new(TLS_server_method()));
    const std::string path = files_.folder() / "a";
    ASSERT_EQ(SSL_CTX_use_certificate_chain_file(server_context_.get(), (path + ".pem").c_str()), 1);
    ASSERT_EQ(SSL_CTX_use_PrivateKey_file(server_context_.get(), (path + ".key").c_str(), SSL_FILETYPE_PEM), 1);
    server_.reset(SSL_new(server_context_.get()));
    SSL_set_fd(server_.get(), sockets[0]);
    client_context_.reset(SSL_CTX_new(TLS_client_method()));
    SslPtr client(SSL_new(client_context_.get()));
    SSL_set_fd(client.get(), sockets[1]);
    SSL_set_connect_state(client.get());
    stream_.Secure(std::move(client));

    bool done = false;
    for (int i = 0; i < 10 && !(done && SSL_is_init_finished(server_.get())); ++i) {
      if (!done) done = stream_.Handshake().status == ClientStream::Status::kDone;
      SSL_accept(server_.get());
    }
    ASSERT_TRUE(done && SSL_is_init_finished(server_.get()));
  }

  void UpdateKeys(int count) {
    for (int i = 0; i < count; ++i) {
      ASSERT_EQ(SSL_key_update(server_.get(), SSL_KEY_UPDATE_NOT_REQUESTED), 1);
      ASSERT_EQ(SSL_do_handshake(server_.get()), 1);
    }
  }

  struct FreeContext {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };

  TestCertificates files_;
  UniqueFd server_socket_;
  std::unique_ptr<SSL_CTX, FreeContext> server_context_;
  std::unique_ptr<SSL_CTX, FreeContext> client_context_;
  SslPtr server_;
  ClientStream stream_;
  char room_[16384];
};

TEST_F(ClientStreamTest, KeysMayBeUpdatedBetweenData) {
  for (int i = 0; i < 100; ++i) {
    UpdateKeys(3);
    ASSERT_EQ(SSL_write(server_.get(), "hello", 5), 5);
    const ClientStream::Progress progress = stream_.Read(room_, sizeof room_);
    ASSERT_EQ(progress.status, ClientStream::Status::kDone);
    ASSERT_EQ(std::string(room_, progress.size), "hello");
  }
  EXPECT_EQ(stream_.Read(room_, sizeof room_).status, ClientStream::Status::kAgain);
}

TEST_F(ClientStreamTest, AServerThatOnlyUpdatesKeysIsGivenUp) {
  UpdateKeys(200);
  const ClientStream::Progress progress = stream_.Read(room_, sizeof room_);
  EXPECT_EQ(progress.status, ClientStream::Status::kFailed);
  EXPECT_EQ(progress.error, ECONNRESET);
  // Without having read all that the server has sent.
  char byte;
  EXPECT_EQ(::recv(stream_.socket(), &byte, 1, MSG_PEEK), 1);
}

}  // namespace
}  // namespace jsd

#include "server/acceptor.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

namespace jsd {
namespace {

using testing::HasSubstr;

class AcceptorTest : public testing::Test {
 protected:
  AcceptorTest() {
    LogConfig config;
    config.file = log_path_;
    std::filesystem::remove(log_path_);
    std::string error;
    sink_ = LogSink::Open(config, &error);
    EXPECT_NE(sink_, nullptr) << error;
    log_ = std::make_unique<Log>(*sink_);
    listener_ = Listener::Open({.kind = ListenAddress::Kind::kIpv4, .host = "127.0.0.1", .port = 0, .path = {}}, &error);
    EXPECT_NE(listener_, nullptr) << error;
    acceptor_ = std::make_unique<Acceptor>(io_, *listener_, *log_, [this](UniqueFd socket, std::string remote) {
      accepted_.push_back({std::move(socket), std::move(remote)});
    });
    acceptor_->Start();
  }

  ~AcceptorTest() override { std::filesystem::remove(log_path_); }

  UniqueFd Connect() {
    UniqueFd client(::socket(AF_INET, SOCK_STREAM, 0));
    if (client.valid()) ConnectWith(client);
    return client;
  }

  void ConnectWith(const UniqueFd& client) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    in.sin_port = htons(listener_->address().port);
    EXPECT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&in), sizeof(in)), 0) << std::strerror(errno);
  }

  // Runs the loop until `count` connections were accepted, for at most 5 s.
  void RunUntilAccepted(std::size_t count) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    while (accepted_.size() < count && std::chrono::steady_clock::now() < end) io_.run_one_until(end);
    EXPECT_EQ(accepted_.size(), count);
  }

  std::string LogText() const {
    std::ifstream file(log_path_);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

  struct Connection {
    UniqueFd socket;
    std::string remote;
  };

  const std::filesystem::path log_path_ = std::filesystem::path(testing::TempDir()) / "acceptor_test.log";
  boost::asio::io_context io_{1};
  std::unique_ptr<LogSink> sink_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<Acceptor> acceptor_;
  std::vector<Connection> accepted_;
};

TEST_F(AcceptorTest, HandsOverSocketsReadyForUse) {
  const UniqueFd client = Connect();
  RunUntilAccepted(1);
  ASSERT_EQ(accepted_.size(), 1u);
  const int fd = accepted_[0].socket.get();
  EXPECT_EQ(accepted_[0].remote, "127.0.0.1");
  EXPECT_TRUE(::fcntl(fd, F_GETFL) & O_NONBLOCK);
  EXPECT_TRUE(::fcntl(fd, F_GETFD) & FD_CLOEXEC);
  int no_delay = 0;
  socklen_t length = sizeof(no_delay);
  ASSERT_EQ(::getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, &length), 0);
  EXPECT_NE(no_delay, 0);
}

TEST_F(AcceptorTest, AcceptsMoreThanOneBatch) {
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 200; ++i) clients.push_back(Connect());
  RunUntilAccepted(200);
}

TEST_F(AcceptorTest, StopTakesWhatTheKernelHasCompleted) {
  io_.poll();
  const UniqueFd client = Connect();
  acceptor_->Stop();
  EXPECT_EQ(accepted_.size(), 1u);
  io_.restart();
  const UniqueFd late = Connect();
  io_.run();  // Nothing is left that would keep it.
  EXPECT_EQ(accepted_.size(), 1u);
}

TEST_F(AcceptorTest, OutOfDescriptorsItRefusesPausesAndGoesOn) {
  // The client's descriptor comes before the limit, so that the server's is the first that is missing.
  UniqueFd refused(::socket(AF_INET, SOCK_STREAM, 0));
  UniqueFd served(::socket(AF_INET, SOCK_STREAM, 0));
  rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const UniqueFd highest(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  rlimit tight = before;
  tight.rlim_cur = static_cast<rlim_t>(highest.get()) + 1;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  // Descriptors below the limit that happen to be free are taken as well.
  std::vector<UniqueFd> fill;
  for (;;) {
    UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!fd.valid()) break;
    fill.push_back(std::move(fd));
  }

  ConnectWith(refused);
  std::size_t turns = 0;
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(350);
  while (io_.run_one_until(end) > 0) ++turns;
  EXPECT_EQ(accepted_.size(), 0u);
  EXPECT_LT(turns, 20u);  // It pauses instead of spinning.

  pollfd closed{refused.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&closed, 1, 1000), 1);
  char byte;
  EXPECT_LE(::recv(refused.get(), &byte, 1, 0), 0);

  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ConnectWith(served);
  RunUntilAccepted(1);
  const std::string text = LogText();
  EXPECT_THAT(text, HasSubstr("cannot accept connections"));
  EXPECT_THAT(text, HasSubstr("Too many open files"));
  EXPECT_THAT(text, HasSubstr("refused=1"));
  EXPECT_EQ(text.find('\n'), text.size() - 1) << "said more than once: " << text;
}

}  // namespace
}  // namespace jsd

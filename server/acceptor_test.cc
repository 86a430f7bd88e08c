#include "server/acceptor.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <utility>
#include <vector>

namespace {

// How many of the next accepts fail, as where a client has gone before its turn.
int aborts = 0;

}  // namespace

// Stands before the C library's.
extern "C" int accept4(int fd, sockaddr* address, socklen_t* length, int flags) {
  if (aborts > 0) {
    --aborts;
    errno = ECONNABORTED;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_accept4, fd, address, length, flags));
}

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
    listener_ =
        Listener::Open({.kind = ListenAddress::Kind::kIpv4, .host = "127.0.0.1", .port = 0, .path = {}}, &error);
    EXPECT_NE(listener_, nullptr) << error;
    Start(Acceptor::kPatience);
  }

  void Start(std::chrono::milliseconds patience) {
    if (acceptor_) acceptor_->Stop();
    acceptor_ = std::make_unique<Acceptor>(
        io_, *listener_, *log_,
        [this](UniqueFd socket, std::string remote, std::uint16_t) {
          accepted_.push_back({std::move(socket), std::move(remote)});
        },
        patience);
    acceptor_->Start();
  }

  // Leaves no descriptor to the process until RestoreDescriptors.
  void ExhaustDescriptors() {
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit_before_), 0);
    last_ = UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    rlimit tight = limit_before_;
    tight.rlim_cur = static_cast<rlim_t>(last_.get()) + 1;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
    ASSERT_EQ(::open("/dev/null", O_RDONLY | O_CLOEXEC), -1);  // The kernel gives the lowest that is free.
  }

  void RestoreDescriptors() { ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit_before_), 0); }

  // Runs the loop for `time`; how many handlers ran.
  std::size_t RunFor(std::chrono::milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    std::size_t turns = 0;
    while (io_.run_one_until(end) > 0) ++turns;
    return turns;
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
  rlimit limit_before_{};
  UniqueFd last_;
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

TEST_F(AcceptorTest, AConnectionThatFailsIsLoggedAndTheNextAccepted) {
  aborts = 3;
  const UniqueFd client = Connect();
  RunUntilAccepted(1);
  EXPECT_EQ(aborts, 0);
  const std::string text = LogText();
  EXPECT_THAT(text, HasSubstr("connections have failed before they were accepted"));
  EXPECT_THAT(text, HasSubstr("Software caused connection abort"));
  EXPECT_EQ(text.find('\n'), text.size() - 1) << "said more than once: " << text;
}

TEST_F(AcceptorTest, WhereAllConnectionsFailItPauses) {
  aborts = std::numeric_limits<int>::max();
  const UniqueFd client = Connect();
  EXPECT_LT(RunFor(std::chrono::milliseconds(350)), 20u) << "it spins";
  EXPECT_EQ(accepted_.size(), 0u);
  aborts = 0;
  RunUntilAccepted(1);
}

TEST_F(AcceptorTest, OutOfDescriptorsConnectionsWait) {
  const UniqueFd client(::socket(AF_INET, SOCK_STREAM, 0));
  ExhaustDescriptors();
  ConnectWith(client);
  EXPECT_LT(RunFor(std::chrono::milliseconds(350)), 20u) << "it spins";
  EXPECT_EQ(accepted_.size(), 0u);
  RestoreDescriptors();
  RunUntilAccepted(1);
  const std::string text = LogText();
  EXPECT_THAT(text, HasSubstr("cannot accept connections"));
  EXPECT_THAT(text, HasSubstr("Too many open files"));
  EXPECT_EQ(text.find('\n'), text.size() - 1) << "said more than once: " << text;
}

TEST_F(AcceptorTest, OutOfDescriptorsForLongConnectionsAreRefused) {
  Start(std::chrono::milliseconds(0));
  const UniqueFd refused(::socket(AF_INET, SOCK_STREAM, 0));
  const UniqueFd served(::socket(AF_INET, SOCK_STREAM, 0));
  ExhaustDescriptors();
  ConnectWith(refused);
  EXPECT_LT(RunFor(std::chrono::milliseconds(350)), 20u) << "it spins";
  EXPECT_EQ(accepted_.size(), 0u);
  pollfd closed{refused.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&closed, 1, 1000), 1);
  char byte;
  EXPECT_LE(::recv(refused.get(), &byte, 1, 0), 0);
  RestoreDescriptors();
  EXPECT_THAT(LogText(), HasSubstr("refused=1"));
  ConnectWith(served);
  RunUntilAccepted(1);
}

}  // namespace
}  // namespace jsd

#include "server/poller.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <memory>

namespace jsd {
namespace {

class CountingClient final : public Poller::Client {
 public:
  void OnReady(std::uint32_t) override { ++told; }
  int told = 0;
};

class PollerTest : public testing::Test {
 protected:
  PollerTest() { EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets_.data()), 0); }
  ~PollerTest() override {
    for (const int socket : sockets_) close(socket);
  }

  // Writes to the watched socket's peer and gives the loop its turns.
  void Poke() {
    EXPECT_EQ(write(sockets_[1], "x", 1), 1);
    io_.restart();
    while (io_.poll_one() != 0) {
    }
  }

  boost::asio::io_context io_;
  Poller poller_{io_, [] {}};
  std::array<int, 2> sockets_{};
};

TEST_F(PollerTest, TellsTheClientOfASocket) {
  CountingClient client;
  ASSERT_TRUE(poller_.Watch(sockets_[0], EPOLLIN | EPOLLET, client));
  Poke();
  EXPECT_EQ(client.told, 1);
  poller_.Forget(sockets_[0], client);
  Poke();
  EXPECT_EQ(client.told, 1);
}

TEST_F(PollerTest, TellsNobodyOfASocketThatIsOpenElsewhereAfterItsClientHasGone) {
  auto gone = std::make_unique<CountingClient>();
  const int socket = dup(sockets_[0]);  // The copy of a process that is being started is the other one.
  ASSERT_TRUE(poller_.Watch(socket, EPOLLIN | EPOLLET, *gone));
  gone.reset();
  close(socket);
  CountingClient next;
  ASSERT_TRUE(poller_.Watch(sockets_[1], EPOLLRDHUP | EPOLLET, next));
  Poke();
  EXPECT_EQ(next.told, 0);
}

}  // namespace
}  // namespace jsd

#include "server/client/dialer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace jsd {
namespace {

namespace asio = boost::asio;
using asio::ip::address;

// A socket on a loopback address, with a port of the kernel's choice unless one is given.
class Local {
 public:
  explicit Local(const char* at, std::uint16_t port = 0) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    name_.sin_family = AF_INET;
    name_.sin_port = htons(port);
    name_.sin_addr.s_addr = htonl(asio::ip::make_address_v4(at).to_uint());
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&name_), sizeof name_), 0);
    socklen_t size = sizeof name_;
    EXPECT_EQ(::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&name_), &size), 0);
  }
  void Listen() { EXPECT_EQ(::listen(socket_.get(), 16), 0); }
  // Whoever connects from now on is neither accepted nor refused: the queue is full.
  void ListenFull() {
    EXPECT_EQ(::listen(socket_.get(), 0), 0);
    for (int i = 0; i < 4; ++i) {
      fillers_.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      static_cast<void>(::connect(fillers_.back().get(), reinterpret_cast<sockaddr*>(&name_), sizeof name_));
    }
  }
  std::uint16_t port() const { return ntohs(name_.sin_port); }

 private:
  UniqueFd socket_;
  sockaddr_in name_{};
  std::vector<UniqueFd> fillers_;
};

class DialerTest : public testing::Test {
 protected:
  // What dialers leave to the loop.
  ~DialerTest() override { RunWhatIsDue(); }

  void RunWhatIsDue() {
    while (io_.poll_one() != 0) {
    }
  }
  Resolver::Answer Addresses(std::initializer_list<const char*> texts) {
    Resolver::Answer answer;
    for (const char* text : texts) answer.addresses.push_back(asio::ip::make_address(text));
    return answer;
  }
  Dialer::Result Dial(
      Resolver::Answer answer, std::uint16_t port,
      const Dialer::MayConnect& may_connect = [](const address&) { return true; }) {
    Resolver resolver(io_, std::chrono::seconds(1), [answer](const std::string&) { return answer; });
    Dialer dialer(io_, poller_, resolver);
    std::optional<Dialer::Result> result;
    dialer.Start({.host = "name.test", .port = port, .unix_path = {}}, may_connect,
                 [&result](Dialer::Result done) { result = std::move(done); });
    EXPECT_FALSE(result) << "called from inside";
    while (!result) io_.run_one();
    return *std::move(result);
  }

  asio::io_context io_;
  // While a name is looked up there is nothing else to wait for.
  asio::executor_work_guard<asio::io_context::executor_type> work_ = asio::make_work_guard(io_);
  Poller poller_{io_, [] {}};
};

TEST_F(DialerTest, TakesTheFirstAddressThatConnects) {
  Local there("127.0.0.2");
  there.Listen();
  const Dialer::Result result = Dial(Addresses({"127.0.0.2", "127.0.0.3"}), there.port());
  EXPECT_TRUE(result.socket.valid());
  EXPECT_EQ(result.address.to_string(), "127.0.0.2");
}

TEST_F(DialerTest, GoesOnWhereAnAddressRefuses) {
  Local there("127.0.0.3");
  there.Listen();
  const Dialer::Result result = Dial(Addresses({"::1", "127.0.0.2", "127.0.0.3"}), there.port());
  EXPECT_TRUE(result.socket.valid());
  EXPECT_EQ(result.address.to_string(), "127.0.0.3");
}

TEST_F(DialerTest, DoesNotWaitForAnAddressThatIsSilent) {
  Local silent("127.0.0.2");
  silent.ListenFull();
  Local there("127.0.0.3", silent.port());
  there.Listen();
  const Dialer::Result result = Dial(Addresses({"127.0.0.2", "127.0.0.3"}), silent.port());
  EXPECT_TRUE(result.socket.valid());
  EXPECT_EQ(result.address.to_string(), "127.0.0.3");
}

TEST_F(DialerTest, SaysWhatWasWrongWithTheLastOne) {
  Local nobody("127.0.0.2");
  const Dialer::Result result = Dial(Addresses({"127.0.0.2", "127.0.0.3"}), nobody.port());
  EXPECT_FALSE(result.socket.valid());
  EXPECT_EQ(result.failure.code, "ECONNREFUSED");
}

TEST_F(DialerTest, ConnectsOnlyToAddressesThatThePermissionsAllow) {
  Local inside("127.0.0.2");
  inside.Listen();
  const auto not_there = [](const address& to) { return to.to_string() != "127.0.0.2"; };
  EXPECT_EQ(Dial(Addresses({"127.0.0.2"}), inside.port(), not_there).failure.code, "EACCES");
  Local outside("127.0.0.3", inside.port());
  outside.Listen();
  const Dialer::Result result = Dial(Addresses({"127.0.0.2", "127.0.0.3"}), inside.port(), not_there);
  EXPECT_EQ(result.address.to_string(), "127.0.0.3");
}

TEST_F(DialerTest, ANameThatIsNotFoundHasTheResolversFailure) {
  const Dialer::Result result = Dial({{}, {"ENOTFOUND", "no such name"}}, 80);
  EXPECT_EQ(result.failure.code, "ENOTFOUND");
}

TEST_F(DialerTest, MayBeGivenUpAtAnyTime) {
  Local silent("127.0.0.2");
  silent.ListenFull();
  for (const int turns : {0, 1, 2, 3}) {
    Resolver resolver(io_, std::chrono::seconds(1), [this](const std::string&) {
      return Addresses({"127.0.0.2", "127.0.0.3"});
    });
    auto dialer = std::make_unique<Dialer>(io_, poller_, resolver);
    dialer->Start(
        {.host = "name.test", .port = silent.port(), .unix_path = {}}, [](const address&) { return true; },
        [](const Dialer::Result&) { FAIL() << "it was given up"; });
    for (int i = 0; i < turns; ++i) io_.run_one_for(std::chrono::milliseconds(20));
    dialer.reset();
    RunWhatIsDue();
  }
}

}  // namespace
}  // namespace jsd

#include "server/listener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace jsd {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

ListenAddress Tcp(const std::string& host, std::uint16_t port = 0) {
  const auto kind = host.find(':') == std::string::npos ? ListenAddress::Kind::kIpv4 : ListenAddress::Kind::kIpv6;
  return ListenAddress{.kind = kind, .host = host, .port = port, .path = {}};
}

ListenAddress Unix(const std::string& path) {
  return ListenAddress{.kind = ListenAddress::Kind::kUnix, .host = {}, .port = 0, .path = path};
}

bool Connects(const ListenAddress& address) {
  UniqueFd client;
  if (address.kind == ListenAddress::Kind::kUnix) {
    client.Reset(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un un{};
    un.sun_family = AF_UNIX;
    address.path.copy(un.sun_path, sizeof(un.sun_path) - 1);
    return ::connect(client.get(), reinterpret_cast<sockaddr*>(&un), sizeof(un)) == 0;
  }
  if (address.kind == ListenAddress::Kind::kIpv6) {
    client.Reset(::socket(AF_INET6, SOCK_STREAM, 0));
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_addr = in6addr_loopback;
    in.sin6_port = htons(address.port);
    return ::connect(client.get(), reinterpret_cast<sockaddr*>(&in), sizeof(in)) == 0;
  }
  client.Reset(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  in.sin_port = htons(address.port);
  return ::connect(client.get(), reinterpret_cast<sockaddr*>(&in), sizeof(in)) == 0;
}

// For the rest of the test program; as root it would be allowed everything.
void DropCapability(int capability) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  ASSERT_EQ(::syscall(SYS_capget, &header, data), 0);
  data[CAP_TO_INDEX(capability)].effective &= ~CAP_TO_MASK(capability);
  ASSERT_EQ(::syscall(SYS_capset, &header, data), 0);
}

class ListenerTest : public testing::Test {
 protected:
  // Short: a unix socket's path has at most 107 bytes.
  ListenerTest() {
    char name[] = "/tmp/jsd_listener_XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  ~ListenerTest() override { fs::remove_all(folder_); }

  std::unique_ptr<Listener> Open(const ListenAddress& address) {
    error_.clear();
    return Listener::Open(address, &error_);
  }

  fs::path folder_;
  std::string error_;
};

TEST_F(ListenerTest, PortZeroIsChosenByTheKernel) {
  const auto listener = Open(Tcp("127.0.0.1"));
  ASSERT_NE(listener, nullptr) << error_;
  EXPECT_NE(listener->address().port, 0);
  EXPECT_TRUE(Connects(listener->address()));
}

TEST_F(ListenerTest, ClosesWithItsOwner) {
  auto listener = Open(Tcp("127.0.0.1"));
  ASSERT_NE(listener, nullptr) << error_;
  const ListenAddress address = listener->address();
  listener.reset();
  EXPECT_FALSE(Connects(address));
}

TEST_F(ListenerTest, Ipv6AndIpv4ShareAPort) {
  const auto v6 = Open(Tcp("::"));
  if (!v6) GTEST_SKIP() << "no IPv6 here: " << error_;
  EXPECT_TRUE(Connects(v6->address()));
  const auto v4 = Open(Tcp("0.0.0.0", v6->address().port));
  ASSERT_NE(v4, nullptr) << error_;
  EXPECT_TRUE(Connects(v4->address()));
}

TEST_F(ListenerTest, APortInUseIsNamed) {
  const auto first = Open(Tcp("127.0.0.1"));
  ASSERT_NE(first, nullptr) << error_;
  EXPECT_EQ(Open(first->address()), nullptr);
  EXPECT_EQ(error_, "cannot listen on " + ToString(first->address()) + ": the port is in use");
}

TEST_F(ListenerTest, AnAddressOfAnotherMachineIsNamed) {
  EXPECT_EQ(Open(Tcp("192.0.2.1", 8080)), nullptr);  // Of the documentation's range, RFC 5737.
  EXPECT_EQ(error_, "cannot listen on 192.0.2.1:8080: this machine has no such address");
}

TEST_F(ListenerTest, APrivilegedPortIsNamed) {
  std::ifstream file("/proc/sys/net/ipv4/ip_unprivileged_port_start");
  int first_unprivileged = 0;
  if (!(file >> first_unprivileged) || first_unprivileged <= 81) GTEST_SKIP() << "no port is privileged here";
  DropCapability(CAP_NET_BIND_SERVICE);
  const auto listener = Open(Tcp("127.0.0.1", 81));
  EXPECT_EQ(listener, nullptr);
  EXPECT_THAT(error_, HasSubstr("cannot listen on 127.0.0.1:81: permission denied"));
}

TEST_F(ListenerTest, AUnixSocketGoesWithItsListener) {
  const ListenAddress address = Unix(folder_ / "s");
  auto listener = Open(address);
  ASSERT_NE(listener, nullptr) << error_;
  EXPECT_TRUE(Connects(address));
  listener.reset();
  EXPECT_FALSE(fs::exists(address.path));
}

TEST_F(ListenerTest, ALeftoverSocketIsReplaced) {
  const ListenAddress address = Unix(folder_ / "s");
  {
    const UniqueFd killed(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un un{};
    un.sun_family = AF_UNIX;
    address.path.copy(un.sun_path, sizeof(un.sun_path) - 1);
    ASSERT_EQ(::bind(killed.get(), reinterpret_cast<sockaddr*>(&un), sizeof(un)), 0);
  }
  ASSERT_TRUE(fs::exists(address.path));
  const auto listener = Open(address);
  ASSERT_NE(listener, nullptr) << error_;
  EXPECT_TRUE(Connects(address));
}

TEST_F(ListenerTest, ASocketThatIsAnsweredIsLeftAlone) {
  const ListenAddress address = Unix(folder_ / "s");
  const auto first = Open(address);
  ASSERT_NE(first, nullptr) << error_;
  EXPECT_EQ(Open(address), nullptr);
  EXPECT_EQ(error_, "cannot listen on unix:" + address.path + ": another process listens there");
  EXPECT_TRUE(Connects(address));
}

TEST_F(ListenerTest, APathThatIsNoSocketIsLeftAlone) {
  const ListenAddress address = Unix(folder_ / "file");
  std::ofstream(address.path) << "precious";
  EXPECT_EQ(Open(address), nullptr);
  EXPECT_THAT(error_, HasSubstr("the path is taken by something that is not a socket"));
  EXPECT_EQ(fs::file_size(address.path), 8u);
}

TEST_F(ListenerTest, AMissingFolderIsNamed) {
  EXPECT_EQ(Open(Unix(folder_ / "missing" / "s")), nullptr);
  EXPECT_THAT(error_, HasSubstr("the folder does not exist"));
}

TEST_F(ListenerTest, TheSocketOfASuccessorStays) {
  const ListenAddress address = Unix(folder_ / "s");
  auto first = Open(address);
  ASSERT_NE(first, nullptr) << error_;
  fs::remove(address.path);
  const auto second = Open(address);
  ASSERT_NE(second, nullptr) << error_;
  first.reset();
  EXPECT_TRUE(Connects(address));
}

}  // namespace
}  // namespace jsd

#include "config/listen_address.h"

#include <gtest/gtest.h>

namespace jsd {
namespace {

using Kind = ListenAddress::Kind;

TEST(ListenAddressTest, EachKindIsRead) {
  EXPECT_EQ(ParseListenAddress("127.0.0.1:8080").value, (ListenAddress{Kind::kIpv4, "127.0.0.1", 8080, ""}));
  EXPECT_EQ(ParseListenAddress("0.0.0.0:0").value, (ListenAddress{Kind::kIpv4, "0.0.0.0", 0, ""}));
  EXPECT_EQ(ParseListenAddress("[::1]:65535").value, (ListenAddress{Kind::kIpv6, "::1", 65535, ""}));
  EXPECT_EQ(ParseListenAddress("unix:run/a:b.sock").value, (ListenAddress{Kind::kUnix, "", 0, "run/a:b.sock"}));
}

TEST(ListenAddressTest, TheTextIsCanonical) {
  for (const char* text : {"127.0.0.1:8080", "[::]:0", "[2001:db8::1]:443", "unix:/run/jsd.sock"}) {
    EXPECT_EQ(ToString(*ParseListenAddress(text).value), text);
  }
  EXPECT_EQ(ToString(*ParseListenAddress("[2001:DB8:0::0:1]:443").value), "[2001:db8::1]:443");
}

TEST(ListenAddressTest, WhatIsNoAddressSaysWhy) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", "the port is missing"},
      {"8080", "the port is missing"},
      {"127.0.0.1", "the port is missing"},
      {":8080", "\"\" is no IP address"},
      {"*:8080", "\"*\" is no IP address"},
      {"localhost:8080", "\"localhost\" is no IP address"},
      {"127.0.0.256:8080", "\"127.0.0.256\" is no IP address"},
      {"127.1:8080", "\"127.1\" is no IP address"},
      {"[127.0.0.1]:8080", "\"127.0.0.1\" is no IPv6 address"},
      {"[]:8080", "\"\" is no IPv6 address"},
      {"[:8080", "\"[\" is no IP address"},
      {"::1:8080", "an IPv6 address stands in brackets"},
      {"[::1]", "an IPv6 address stands in brackets"},
      {"127.0.0.1:", "the port is not a number from 0 to 65535"},
      {"127.0.0.1:65536", "the port is not a number from 0 to 65535"},
      {"127.0.0.1:-1", "the port is not a number from 0 to 65535"},
      {"127.0.0.1:80 ", "the port is not a number from 0 to 65535"},
      {"[::1]:http", "the port is not a number from 0 to 65535"},
      {"unix:", "the path is empty"},
      {std::string_view("unix:a\0b", 8), "the path holds a NUL"},
      {"systemd:", "the name is empty"},
      {"systemd:a:b", "a name has up to 255 visible characters of ASCII, and no colon"},
      {"systemd:a b", "a name has up to 255 visible characters of ASCII, and no colon"},
      {std::string_view("1.2.3.4\0x:80", 12), std::string_view("\"1.2.3.4\0x\" is no IP address", 28)},
  };
  for (const auto& [text, error] : cases) {
    const auto parsed = ParseListenAddress(text);
    EXPECT_FALSE(parsed.value) << text;
    EXPECT_EQ(parsed.error, error) << text;
  }
}

TEST(ListenAddressTest, ANameOfSystemd) {
  const auto parsed = ParseListenAddress("systemd:jsd.socket");
  ASSERT_TRUE(parsed.value) << parsed.error;
  EXPECT_EQ(parsed.value->kind, ListenAddress::Kind::kSystemd);
  EXPECT_EQ(parsed.value->name, "jsd.socket");
  EXPECT_EQ(ToString(*parsed.value), "systemd:jsd.socket");
}

TEST(ListenAddressTest, PermissionsOfFiles) {
  for (const char* const good : {"", "660", "0660", "0777", "000"}) EXPECT_TRUE(ParseFileMode(good).value) << good;
  for (const char* const bad : {"66", "1660", "0x60", "888", "00660", "rw-", "+66"}) {
    EXPECT_FALSE(ParseFileMode(bad).value) << bad;
  }
  for (const char* const good : {"", "me", "me:us", ":us", "1:2", "me:"})
    EXPECT_TRUE(ParseFileOwner(good).value) << good;
  for (const char* const bad : {":", "a:b:c"}) EXPECT_FALSE(ParseFileOwner(bad).value) << bad;
}

TEST(ListenAddressTest, AUnixPathFitsTheKernelsAddress) {
  EXPECT_TRUE(ParseListenAddress("unix:/" + std::string(106, 'a')).value);
  EXPECT_EQ(ParseListenAddress("unix:/" + std::string(107, 'a')).error,
            "the path of a unix socket has at most 107 bytes");
}

}  // namespace
}  // namespace jsd

#include "config/app_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace jsd {
namespace {

AddressBytes Address(std::string_view text) {
  AddressBytes address{};
  EXPECT_TRUE(ParseAddress(text, &address)) << text;
  return address;
}

TEST(AppRulesTest, HostsAreNamesPatternsOrAddresses) {
  EXPECT_EQ(ParseHostPattern("Example.ORG").value, "example.org");
  EXPECT_EQ(ParseHostPattern("*.example.org").value, "*.example.org");
  EXPECT_EQ(ParseHostPattern("127.0.0.1").value, "127.0.0.1");
  EXPECT_EQ(ParseHostPattern("[::1]").value, "[::1]");
  for (const char* wrong : {"", "*", "*.", ".org", "a..b", "example.org:80", "a b", "a.*.b", "[::x]"}) {
    EXPECT_FALSE(ParseHostPattern(wrong).value) << wrong;
  }
}

TEST(AppRulesTest, PathsArePrefixesOfWholeSegments) {
  EXPECT_EQ(ParsePathPrefix("/").value, "/");
  EXPECT_EQ(ParsePathPrefix("/v1/users").value, "/v1/users");
  for (const char* wrong : {"", "v1", "/v1/", "/a b", "/a?b", "/\xC3\xA9"}) {
    EXPECT_FALSE(ParsePathPrefix(wrong).value) << wrong;
  }
}

TEST(AppRulesTest, NamesAreFitForALogLine) {
  EXPECT_EQ(ParseAppName("hello.mjs").value, "hello.mjs");
  EXPECT_FALSE(ParseAppName("a b").value);
  EXPECT_FALSE(ParseAppName(std::string(65, 'a')).value);
  EXPECT_EQ(ParseVariableName("HOME").value, "HOME");
  EXPECT_FALSE(ParseVariableName("A=B").value);
}

TEST(AppRulesTest, NetRulesOfNames) {
  const NetRule name = *ParseNetRule("API.example.org:443").value;
  EXPECT_EQ(name.kind, NetRule::Kind::kName);
  EXPECT_EQ(name.name, "api.example.org");
  EXPECT_EQ(name.port, 443u);
  const NetRule below = *ParseNetRule("*.example.org").value;
  EXPECT_EQ(below.kind, NetRule::Kind::kSubdomains);
  EXPECT_EQ(below.name, ".example.org");
  EXPECT_EQ(below.port, 0u);
  EXPECT_EQ(ParseNetRule("*").value->kind, NetRule::Kind::kAny);
  EXPECT_EQ(ParseNetRule("*:443").value->port, 443u);
  for (const char* wrong : {"", ":80", "a:0", "a:65536", "a:b", "a:", "http://a", "a/b", "*.*", "10.0.0.0/33",
                            "10.0.0.0/", "[::1", "::/129", "10.0.0.0/8:0"}) {
    EXPECT_FALSE(ParseNetRule(wrong).value) << wrong;
  }
}

TEST(AppRulesTest, NetRulesOfAddresses) {
  const NetRule one = *ParseNetRule("192.0.2.1:80").value;
  EXPECT_EQ(one.port, 80u);
  EXPECT_TRUE(one.Covers(Address("192.0.2.1")));
  EXPECT_TRUE(one.Covers(Address("::ffff:192.0.2.1")));
  EXPECT_FALSE(one.Covers(Address("192.0.2.2")));
  const NetRule ten = *ParseNetRule("10.0.0.0/8").value;
  EXPECT_TRUE(ten.Covers(Address("10.255.0.1")));
  EXPECT_FALSE(ten.Covers(Address("11.0.0.1")));
  EXPECT_FALSE(ten.Covers(Address("a00::")));
  EXPECT_EQ(ParseNetRule("10.0.0.0/8:5432").value->port, 5432u);
  const NetRule twelve = *ParseNetRule("172.16.0.0/12").value;
  EXPECT_TRUE(twelve.Covers(Address("172.31.255.255")));
  EXPECT_FALSE(twelve.Covers(Address("172.32.0.0")));
  const NetRule six = *ParseNetRule("[2001:db8::1]:443").value;
  EXPECT_EQ(six.port, 443u);
  EXPECT_TRUE(six.Covers(Address("2001:db8::1")));
  EXPECT_TRUE(ParseNetRule("fd00::/8").value->Covers(Address("fd12::1")));
  EXPECT_TRUE(ParseNetRule("::1").value->Covers(Address("::1")));
}

}  // namespace
}  // namespace jsd

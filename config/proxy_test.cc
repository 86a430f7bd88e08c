#include "config/proxy.h"

#include <gtest/gtest.h>

namespace jsd {
namespace {

TEST(ProxyTest, IsAUrl) {
  const Parsed<Proxy> plain = ParseProxy("http://Proxy.Example");
  ASSERT_TRUE(plain.value) << plain.error;
  EXPECT_EQ(plain.value->host, "proxy.example");
  EXPECT_EQ(plain.value->port, 80);
  EXPECT_EQ(plain.value->credentials, "");
  const Parsed<Proxy> full = ParseProxy("http://us%65r:p%40ss:word@[::1]:3128/");
  ASSERT_TRUE(full.value) << full.error;
  EXPECT_EQ(full.value->host, "[::1]");
  EXPECT_EQ(full.value->port, 3128);
  EXPECT_EQ(full.value->credentials, "user:p@ss:word");
  const Parsed<Proxy> user = ParseProxy("http://user@proxy:1");
  ASSERT_TRUE(user.value) << user.error;
  EXPECT_EQ(user.value->credentials, "user:");
}

TEST(ProxyTest, SaysWhatIsWrong) {
  EXPECT_EQ(ParseProxy("proxy:3128").error, "its scheme is not http");
  EXPECT_EQ(ParseProxy("").error, "it is no URL");
  EXPECT_EQ(ParseProxy("https://proxy:3128").error, "its scheme is not http");
  EXPECT_EQ(ParseProxy("socks5://proxy:3128").error, "its scheme is not http");
  EXPECT_EQ(ParseProxy("http://proxy/path").error, "a proxy's URL has no path");
  EXPECT_EQ(ParseProxy("http://proxy/?x").error, "a proxy's URL has no path");
  EXPECT_EQ(ParseProxy("http://us%3Aer:x@proxy").error, "the user's name has a colon");
  EXPECT_EQ(ParseProxy("http://user:x%0Ay@proxy").error, "the credentials have a control character");
}

}  // namespace
}  // namespace jsd

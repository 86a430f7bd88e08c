#include "server/client/client_route.h"

#include <gtest/gtest.h>

namespace jsd {
namespace {

TEST(ClientRouteTest, WithoutAProxyTheHostItself) {
  const ClientRouter router({});
  const ClientRoute route = router.RouteTo("example.org", 8080, true);
  EXPECT_EQ(route.dial.host, "example.org");
  EXPECT_EQ(route.dial.port, 8080);
  EXPECT_FALSE(route.chosen || route.tunnel);
  EXPECT_EQ(route.absolute_prefix + route.proxy_field, "");
}

TEST(ClientRouteTest, AProxyTakesRequestsOrMakesATunnel) {
  FetchConfig config;
  config.proxy = "http://Aladdin:open%20sesame@proxy.example:3128";
  const ClientRouter router(config);
  const ClientRoute plain = router.RouteTo("example.org", 80, false);
  EXPECT_EQ(plain.dial.host, "proxy.example");
  EXPECT_EQ(plain.dial.port, 3128);
  EXPECT_TRUE(plain.chosen && !plain.tunnel);
  EXPECT_EQ(plain.absolute_prefix, "http://example.org");
  // The example of RFC 7617 section 2.
  EXPECT_EQ(plain.proxy_field, "proxy-authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n");
  EXPECT_EQ(router.RouteTo("[::1]", 81, false).absolute_prefix, "http://[::1]:81");
  const ClientRoute tunnel = router.RouteTo("example.org", 443, true);
  EXPECT_TRUE(tunnel.chosen && tunnel.tunnel);
  EXPECT_EQ(tunnel.absolute_prefix, "");
  EXPECT_EQ(tunnel.proxy_field, plain.proxy_field);
}

TEST(ClientRouteTest, SomeHostsGoWithoutTheProxy) {
  FetchConfig config;
  config.proxy = "http://proxy";
  config.no_proxy = {"direct.example", "*.internal", "10.0.0.0/8", "port.example:81"};
  const ClientRouter router(config);
  for (const char* host : {"direct.example", "a.internal", "10.1.2.3"}) {
    EXPECT_FALSE(router.RouteTo(host, 80, false).chosen) << host;
  }
  EXPECT_FALSE(router.RouteTo("port.example", 81, false).chosen);
  EXPECT_TRUE(router.RouteTo("port.example", 80, false).chosen);
  for (const char* host : {"sub.direct.example", "internal", "11.0.0.1", "example.org"}) {
    EXPECT_TRUE(router.RouteTo(host, 80, false).chosen) << host;
  }
}

TEST(ClientRouteTest, AUnixSocketGoesBeforeTheProxy) {
  FetchConfig config;
  config.proxy = "http://proxy";
  config.unix_sockets = {{"docker", "/run/docker.sock"}};
  const ClientRouter router(config);
  const ClientRoute route = router.RouteTo("docker", 1234, true);
  EXPECT_EQ(route.dial.unix_path, "/run/docker.sock");
  EXPECT_TRUE(route.chosen && !route.tunnel);
  EXPECT_EQ(route.proxy_field, "");
}

}  // namespace
}  // namespace jsd

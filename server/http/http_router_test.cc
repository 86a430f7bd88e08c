#include "server/http/http_router.h"

#include <gtest/gtest.h>

#include <optional>

namespace jsd {
namespace {

class NoSink final : public RequestSink {
 public:
  void Dispatch(std::span<RequestEvent* const>) override {}
  void Cancel(RequestEvent&, std::string_view) override {}
  void Drained(RequestEvent&) override {}
  void BodyArrived(RequestEvent&, std::size_t) override {}
  void DispatchMessages(std::span<const WebSocketEvent>) override {}
};

class HttpRouterTest : public testing::Test {
 protected:
  void Add(std::vector<std::string> hosts, std::string path, std::size_t body = 0) {
    AppConfig app;
    app.hosts = std::move(hosts);
    app.path = std::move(path);
    app.limits.body = body;
    config_.apps.push_back(std::move(app));
  }

  // The number of the app that serves it, -1 for none.
  int Find(std::string_view authority, std::string_view target) {
    if (!router_) router_.emplace(config_, Sinks(config_.apps.size()));
    RequestHead head;
    head.authority = authority;
    head.target = target;
    const HttpApp* const app = router_->Find(head);
    if (app == nullptr) return -1;
    return static_cast<int>(static_cast<NoSink*>(app->sink) - sinks_);
  }

  std::vector<RequestSink*> Sinks(std::size_t count) {
    std::vector<RequestSink*> sinks;
    for (std::size_t i = 0; i < count; ++i) sinks.push_back(&sinks_[i]);
    return sinks;
  }

  Config config_;
  NoSink sinks_[8];
  std::optional<HttpRouter> router_;
};

TEST_F(HttpRouterTest, ASingleAppServesEverything) {
  Add({}, "/");
  EXPECT_EQ(Find("", "*"), 0);
  EXPECT_EQ(Find("a.example:80", "/x?y"), 0);
}

TEST_F(HttpRouterTest, PathsAreWholeSegments) {
  Add({}, "/v1");
  Add({}, "/v1/admin");
  EXPECT_EQ(Find("a", "/v1"), 0);
  EXPECT_EQ(Find("a", "/v1?q=/v1/admin"), 0);
  EXPECT_EQ(Find("a", "/v1/administrator"), 0);
  EXPECT_EQ(Find("a", "/v1/admin/x"), 1);
  EXPECT_EQ(Find("a", "/v10"), -1);
  EXPECT_EQ(Find("a", "/"), -1);
  EXPECT_EQ(Find("a", "*"), -1);
}

TEST_F(HttpRouterTest, TheMostSpecificHostThatMatchesServes) {
  Add({}, "/");
  Add({"*.example"}, "/");
  Add({"*.b.example"}, "/");
  Add({"a.b.example", "[::1]"}, "/only");
  EXPECT_EQ(Find("A.B.Example:8080", "/only/x"), 3);
  EXPECT_EQ(Find("a.b.example", "/"), 2);
  EXPECT_EQ(Find("b.example", "/"), 1);
  EXPECT_EQ(Find("example", "/"), 0);
  EXPECT_EQ(Find("xexample", "/"), 0);
  EXPECT_EQ(Find("[::1]:80", "/only"), 3);
  EXPECT_EQ(Find("[::1]", "/only"), 3);
}

TEST_F(HttpRouterTest, AnotherConfigurationKeepsTheAppsThatItShares) {
  Add({}, "/a", 10);
  Add({}, "/b", 20);
  EXPECT_EQ(Find("", "/a"), 0);
  EXPECT_EQ(router_->limits().body, 20u);
  const HttpApp* const first = &router_->apps()[0];
  config_.apps.pop_back();
  config_.apps[0].path = "/c";
  config_.apps[0].limits.body = 30;
  router_->Set(config_, Sinks(1));
  EXPECT_EQ(Find("", "/a"), -1);
  EXPECT_EQ(Find("", "/b"), -1);
  EXPECT_EQ(Find("", "/c"), 0);
  EXPECT_EQ(first, &router_->apps()[0]);
  EXPECT_EQ(first->limits.body, 30u);
  EXPECT_EQ(router_->limits().body, 30u);
}

}  // namespace
}  // namespace jsd

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "server/http/http_test_server.h"

namespace jsd {
namespace {

using std::chrono::milliseconds;

TEST(HttpSession, AnswersOneRequestAfterTheOther) {
  TestServer server;
  TestClient client(server);
  ASSERT_TRUE(client.Send("GET /a?b=c HTTP/1.1\r\nHost: example.org:80\r\n\r\n"));
  const std::string reply = client.Reply();
  EXPECT_TRUE(reply.starts_with("HTTP/1.1 200 OK\r\nDate: ")) << reply;
  EXPECT_NE(reply.find("\r\nContent-Type: text/plain\r\nContent-Length: 28\r\n\r\n"), std::string::npos) << reply;
  EXPECT_EQ(BodyOf(reply), "GET /a?b=c example.org:80 []");
  ASSERT_TRUE(client.Send("POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"));
  EXPECT_EQ(BodyOf(client.Reply()), "POST /b h [hello]");
  ASSERT_TRUE(client.Send("BREW /pot HTTP/1.1\r\nHost: h\r\nX-A:  one \r\nx-a: two\r\n\r\n"));
  EXPECT_EQ(BodyOf(client.Reply()), "BREW /pot h []");
  const auto& fields = server.sink.requests.back().fields;
  ASSERT_EQ(fields.size(), 3u);
  EXPECT_EQ(fields[1], std::pair(std::string("X-A"), std::string("one")));
  EXPECT_EQ(fields[2], std::pair(std::string("x-a"), std::string("two")));
}

TEST(HttpSession, ServesUnixSockets) {
  TestServer server;
  TestClient client(server, TestClient::Kind::kUnix);
  ASSERT_TRUE(client.Send("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_EQ(BodyOf(client.All()), "GET / localhost []");
}

// Requests that say the same however they are cut.
constexpr std::string_view kWhole =
    "\r\nPOST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
    "PUT http://other/b?c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    "3;name=\"a;b\"\r\nabc\r\n0A\r\n0123456789\r\n0\r\nX-Trailer: t\r\n\r\n"
    "GET http://third?q HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
constexpr std::string_view kWholeAnswers[] = {"POST /a h [hello]", "PUT /b?c other [abc0123456789]",
                                              "GET /?q third []"};

void ExpectWholeAnswers(TestClient& client, std::string_view what) {
  for (const std::string_view answer : kWholeAnswers) EXPECT_EQ(BodyOf(client.Reply()), answer) << what;
  EXPECT_EQ(client.All(), "") << what;
}

TEST(HttpSession, RequestsCutAtEveryByteSayTheSame) {
  for (std::size_t cut = 0; cut <= kWhole.size(); ++cut) {
    TestServer server;
    TestClient client(server);
    ASSERT_TRUE(client.Send(kWhole.substr(0, cut)));
    server.Rest(milliseconds(1));
    client.Send(kWhole.substr(cut));
    ExpectWholeAnswers(client, std::to_string(cut));
  }
}

TEST(HttpSession, RequestsSentAByteAtATimeSayTheSame) {
  TestServer server;
  TestClient client(server);
  for (const char c : kWhole) {
    ASSERT_TRUE(client.Send({&c, 1}));
    server.Turn();
  }
  ExpectWholeAnswers(client, "bytes");
}

TEST(HttpSession, OneReadIsOneBatchAndItsRepliesOneWrite) {
  TestServer server;
  TestClient client(server, TestClient::Kind::kUnix);
  std::string requests;
  for (int i = 0; i < 16; ++i) requests += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
  ASSERT_TRUE(client.Send(requests));
  for (int i = 0; i < 16; ++i) EXPECT_EQ(BodyOf(client.Reply()), "GET /" + std::to_string(i) + " h []");
  EXPECT_EQ(server.sink.batches, std::vector<std::size_t>{16});
}

TEST(HttpSession, PipelinesOfHundredsKeepTheirOrder) {
  TestServer server;
  TestClient client(server);
  std::string requests;
  for (int i = 0; i < 700; ++i) requests += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
  ASSERT_TRUE(client.Send(requests));
  for (int i = 0; i < 700; ++i) ASSERT_EQ(BodyOf(client.Reply()), "GET /" + std::to_string(i) + " h []");
  EXPECT_LE(*std::max_element(server.sink.batches.begin(), server.sink.batches.end()), server.config.limits.pipeline);
}

TEST(HttpSession, NothingAfterABadRequestIsARequest) {
  TestServer server;
  TestClient client(server);
  std::string requests;
  for (int i = 0; i < 200; ++i) {
    requests += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n";
    requests += i == 120 ? "Bad Name: x\r\n\r\n" : "\r\n";
  }
  ASSERT_TRUE(client.Send(requests));
  for (int i = 0; i < 120; ++i) ASSERT_EQ(BodyOf(client.Reply()), "GET /" + std::to_string(i) + " h []");
  const std::string last = client.All();
  EXPECT_EQ(StatusIn(last), 400);
  EXPECT_NE(last.find("Connection: close\r\n"), std::string::npos) << last;
  EXPECT_TRUE(last.ends_with("\r\n\r\nBad Request\n")) << last;
  EXPECT_FALSE(client.reset);
  EXPECT_EQ(server.sink.requests.size(), 120u);
}

TEST(HttpSession, LaterRepliesKeepTheOrderOfTheirRequests) {
  TestServer server;
  server.sink.handler = [&](RequestEvent& event) { server.sink.Hold(event); };
  TestClient client(server);
  ASSERT_TRUE(
      client.Send("GET /1 HTTP/1.1\r\nHost: one\r\n\r\nPOST /2 HTTP/1.1\r\nHost: two\r\nContent-Length: 3\r\n"
                  "\r\nabcGET /3 HTTP/1.1\r\nHost: three\r\n\r\n"));
  ASSERT_TRUE(server.Until([&] { return server.sink.held.size() == 3; }));
  // The input they came in has been used for something else since.
  ASSERT_TRUE(client.Send("GET /4444444444444444444444444444444 HTTP/1.1\r\nHost: four\r\n\r\n"));
  ASSERT_TRUE(server.Until([&] { return server.sink.held.size() == 4; }));
  server.sink.Describe(server.sink.Take("/3"));
  server.sink.Describe(server.sink.Take("/2"));
  server.Rest();
  client.Poll();
  EXPECT_EQ(client.received, "");
  server.sink.Describe(server.sink.Take("/1"));
  EXPECT_EQ(BodyOf(client.Reply()), "GET /1 one []");
  EXPECT_EQ(BodyOf(client.Reply()), "POST /2 two [abc]");
  EXPECT_EQ(BodyOf(client.Reply()), "GET /3 three []");
  server.sink.Describe(server.sink.Take("/4444444444444444444444444444444"));
  EXPECT_EQ(BodyOf(client.Reply()), "GET /4444444444444444444444444444444 four []");
}

TEST(HttpSession, HandlersInFlightAreBounded) {
  Config config = TestServer::DefaultConfig();
  config.limits.pipeline = 4;
  TestServer server(config);
  server.sink.handler = [&](RequestEvent& event) { server.sink.Hold(event); };
  TestClient client(server);
  std::string requests;
  for (int i = 0; i < 10; ++i) requests += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
  ASSERT_TRUE(client.Send(requests));
  server.Rest();
  EXPECT_EQ(server.sink.held.size(), 4u);
  for (int i = 0; i < 10; ++i) {
    const std::string target = "/" + std::to_string(i);
    server.sink.Describe(server.sink.Take(target));
    EXPECT_EQ(BodyOf(client.Reply()), "GET " + target + " h []");
    EXPECT_LE(server.sink.held.size(), 4u);
  }
}

TEST(HttpSession, LargeBodiesArriveWhole) {
  TestServer server;
  server.sink.handler = [&](RequestEvent& event) { FakeSink::ReplyText(event, server.sink.BodyOf(event)); };
  std::string body(1 << 20, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 31 >> 7);
  TestClient client(server);
  ASSERT_TRUE(client.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n"));
  ASSERT_TRUE(client.Send(body));
  EXPECT_TRUE(BodyOf(client.Reply()) == body);
  ASSERT_TRUE(client.Send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"));
  for (std::size_t at = 0; at < body.size(); at += 50'000) {
    const std::string_view chunk = std::string_view(body).substr(at, 50'000);
    char size[24];
    std::snprintf(size, sizeof(size), "%zx\r\n", chunk.size());
    ASSERT_TRUE(client.Send(size) && client.Send(chunk) && client.Send("\r\n"));
  }
  ASSERT_TRUE(client.Send("0\r\n\r\n"));
  EXPECT_TRUE(BodyOf(client.Reply()) == body);
}

TEST(HttpSession, HeadersLargerThanOneReadArriveWhole) {
  TestServer server;
  TestClient client(server);
  const std::string value(30'000, 'v');
  ASSERT_TRUE(client.Send("GET / HTTP/1.1\r\nHost: h\r\nX-Long: " + value + "\r\n\r\n"));
  EXPECT_EQ(StatusIn(client.Reply()), 200);
  EXPECT_EQ(server.sink.requests[0].fields[1].second, value);
  ASSERT_TRUE(client.Send("GET /again HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_EQ(BodyOf(client.Reply()), "GET /again h []");
}

TEST(HttpSession, RepliesWithoutBody) {
  TestServer server;
  server.sink.handler = [](RequestEvent& event) {
    const int status = std::atoi(std::string(event.head().target.substr(1)).c_str());
    char* const room = event.Reply({.status = status, .status_text = {}, .fields = {}}, 3);
    EXPECT_EQ(room == nullptr, status != 200 || event.head().method == "HEAD");
    if (room != nullptr) std::memcpy(room, "abc", 3);
  };
  TestClient client(server);
  const auto ask = [&](std::string_view line) {
    EXPECT_TRUE(client.Send(std::string(line) + " HTTP/1.1\r\nHost: h\r\n\r\n"));
    std::string reply = client.Reply(true);
    const std::size_t date = reply.find("Date: ");
    if (date != std::string::npos) reply.erase(date, 37);
    return reply;
  };
  EXPECT_EQ(ask("HEAD /200"), "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(ask("GET /204"), "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(ask("GET /304"), "HTTP/1.1 304 Not Modified\r\n\r\n");
  EXPECT_EQ(ask("GET /205"), "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(ask("GET /200"), "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(client.received, "abc");
}

TEST(HttpSession, ClosesWhenTheClientWants) {
  struct Case {
    const char* request;
    const char* connection;  // What the reply says.
    bool closed;
  };
  const Case cases[] = {
      {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", "", false},
      {"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "Connection: close\r\n", true},
      {"GET / HTTP/1.1\r\nHost: h\r\nConnection: x-a, CLOSE\r\n\r\n", "Connection: close\r\n", true},
      {"GET / HTTP/1.1\r\nHost: h\r\nConnection: x-a\r\nConnection: close\r\n\r\n", "Connection: close\r\n", true},
      {"GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\n\r\n", "", false},
      {"GET / HTTP/1.7\r\nHost: h\r\n\r\n", "", false},
      {"GET / HTTP/1.0\r\n\r\n", "Connection: close\r\n", true},
      {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "Connection: keep-alive\r\n", false},
      {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", "Connection: close\r\n", true},
  };
  for (const Case& test : cases) {
    TestServer server;
    TestClient client(server);
    ASSERT_TRUE(client.Send(test.request));
    const std::string reply = client.Reply();
    EXPECT_EQ(StatusIn(reply), 200) << test.request;
    const std::size_t at = reply.find("Connection: ");
    const std::string said = at == std::string::npos ? "" : reply.substr(at, reply.find("\r\n", at) + 2 - at);
    EXPECT_EQ(said, test.connection) << test.request;
    server.Rest();
    EXPECT_EQ(client.Poll(), test.closed) << test.request;
    EXPECT_EQ(server.service->connections(), test.closed ? 0u : 1u) << test.request;
  }
}

TEST(HttpSession, TellsWaitingClientsToContinue) {
  TestServer server;
  TestClient client(server);
  ASSERT_TRUE(client.Send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 3\r\n\r\n"));
  EXPECT_EQ(client.Reply(), "HTTP/1.1 100 Continue\r\n\r\n");
  ASSERT_TRUE(client.Send("abc"));
  EXPECT_EQ(BodyOf(client.Reply()), "POST / h [abc]");
  // Its body has come already.
  ASSERT_TRUE(client.Send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc"));
  EXPECT_EQ(BodyOf(client.Reply()), "POST / h [abc]");
  // HTTP/1.0 knows no such thing.
  ASSERT_TRUE(client.Send("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"));
  server.Rest();
  EXPECT_FALSE(client.Poll());
  EXPECT_EQ(client.received, "");
}

TEST(HttpSession, ContinueWaitsForTheRepliesBeforeIt) {
  TestServer server;
  server.sink.handler = [&](RequestEvent& event) { server.sink.Hold(event); };
  TestClient client(server);
  ASSERT_TRUE(
      client.Send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"
                  "POST /2 HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"));
  server.Rest();
  EXPECT_FALSE(client.Poll());
  EXPECT_EQ(client.received, "");
  server.sink.Describe(server.sink.Take("/1"));
  EXPECT_EQ(BodyOf(client.Reply()), "GET /1 h []");
  EXPECT_EQ(client.Reply(), "HTTP/1.1 100 Continue\r\n\r\n");
  ASSERT_TRUE(client.Send("abc"));
  ASSERT_TRUE(server.Until([&] { return !server.sink.held.empty(); }));
  server.sink.Describe(server.sink.Take("/2"));
  EXPECT_EQ(BodyOf(client.Reply()), "POST /2 h [abc]");
}

TEST(HttpSession, TheClientSeesTheAnswerToABodyThatIsTooLarge) {
  TestServer server;
  for (const char* framing : {"Content-Length: 1048577\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n100001\r\n"}) {
    TestClient client(server);
    ASSERT_TRUE(client.Send("POST / HTTP/1.1\r\nHost: h\r\n" + std::string(framing)));
    // It goes on sending for a while, into the server's ears that are deaf already.
    for (int i = 0; i < 16; ++i) {
      ASSERT_TRUE(client.Send(std::string(16 * 1024, 'x')));
      server.Rest(milliseconds(1));
    }
    client.ShutdownSend();
    EXPECT_EQ(StatusIn(client.All()), 413);
    EXPECT_FALSE(client.reset);
  }
  EXPECT_TRUE(server.sink.requests.empty());
}

}  // namespace
}  // namespace jsd

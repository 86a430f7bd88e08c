#include <gtest/gtest.h>

#include <string>

#include "server/http/http_exchange.h"
#include "server/http/http_test_server.h"

namespace jsd {
namespace {

using std::chrono::milliseconds;

ReplyHead Head(std::int64_t declared_length = -1, int status = 200) {
  return {.status = status, .status_text = {}, .fields = {}, .declared_length = declared_length};
}

// A server whose requests are answered by the test, one at a time.
struct HeldServer : TestServer {
  explicit HeldServer(Config settings = DefaultConfig()) : TestServer(std::move(settings)) {
    sink.handler = [this](RequestEvent& event) { sink.Hold(event); };
  }
  RequestEvent& Ask(TestClient& client, std::string_view request) {
    client.Send(request);
    if (!Until([this] { return !sink.held.empty(); })) std::abort();
    RequestEvent& event = *sink.held.front();
    sink.held.erase(sink.held.begin());
    return event;
  }
};

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

TEST(HttpStream, ChunksLeaveWhenTheyCome) {
  HeldServer server;
  TestClient client(server);
  RequestEvent& event = server.Ask(client, kGet);
  event.StartStream(Head());
  const std::string head = client.Reply(true);
  EXPECT_NE(head.find("Transfer-Encoding: chunked\r\n"), std::string::npos) << head;
  EXPECT_EQ(head.find("Content-Length"), std::string::npos) << head;
  EXPECT_TRUE(event.Write("hello"));
  ASSERT_TRUE(client.Receive(10));
  EXPECT_EQ(client.received, "5\r\nhello\r\n");
  EXPECT_TRUE(event.Write(""));
  EXPECT_TRUE(event.Write("0123456789abcdef"));
  event.EndStream(true);
  ASSERT_TRUE(client.Receive(10 + 22 + 5));
  EXPECT_EQ(client.received, "5\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n");
  client.received.clear();
  // The connection goes on.
  server.sink.Describe(server.Ask(client, kGet));
  EXPECT_EQ(BodyOf(client.Reply()), "GET / h []");
}

TEST(HttpStream, ADeclaredLengthIsKept) {
  HeldServer server;
  TestClient client(server);
  RequestEvent& event = server.Ask(client, kGet);
  event.StartStream(Head(6));
  event.Write("abc");
  event.Write("def");
  event.EndStream(true);
  const std::string reply = client.Reply();
  EXPECT_EQ(reply.find("chunked"), std::string::npos) << reply;
  EXPECT_EQ(BodyOf(reply), "abcdef");
  server.sink.Describe(server.Ask(client, kGet));
  EXPECT_EQ(StatusIn(client.Reply()), 200);
}

TEST(HttpStream, ABodyOfAnotherLengthThanDeclaredCutsTheConnection) {
  for (const std::string_view body : {"abc", "abcdefgh"}) {
    HeldServer server;
    TestClient client(server);
    RequestEvent& event = server.Ask(client, kGet);
    client.Send("GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
    ASSERT_TRUE(server.Until([&] { return !server.sink.held.empty(); }));
    event.StartStream(Head(6));
    event.Write(body);
    event.EndStream(true);
    EXPECT_EQ(BodyOf(client.All()), body.substr(0, 6));
    EXPECT_EQ(server.sink.cancelled.size(), 1u);
    EXPECT_TRUE(server.sink.held.empty());
  }
}

TEST(HttpStream, AFailedSourceCutsTheConnection) {
  for (const bool by_fail : {false, true}) {
    HeldServer server;
    TestClient client(server);
    RequestEvent& event = server.Ask(client, kGet);
    event.StartStream(Head());
    event.Write("abc");
    by_fail ? event.Fail(FailReason::kTerminated) : event.EndStream(false);
    EXPECT_EQ(BodyOf(client.All()), "3\r\nabc\r\n");
    EXPECT_EQ(server.service->connections(), 0u);
  }
}

TEST(HttpStream, Http10StreamsEndWithTheConnection) {
  HeldServer server;
  {
    TestClient client(server);
    RequestEvent& event = server.Ask(client, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    event.StartStream(Head());
    event.Write("abc");
    event.Write("def");
    event.EndStream(true);
    const std::string reply = client.All();
    EXPECT_NE(reply.find("Connection: close\r\n"), std::string::npos) << reply;
    EXPECT_EQ(reply.find("Transfer-Encoding"), std::string::npos) << reply;
    EXPECT_EQ(BodyOf(reply), "abcdef");
    EXPECT_FALSE(client.reset);
  }
  // With an orderly end, half of a body would look whole.
  TestClient client(server);
  RequestEvent& event = server.Ask(client, "GET / HTTP/1.0\r\n\r\n");
  event.StartStream(Head());
  event.Write("abc");
  event.EndStream(false);
  client.All();
  EXPECT_TRUE(client.reset);
}

TEST(HttpStream, StreamsWithoutBodySayTheirHeadOnly) {
  HeldServer server;
  TestClient client(server);
  RequestEvent& head = server.Ask(client, "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
  head.StartStream(Head());
  EXPECT_TRUE(head.Write(std::string(1 << 20, 'x')));
  const std::string reply = client.Reply(true);
  EXPECT_NE(reply.find("Transfer-Encoding: chunked\r\n"), std::string::npos) << reply;
  // Its source may have no end: nobody waits for it.
  EXPECT_EQ(server.sink.cancelled.size(), 1u);
  RequestEvent& none = server.Ask(client, kGet);
  none.StartStream(Head(-1, 204));
  none.Write("x");
  none.EndStream(true);
  EXPECT_EQ(client.Reply(true).find("HTTP/1.1 204 No Content\r\nDate: "), 0u);
  server.sink.Describe(server.Ask(client, kGet));
  EXPECT_EQ(BodyOf(client.Reply()), "GET / h []");
}

TEST(HttpStream, ASlowReaderHoldsTheSourceBack) {
  HeldServer server;
  TestClient client(server, TestClient::Kind::kTcp, 16 * 1024);
  RequestEvent& event = server.Ask(client, kGet);
  event.StartStream(Head());
  const std::string chunk(64 * 1024, 'x');
  std::string sent = chunk;
  // The kernel takes some megabytes. After that nothing is drained, however long it is waited for.
  while (event.Write(chunk) || server.Until([&] { return server.sink.drained != 0; }, milliseconds(50))) {
    server.sink.drained = 0;
    server.Turn();
    sent += chunk;
    ASSERT_LT(sent.size(), 32u << 20);
  }
  server.sink.drained = 0;
  ASSERT_TRUE(server.Until([&] {
    client.Poll();
    return server.sink.drained == 1;
  }));
  event.EndStream(true);
  ASSERT_TRUE(server.Until([&] {
    client.Poll();
    return client.received.ends_with("\r\n0\r\n\r\n");
  }));
  EXPECT_TRUE(Dechunk(BodyOf(client.received)) == sent);
}

TEST(HttpStream, StreamsThatWaitForTheirTurnAreBoundedToo) {
  HeldServer server;
  TestClient client(server);
  client.Send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(server.Until([&] { return server.sink.held.size() == 2; }));
  RequestEvent& first = server.sink.Take("/1");
  RequestEvent& second = server.sink.Take("/2");
  second.StartStream(Head());
  const std::string chunk(kStreamHighWater / 2, 'x');
  EXPECT_TRUE(second.Write(chunk));
  EXPECT_FALSE(second.Write(chunk));
  server.Rest();
  EXPECT_EQ(server.sink.drained, 0);
  server.sink.Describe(first);
  EXPECT_EQ(BodyOf(client.Reply()), "GET /1 h []");
  ASSERT_TRUE(server.Until([&] {
    client.Poll();
    return server.sink.drained == 1;
  }));
  second.EndStream(true);
  ASSERT_TRUE(server.Until([&] {
    client.Poll();
    return client.received.ends_with("\r\n0\r\n\r\n");
  }));
  EXPECT_TRUE(Dechunk(BodyOf(client.received)) == chunk + chunk);
}

TEST(HttpStream, LargeRepliesReachASlowReaderWhole) {
  TestServer server;
  std::string body(16 << 20, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 17 >> 9);
  server.sink.handler = [&](RequestEvent& event) { FakeSink::ReplyText(event, body); };
  TestClient client(server, TestClient::Kind::kTcp, 16 * 1024);
  ASSERT_TRUE(client.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
  server.Rest(milliseconds(50));
  EXPECT_TRUE(BodyOf(client.Reply()) == body);
  EXPECT_TRUE(BodyOf(client.All()) == body);
}

TEST(HttpStream, ABodyWithAnOwnerIsSentFromItsPlaceAndLetGo) {
  HeldServer server;
  TestClient client(server, TestClient::Kind::kTcp, 16 * 1024);
  RequestEvent& event = server.Ask(client, kGet);
  auto body = std::make_shared<std::string>(16 << 20, '\0');
  for (std::size_t i = 0; i < body->size(); ++i) (*body)[i] = static_cast<char>(i * 17 >> 9);
  const std::string expected = *body;
  const std::weak_ptr<std::string> seen = body;
  const std::string_view bytes = *body;
  event.ReplyWithOwned(Head(), bytes, std::move(body));
  server.Rest(milliseconds(50));
  EXPECT_FALSE(seen.expired()) << "the client has not read it";
  EXPECT_TRUE(BodyOf(client.Reply()) == expected);
  ASSERT_TRUE(server.Until([&] { return seen.expired(); }));
  // Of a reply without body nothing is kept.
  RequestEvent& head = server.Ask(client, "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
  auto unsent = std::make_shared<std::string>(100'000, 'x');
  const std::weak_ptr<std::string> dropped = unsent;
  const std::string_view unsent_bytes = *unsent;
  head.ReplyWithOwned(Head(), unsent_bytes, std::move(unsent));
  EXPECT_TRUE(dropped.expired());
  EXPECT_NE(client.Reply(true).find("Content-Length: 100000\r\n"), std::string::npos);
}

TEST(HttpStream, AQuickReaderLeavesTurnsToOthers) {
  HeldServer server;
  TestClient client(server);
  RequestEvent& event = server.Ask(client, kGet);
  event.StartStream(Head());
  const std::string chunk(16 * 1024, 'x');
  std::size_t sent = 0;
  for (int turn = 0; turn < 8; ++turn) {
    std::size_t in_turn = 0;
    do {
      in_turn += chunk.size();
      ASSERT_LE(in_turn, kStreamTurn);
      client.Poll();
    } while (event.Write(chunk));
    sent += in_turn;
    ASSERT_TRUE(server.Until([&] {
      client.Poll();
      return server.sink.drained == turn + 1;
    }));
  }
  event.EndStream(true);
  ASSERT_TRUE(server.Until([&] {
    client.Poll();
    return client.received.ends_with("\r\n0\r\n\r\n");
  }));
  EXPECT_TRUE(Dechunk(BodyOf(client.received)) == std::string(sent, 'x'));
}

TEST(HttpStream, AClientThatAsksAndNeverReadsIsNotReadFrom) {
  TestServer server;
  server.sink.remember = false;
  server.sink.handler = [](RequestEvent& event) { FakeSink::ReplyText(event, std::string(64 * 1024, 'x')); };
  TestClient client(server, TestClient::Kind::kTcp, 16 * 1024);
  std::string requests;
  for (int i = 0; i < 10'000; ++i) requests += kGet;
  bool stopped = false;
  for (int i = 0; i < 1000 && !stopped; ++i) stopped = !client.Send(requests);
  EXPECT_TRUE(stopped);
  std::size_t served = 0;
  for (const std::size_t batch : server.sink.batches) served += batch;
  EXPECT_LT(served * 64 * 1024, 64u << 20);
}

// --- A client that has gone

TEST(HttpStream, AResetCancelsWhatIsInFlight) {
  HeldServer server;
  TestClient client(server);
  ASSERT_TRUE(client.Send(std::string(kGet) + std::string(kGet)));
  ASSERT_TRUE(server.Until([&] { return server.sink.held.size() == 2; }));
  // Listeners to the cancellation of one may answer the other.
  server.sink.on_cancel = [&](RequestEvent&) {
    if (!server.sink.held.empty()) server.sink.Describe(server.sink.Take("/"));
  };
  client.Reset();
  EXPECT_TRUE(server.Until([&] { return server.service->connections() == 0; }));
  EXPECT_EQ(server.sink.cancelled, std::vector<std::string>{"The client has closed the connection."});
  EXPECT_TRUE(server.sink.held.empty());
}

TEST(HttpStream, AClientThatHasShutItsSideStillGetsItsReply) {
  HeldServer server;
  TestClient client(server);
  ASSERT_TRUE(client.Send(std::string(kGet) + "GET /2 HTTP/1.1\r\nHost: h\r\n\r\n"));
  client.ShutdownSend();
  ASSERT_TRUE(server.Until([&] { return server.sink.held.size() == 2; }));
  server.Rest(milliseconds(50));
  server.sink.Describe(server.sink.Take("/"));
  EXPECT_EQ(BodyOf(client.Reply()), "GET / h []");
  server.sink.Describe(server.sink.Take("/2"));
  const std::string last = client.All();
  EXPECT_EQ(BodyOf(last), "GET /2 h []");
  EXPECT_NE(last.find("Connection: close\r\n"), std::string::npos) << last;
}

TEST(HttpStream, AClientThatHasClosedIsTakenForGoneAfterAWhile) {
  HeldServer server;
  TestClient client(server);
  server.Ask(client, kGet);
  client.Close();
  EXPECT_TRUE(server.Until([&] { return server.service->connections() == 0; }));
  EXPECT_EQ(server.sink.cancelled.size(), 1u);
}

TEST(HttpStream, AWriteToAClientThatHasGoneCancelsTheStream) {
  HeldServer server;
  TestClient client(server);
  RequestEvent& event = server.Ask(client, kGet);
  event.StartStream(Head());
  client.Close();
  const auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(server.Until([&] {
    if (server.sink.cancelled.empty()) event.Write("x");
    return !server.sink.cancelled.empty();
  }));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
  EXPECT_EQ(server.service->connections(), 0u);
}

TEST(HttpStream, RequestsThatEndInTheMiddleAreBad) {
  for (const char* request : {"GET / HTTP/1.1\r\nHo", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nab",
                              "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"}) {
    TestServer server;
    TestClient client(server);
    ASSERT_TRUE(client.Send(request));
    client.ShutdownSend();
    EXPECT_EQ(StatusIn(client.All()), 400) << request;
    EXPECT_TRUE(server.sink.requests.empty());
  }
}

// --- Time

Config ShortTimeouts() {
  Config config = TestServer::DefaultConfig();
  config.timeouts = {milliseconds(100), milliseconds(100), milliseconds(100), milliseconds(100), milliseconds(100)};
  return config;
}

TEST(HttpTimeouts, ConnectionsAtRestAreClosedSilently) {
  TestServer server(ShortTimeouts());
  TestClient fresh(server);
  TestClient used(server);
  ASSERT_TRUE(used.Send(kGet));
  EXPECT_EQ(StatusIn(used.Reply()), 200);
  EXPECT_EQ(fresh.All(), "");
  EXPECT_EQ(used.All(), "");
  EXPECT_FALSE(fresh.reset || used.reset);
}

TEST(HttpTimeouts, RequestsThatStallAre408) {
  for (const char* request :
       {"G", "GET / HTTP/1.1\r\nHost: h\r\n", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nab",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na"}) {
    TestServer server(ShortTimeouts());
    TestClient client(server);
    ASSERT_TRUE(client.Send(request));
    const std::string reply = client.All();
    EXPECT_EQ(StatusIn(reply), 408) << request;
    EXPECT_NE(reply.find("Connection: close\r\n"), std::string::npos) << reply;
    EXPECT_TRUE(server.sink.requests.empty());
  }
}

TEST(HttpTimeouts, AHeaderMayNotDripForEver) {
  TestServer server(ShortTimeouts());
  TestClient client(server);
  ASSERT_TRUE(client.Send("GET / HTTP/1.1\r\nHost: h\r\nX: "));
  const auto start = std::chrono::steady_clock::now();
  while (!client.Poll() && std::chrono::steady_clock::now() - start < std::chrono::seconds(3)) {
    client.Send("x");
    server.Rest(milliseconds(5));
  }
  EXPECT_EQ(StatusIn(client.received), 408);
}

TEST(HttpTimeouts, ABodyThatComesOnIsWaitedFor) {
  TestServer server(ShortTimeouts());
  TestClient client(server);
  ASSERT_TRUE(client.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n"));
  for (int i = 0; i < 10; ++i) {
    server.Rest(milliseconds(40));
    ASSERT_TRUE(client.Send("x"));
  }
  EXPECT_EQ(BodyOf(client.Reply()), "POST / h [xxxxxxxxxx]");
}

TEST(HttpTimeouts, HandlersThatNeverSettleAre504) {
  Config config = TestServer::DefaultConfig();
  config.limits.request = milliseconds(100);
  HeldServer server(config);
  TestClient client(server);
  ASSERT_TRUE(client.Send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n"));
  ASSERT_TRUE(server.Until([&] { return server.sink.held.size() == 2; }));
  server.sink.Describe(server.sink.Take("/2"));
  const std::string reply = client.Reply();
  EXPECT_EQ(StatusIn(reply), 504);
  EXPECT_EQ(BodyOf(reply), "Gateway Timeout\n");
  EXPECT_EQ(BodyOf(client.Reply()), "GET /2 h []");
  EXPECT_EQ(server.sink.cancelled, std::vector<std::string>{"The request has taken too long."});
  server.sink.Describe(server.Ask(client, kGet));
  EXPECT_EQ(BodyOf(client.Reply()), "GET / h []");
}

TEST(HttpTimeouts, AStreamMayTakeLongerThanARequest) {
  Config config = TestServer::DefaultConfig();
  config.limits.request = milliseconds(50);
  HeldServer server(config);
  TestClient client(server);
  RequestEvent& event = server.Ask(client, kGet);
  event.StartStream(Head(3));
  server.Rest(milliseconds(150));
  event.Write("abc");
  event.EndStream(true);
  EXPECT_EQ(BodyOf(client.Reply()), "abc");
}

TEST(HttpTimeouts, AClientThatDoesNotReadIsCutOff) {
  HeldServer server(ShortTimeouts());
  TestClient client(server, TestClient::Kind::kTcp, 16 * 1024);
  RequestEvent& event = server.Ask(client, kGet);
  event.StartStream(Head());
  event.Write(std::string(16 << 20, 'x'));
  EXPECT_TRUE(server.Until([&] { return server.service->connections() == 0; }));
  EXPECT_EQ(server.sink.cancelled, std::vector<std::string>{"The client does not read the reply."});
}

// --- The end of the service

TEST(HttpStream, ABodyInItsPlaceKeepsTheOrderOfReplies) {
  HeldServer server;
  TestClient client(server);
  std::string body(3 << 20, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>('a' + i * 31 % 26);
  ASSERT_TRUE(client.Send(std::string(kGet) + std::string(kGet) + std::string(kGet)));
  ASSERT_TRUE(server.Until([&] { return server.sink.held.size() == 3; }));
  // The second waits for the first; the third finds the socket full.
  server.sink.held[1]->ReplyWith(Head(), body);
  server.sink.held[0]->ReplyWith(Head(), std::string_view(body).substr(0, 40'000));
  server.sink.held[2]->ReplyWith(Head(), body);
  const std::string copy = std::exchange(body, std::string(body.size(), 'X'));
  EXPECT_TRUE(BodyOf(client.Reply()) == copy.substr(0, 40'000));
  EXPECT_TRUE(BodyOf(client.Reply()) == copy);
  EXPECT_TRUE(BodyOf(client.Reply()) == copy);
}

TEST(HttpDrain, ConnectionsCloseWhenTheyHaveNothingInFlight) {
  HeldServer server;
  TestClient idle(server);
  TestClient busy(server);
  TestClient arriving(server);
  RequestEvent& event = server.Ask(busy, kGet);
  ASSERT_TRUE(arriving.Send("GET /late HTTP/1.1\r\n"));
  server.Rest();
  bool drained = false;
  server.service->Drain([&] { drained = true; }, {});
  EXPECT_EQ(idle.All(), "");
  server.Rest();
  EXPECT_FALSE(drained);
  EXPECT_EQ(server.service->connections(), 2u);
  server.sink.Describe(event);
  const std::string reply = busy.Reply();
  EXPECT_NE(reply.find("Connection: close\r\n"), std::string::npos) << reply;
  EXPECT_EQ(busy.All(), "");
  busy.Close();
  server.sink.Describe(server.Ask(arriving, "Host: h\r\n\r\n"));
  EXPECT_EQ(BodyOf(arriving.Reply()), "GET /late h []");
  EXPECT_EQ(arriving.All(), "");
  arriving.Close();
  EXPECT_TRUE(server.Until([&] { return drained; }));
  EXPECT_EQ(server.service->connections(), 0u);
  TestClient late(server);
  EXPECT_EQ(late.All(), "");
}

TEST(HttpDrain, AServiceAtRestIsDrainedAtOnce) {
  TestServer server;
  int drained = 0;
  server.service->Drain([&] { ++drained; }, {});
  EXPECT_EQ(drained, 0);
  server.Rest();
  EXPECT_EQ(drained, 1);
}

TEST(HttpDrain, CloseAllAnswersAndCountsWhatIsCut) {
  HeldServer server;
  TestClient idle(server);
  TestClient busy(server);
  ASSERT_TRUE(busy.Send(std::string(kGet) + std::string(kGet)));
  ASSERT_TRUE(server.Until([&] { return server.sink.held.size() == 2; }));
  EXPECT_EQ(server.service->CloseAll(), 2u);
  EXPECT_EQ(server.sink.cancelled.size(), 2u);
  EXPECT_EQ(server.service->connections(), 0u);
  const std::string replies = busy.All();
  EXPECT_EQ(StatusIn(replies), 503) << replies;
  const std::size_t second = replies.find("HTTP/1.1 503", 1);
  ASSERT_NE(second, std::string::npos) << replies;
  EXPECT_NE(replies.find("\r\nConnection: close\r\n", second), std::string::npos) << replies;
}

TEST(HttpDrain, AServiceMayGoWhileAsioHoldsItsHandlers) {
  HeldServer server;
  TestClient client(server);
  RequestEvent& event = server.Ask(client, kGet);
  event.StartStream(Head());
  event.Write("abc");
  server.service.reset();
  server.Rest();
  EXPECT_EQ(server.sink.cancelled.size(), 1u);
}

}  // namespace
}  // namespace jsd

// Bodies that arrive while the runtime has their requests already.

#include <gtest/gtest.h>

#include <algorithm>
#include <span>
#include <string>

#include "server/http/http_exchange.h"
#include "server/http/http_test_server.h"

namespace jsd {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kPost5 = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n";
constexpr std::string_view kChunked = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr std::string_view kGet = "GET /next HTTP/1.1\r\nHost: h\r\n\r\n";

std::string Post(std::size_t size, std::string_view fields = "") {
  return "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(size) + "\r\n" + std::string(fields) +
         "\r\n";
}

// A server whose runtime is the test: it is given a request as soon as its header is there, and reads when it wants.
struct PullServer : TestServer {
  explicit PullServer(Config settings = DefaultConfig()) : TestServer(std::move(settings)) {
    sink.on_arriving = [this](RequestEvent& arriving) { event = &arriving; };
    sink.on_body = [this](RequestEvent&, std::size_t size) {
      told = true;
      filled += size;
    };
    sink.on_cancel = [this](RequestEvent&) { event = nullptr; };
  }
  // The request whose header `bytes` end.
  RequestEvent& Ask(TestClient& client, std::string_view bytes) {
    client.Send(bytes);
    if (!Until([this] { return event != nullptr; })) std::abort();
    return *event;
  }
  std::string Take() {
    std::string bytes(event->body_bytes(), '\0');
    bytes.resize(event->ReadBody(std::span(bytes)));
    return bytes;
  }
  // The next piece; empty at the end.
  std::string Read() {
    if (event->body_bytes() == 0 && event->body_state() == BodyState::kArriving) {
      Await();
      if (!Until([this] { return told || event == nullptr; }) || event == nullptr) return "(gone)";
    }
    return Take();
  }
  void Await(std::span<char> room = {}) {
    told = false;
    filled = 0;
    event->AwaitBody(room);
  }

  RequestEvent* event = nullptr;
  bool told = false;
  std::size_t filled = 0;
};

TEST(HttpBody, IsReadAsItComes) {
  PullServer server;
  TestClient client(server);
  RequestEvent& event = server.Ask(client, kPost5);
  EXPECT_EQ(event.body_state(), BodyState::kArriving);
  EXPECT_EQ(event.body_length(), 5);
  client.Send("ab");
  EXPECT_EQ(server.Read(), "ab");
  client.Send("cde");
  EXPECT_EQ(server.Read(), "cde");
  EXPECT_EQ(event.body_state(), BodyState::kArrived);
  EXPECT_EQ(server.Read(), "");
  FakeSink::ReplyText(event, "done");
  EXPECT_EQ(BodyOf(client.Reply()), "done");
  client.Send(kGet);
  EXPECT_EQ(BodyOf(client.Reply()), "GET /next h []");
}

TEST(HttpBody, IsReadChunkByChunk) {
  PullServer server;
  TestClient client(server);
  RequestEvent& event = server.Ask(client, kChunked);
  EXPECT_EQ(event.body_length(), -1);
  client.Send("3\r\nabc\r\n5\r\nde");
  EXPECT_EQ(server.Read(), "abcde");
  client.Send("fgh\r\n0\r\nX-Trailer: 1\r\n\r\n");
  EXPECT_EQ(server.Read(), "fgh");
  EXPECT_EQ(server.Read(), "");
  EXPECT_EQ(event.body_state(), BodyState::kArrived);
  FakeSink::ReplyText(event, "done");
  EXPECT_EQ(BodyOf(client.Reply()), "done");
}

TEST(HttpBody, ComesInOnePieceWhereItIsThereAtOnce) {
  TestServer server;
  server.sink.on_arriving = [](RequestEvent&) { FAIL() << "the body is whole"; };
  TestClient client(server);
  client.Send(std::string(kPost5) + "abcde" + std::string(kChunked) + "2\r\nfg\r\n3\r\nhij\r\n0\r\n\r\n" +
              std::string(kChunked) + "0\r\n\r\n");
  EXPECT_EQ(BodyOf(client.Reply()), "POST / h [abcde]");
  EXPECT_EQ(BodyOf(client.Reply()), "POST / h [fghij]");
  EXPECT_EQ(BodyOf(client.Reply()), "POST / h []");
}

TEST(HttpBody, IsReceivedInTheRoomOfItsReader) {
  for (const bool chunked : {false, true}) {
    PullServer server;
    TestClient client(server);
    server.Ask(client, chunked ? std::string(kChunked) : Post(10));
    std::string room(6, '.');
    server.Await(std::span(room));
    client.Send(chunked ? "4\r\nabcd\r\n" : "abcd");
    server.Rest();
    EXPECT_FALSE(server.told) << "not before it is full";
    client.Send(chunked ? "6\r\nefghij\r\n0\r\n\r\n" : "efghij");
    ASSERT_TRUE(server.Until([&] { return server.told; }));
    EXPECT_EQ(server.filled, 6u);
    EXPECT_EQ(room, "abcdef");
    room.assign(6, '.');
    std::size_t size = server.event->ReadBody(std::span(room));
    if (server.event->body_state() == BodyState::kArriving) {
      server.Await(std::span(room).subspan(size));
      ASSERT_TRUE(server.Until([&] { return server.told; }));
      size += server.filled;
    }
    EXPECT_EQ(room.substr(0, size), "ghij") << "nor later than at the end";
    FakeSink::ReplyText(*server.event, "done");
    EXPECT_EQ(BodyOf(client.Reply()), "done");
  }
}

TEST(HttpBody, IsReadNoFurtherThanTheWindow) {
  for (const bool chunked : {false, true}) {
    PullServer server;
    TestClient client(server, TestClient::Kind::kUnix);
    constexpr std::size_t kSize = 1 << 20;
    RequestEvent& event = server.Ask(client, chunked ? std::string(kChunked) : Post(kSize));
    const std::string body(kSize, 'x');
    EXPECT_FALSE(client.Send(chunked ? "100000\r\n" + body + "\r\n0\r\n\r\n" : body)) << "the client has to wait";
    EXPECT_GE(event.body_bytes(), kBodyWindow);
    EXPECT_LE(event.body_bytes(), 2 * kBodyWindow);
  }
}

TEST(HttpBody, ComesWholeHoweverSlowlyItIsRead) {
  for (const bool chunked : {false, true}) {
    PullServer server;
    server.RunInBackground();
    TestClient client(server, TestClient::Kind::kUnix);
    constexpr std::size_t kSize = 1 << 20;
    std::string body;
    for (std::size_t i = 0; body.size() < kSize; ++i) body += std::to_string(i) + ' ';
    body.resize(kSize);
    std::string read;
    // On the server's thread, which reads whenever it is told.
    const auto pull = [&](RequestEvent& event) {
      for (;;) {
        char buffer[1000];
        const std::size_t size = event.ReadBody(buffer);
        if (size == 0) break;
        read.append(buffer, size);
      }
      if (event.body_state() == BodyState::kArriving) return event.AwaitBody({});
      FakeSink::ReplyText(event, std::to_string(read.size()));
    };
    server.sink.on_arriving = pull;
    server.sink.on_body = [&](RequestEvent& event, std::size_t) { pull(event); };
    ASSERT_TRUE(
        client.Send(chunked ? std::string(kChunked) + "100000\r\n" + body + "\r\n0\r\n\r\n" : Post(kSize) + body));
    EXPECT_EQ(BodyOf(client.Reply()), std::to_string(kSize));
    EXPECT_TRUE(read == body);
  }
}

TEST(HttpBody, ContinueIsSentWhenTheBodyIsRead) {
  PullServer server;
  TestClient client(server);
  RequestEvent& event = server.Ask(client, Post(5, "Expect: 100-continue\r\n"));
  server.Rest();
  client.Poll();
  EXPECT_EQ(client.received, "");
  server.Await();
  ASSERT_TRUE(client.Receive(25));
  EXPECT_EQ(client.received, "HTTP/1.1 100 Continue\r\n\r\n");
  client.received.clear();
  client.Send("abcde");
  ASSERT_TRUE(server.Until([&] { return server.told; }));
  EXPECT_EQ(server.Read(), "abcde");
  FakeSink::ReplyText(event, "done");
  EXPECT_EQ(BodyOf(client.Reply()), "done");
}

TEST(HttpBody, ContinueIsNotSentToAClientThatDidNotWait) {
  PullServer server;
  TestClient client(server);
  RequestEvent& event = server.Ask(client, Post(5, "Expect: 100-continue\r\n") + "ab");
  EXPECT_EQ(server.Read(), "ab");
  server.Await();
  client.Send("cde");
  ASSERT_TRUE(server.Until([&] { return server.told; }));
  server.Take();
  FakeSink::ReplyText(event, "done");
  EXPECT_TRUE(client.Reply().starts_with("HTTP/1.1 200"));
}

TEST(HttpBody, ContinueComesBeforeAReplyThatIsAStream) {
  PullServer server;
  TestClient client(server);
  RequestEvent& event = server.Ask(client, Post(5, "Expect: 100-continue\r\n"));
  event.StartStream({.status = 200, .status_text = {}, .fields = {}});
  EXPECT_EQ(client.Reply(true), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_TRUE(client.Reply(true).starts_with("HTTP/1.1 200 OK\r\n"));
  client.Send("abcde");
  EXPECT_EQ(server.Read(), "abcde");
  event.EndStream(true);
}

TEST(HttpBody, AnAnswerInsteadOfContinueEndsTheConnection) {
  PullServer server;
  TestClient client(server);
  FakeSink::ReplyText(server.Ask(client, Post(5, "Expect: 100-continue\r\n")), "no", 403);
  const std::string reply = client.All();
  EXPECT_EQ(StatusIn(reply), 403);
  EXPECT_NE(reply.find("Connection: close\r\n"), std::string::npos) << reply;
}

TEST(HttpBody, ThatIsNotWantedIsDropped) {
  for (const bool chunked : {false, true}) {
    PullServer server;
    TestClient client(server);
    RequestEvent& event = server.Ask(client, chunked ? std::string(kChunked) : Post(10));
    FakeSink::ReplyText(event, "early");
    const std::string reply = client.Reply();
    EXPECT_EQ(BodyOf(reply), "early");
    EXPECT_EQ(reply.find("Connection:"), std::string::npos) << reply;
    client.Send(chunked ? "5\r\nabcde\r\n5\r\nfgh" : "abcdefgh");
    server.Rest();
    client.Send((chunked ? "ij\r\n0\r\n\r\n" : "ij") + std::string(kGet));
    EXPECT_EQ(BodyOf(client.Reply()), "GET /next h []");
  }
}

TEST(HttpBody, ThatIsNotWantedAndLongEndsTheConnection) {
  {
    PullServer server;
    TestClient client(server);
    FakeSink::ReplyText(server.Ask(client, Post(1 << 20)), "early");
    const std::string reply = client.All();
    EXPECT_EQ(BodyOf(reply), "early");
    EXPECT_NE(reply.find("Connection: close\r\n"), std::string::npos) << reply;
    EXPECT_FALSE(client.reset);
  }
  // Of a chunked one that is known only when it has come.
  PullServer server;
  TestClient client(server);
  FakeSink::ReplyText(server.Ask(client, kChunked), "early");
  const std::string reply = client.Reply();
  EXPECT_EQ(reply.find("Connection:"), std::string::npos) << reply;
  client.Send("80000\r\n" + std::string(0x80000, 'x') + "\r\n0\r\n\r\n" + std::string(kGet));
  EXPECT_EQ(client.All(), "") << "what comes after it is no request";
}

TEST(HttpBody, ThatIsMalformedAfterItsReplyEndsTheConnection) {
  PullServer server;
  TestClient client(server);
  FakeSink::ReplyText(server.Ask(client, kChunked), "early");
  EXPECT_EQ(BodyOf(client.Reply()), "early");
  client.Send("x\r\n\r\n" + std::string(kGet));
  EXPECT_EQ(client.All(), "");
}

TEST(HttpBody, ThatIsMalformedCancelsItsRequest) {
  PullServer server;
  TestClient client(server);
  server.Ask(client, kChunked);
  client.Send("5\r\nabcde\r\n-1\r\n");
  EXPECT_EQ(StatusIn(client.All()), 400);
  EXPECT_EQ(server.sink.cancelled.size(), 1u);
}

TEST(HttpBody, ThatGrowsTooLargeCancelsItsRequest) {
  Config config = TestServer::DefaultConfig();
  config.limits.body = 10;
  PullServer server(config);
  TestClient client(server);
  server.Ask(client, kChunked);
  client.Send("5\r\nabcde\r\n5\r\nabcde\r\n");
  EXPECT_EQ(server.Read(), "abcdeabcde");
  client.Send("1\r\n");
  EXPECT_EQ(StatusIn(client.All()), 413);
  EXPECT_EQ(server.sink.cancelled.size(), 1u);
}

TEST(HttpBody, ThatFailsCutsAReplyThatHasBegun) {
  PullServer server;
  TestClient client(server);
  RequestEvent& event = server.Ask(client, kChunked);
  event.StartStream({.status = 200, .status_text = {}, .fields = {}});
  event.Write("abc");
  client.Send("x\r\n");
  EXPECT_EQ(BodyOf(client.All()), "3\r\nabc\r\n");
  EXPECT_EQ(server.sink.cancelled.size(), 1u);
}

TEST(HttpBody, WhoseClientGoesCancelsItsRequest) {
  for (const bool reset : {false, true}) {
    for (const bool awaited : {false, true}) {
      PullServer server;
      TestClient client(server);
      server.Ask(client, kPost5);
      if (awaited) server.Await();
      client.Send("ab");
      reset ? client.Reset() : client.Close();
      ASSERT_TRUE(server.Until([&] { return server.sink.cancelled.size() == 1; }));
      EXPECT_EQ(server.sink.cancelled[0], "The client has closed the connection.");
    }
  }
}

TEST(HttpBody, IsWaitedForOnlyWhileItIsRead) {
  Config config = TestServer::DefaultConfig();
  config.timeouts.body = milliseconds(50);
  PullServer server(config);
  TestClient client(server);
  server.Ask(client, kPost5);
  server.Rest(milliseconds(300));
  EXPECT_EQ(server.sink.cancelled.size(), 0u) << "nobody waits for it";
  client.Send("ab");
  EXPECT_EQ(server.Read(), "ab");
  server.Rest(milliseconds(300));
  EXPECT_EQ(server.sink.cancelled.size(), 0u) << "the script has what came, and takes its time";
  server.Await();
  EXPECT_EQ(StatusIn(client.All()), 408);
  EXPECT_EQ(server.sink.cancelled.size(), 1u);
}

TEST(HttpBody, TheTimeThatItTakesIsNotTheHandlers) {
  Config config = TestServer::DefaultConfig();
  config.limits.request = milliseconds(100);
  PullServer server(config);
  TestClient client(server);
  server.Ask(client, kPost5);
  server.Await();
  server.Rest(milliseconds(400));
  EXPECT_EQ(server.sink.cancelled.size(), 0u);
  client.Send("abcde");
  ASSERT_TRUE(server.Until([&] { return server.told; }));
  EXPECT_EQ(StatusIn(client.Reply()), 504);
}

TEST(HttpBody, RequestsBehindItWaitForItsEnd) {
  PullServer server;
  TestClient client(server);
  RequestEvent& event = server.Ask(client, kPost5);
  client.Send("abcde" + std::string(kGet));
  EXPECT_EQ(server.Read(), "abcde");
  ASSERT_TRUE(server.Until([&] { return !server.sink.requests.empty(); }));
  EXPECT_EQ(server.sink.requests[0].target, "/next");
  client.Poll();
  EXPECT_EQ(client.received, "") << "replies keep their order";
  FakeSink::ReplyText(event, "first");
  EXPECT_EQ(BodyOf(client.Reply()), "first");
  EXPECT_EQ(BodyOf(client.Reply()), "GET /next h []");
}

TEST(HttpBody, OfARequestThatIsAnsweredWhileItIsAwaited) {
  PullServer server;
  TestClient client(server);
  RequestEvent& event = server.Ask(client, Post(5));
  std::string room(5, '.');
  server.Await(std::span(room));
  FakeSink::ReplyText(event, "early");
  EXPECT_EQ(BodyOf(client.Reply()), "early");
  client.Send("abcde" + std::string(kGet));
  EXPECT_EQ(BodyOf(client.Reply()), "GET /next h []");
  EXPECT_EQ(room, ".....") << "what was lent is not written to any more";
  EXPECT_FALSE(server.told);
}

}  // namespace
}  // namespace jsd

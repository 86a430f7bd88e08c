// Counts what the server takes from the heap: nothing for a request once it is warm, little for a connection at rest.

#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/resource.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "server/http/http_test_server.h"

namespace {

std::atomic<std::size_t> allocations = 0;
std::atomic<std::size_t> bytes_in_use = 0;

void* Allocate(std::size_t size) {
  void* const memory = std::malloc(size);
  if (memory == nullptr) std::abort();
  ++allocations;
  bytes_in_use += malloc_usable_size(memory);
  return memory;
}

void Free(void* memory) {
  bytes_in_use -= malloc_usable_size(memory);
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) { return Allocate(size); }
void* operator new[](std::size_t size) { return Allocate(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return Allocate(size); }
void operator delete(void* memory) noexcept { Free(memory); }
void operator delete[](void* memory) noexcept { Free(memory); }
void operator delete(void* memory, std::size_t) noexcept { Free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { Free(memory); }

// What Asio takes memory for its operations with.
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) {
  ++allocations;
  return memalign(alignment, size);
}

namespace jsd {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kGet = "GET /path?query HTTP/1.1\r\nHost: h\r\nAccept: */*\r\nX-Other: something\r\n\r\n";
constexpr std::string_view kPost = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";
constexpr std::string_view kChunked =
    "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";

// Sends `rounds` times what each client sends in a round, and returns what that took from the heap.
std::size_t CountRounds(TestServer& server, std::vector<std::unique_ptr<TestClient>>& clients, std::string_view bytes,
                        std::size_t reply_size, int rounds) {
  for (const auto& client : clients) client->received.reserve(reply_size);
  const std::size_t before = allocations;
  for (int round = 0; round < rounds; ++round) {
    for (const auto& client : clients) EXPECT_TRUE(client->Send(bytes));
    for (const auto& client : clients) {
      EXPECT_TRUE(client->Receive(reply_size));
      client->received.clear();
    }
  }
  return allocations - before;
}

TEST(HttpAllocation, RequestsTakeNothingOnceWarm) {
  struct Case {
    const char* name;
    std::string bytes;
    bool later;  // The replies come in a later turn of the loop.
  };
  std::string pipeline;
  for (int i = 0; i < 16; ++i) pipeline += kGet;
  const Case cases[] = {{"one", std::string(kGet), false},        {"pipelined", pipeline, false},
                        {"body", std::string(kPost), false},      {"chunked", std::string(kChunked), false},
                        {"later", std::string(kGet), true},       {"pipelined, later", pipeline, true},
                        {"body, later", std::string(kPost), true}};
  for (const Case& test : cases) {
    TestServer server;
    server.sink.remember = false;
    server.sink.batches.reserve(100'000);
    server.sink.held.reserve(1000);
    // Held requests are answered in a later turn of the loop, the last of them first.
    const auto answer = [&] {
      while (!server.sink.held.empty()) {
        RequestEvent* const event = server.sink.held.back();
        server.sink.held.pop_back();
        FakeSink::ReplyText(*event, "Hello");
      }
    };
    server.sink.handler = [&](RequestEvent& event) {
      if (!test.later) return FakeSink::ReplyText(event, "Hello");
      if (server.sink.held.empty()) boost::asio::post(server.io, [&answer] { answer(); });
      server.sink.Hold(event);
    };
    std::vector<std::unique_ptr<TestClient>> clients;
    for (int i = 0; i < 8; ++i) clients.push_back(std::make_unique<TestClient>(server));
    // Asio keeps the memory of its operations for as long as its loop runs.
    server.RunInBackground();
    clients[0]->Send(test.bytes);
    ASSERT_TRUE(clients[0]->Receive(1));
    server.Rest(milliseconds(200));
    clients[0]->Poll();
    const std::size_t reply_size = clients[0]->received.size();
    ASSERT_GT(reply_size, 50u);
    clients[0]->received.clear();
    // How many requests are under way at a time is up to the threads: it takes some rounds until their peak has been.
    std::size_t taken = 1;
    for (int i = 0; i < 20 && taken != 0; ++i) taken = CountRounds(server, clients, test.bytes, reply_size, 50);
    EXPECT_EQ(taken, 0u) << test.name;
  }
}

TEST(HttpAllocation, ConnectionsAtRestKeepNoBuffers) {
  Config config = TestServer::DefaultConfig();
  config.timeouts.header = milliseconds(100);  // Deadlines are looked at more often.
  TestServer server(config);
  server.sink.remember = false;
  std::vector<std::unique_ptr<TestClient>> clients;
  constexpr std::size_t kClients = 1000;
  rlimit files;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &files), 0);
  files.rlim_cur = files.rlim_max;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
  clients.reserve(kClients);
  const std::size_t before = bytes_in_use;
  for (std::size_t i = 0; i < kClients; ++i) {
    clients.push_back(std::make_unique<TestClient>(server));
    ASSERT_TRUE(clients.back()->Send(kGet));
    ASSERT_EQ(StatusIn(clients.back()->Reply()), 200);
    clients.back()->received.shrink_to_fit();
  }
  server.Rest(milliseconds(100));
  // The pool keeps some megabytes of what they have given up, for all of them together.
  constexpr std::size_t kPool = 4u << 20;
  EXPECT_LT(bytes_in_use - before, kPool + kClients * 2 * 1024);
  // What they gave up serves others, and they are served as before.
  const std::size_t blocks = allocations;
  for (const auto& client : clients) {
    ASSERT_TRUE(client->Send(kPost));
    ASSERT_EQ(StatusIn(client->Reply()), 200);
  }
  EXPECT_LT(allocations - blocks, kClients * 10u);
}

}  // namespace
}  // namespace jsd

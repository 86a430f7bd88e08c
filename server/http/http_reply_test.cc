#include "server/http/http_reply.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <string>

#include "server/http/http_buffer.h"

namespace jsd {
namespace {

constexpr std::string_view kDate = "Date: now\r\n";

std::string Written(const ReplyHead& head, const ReplyFraming& framing = {}) {
  std::string text(MaxHeadSize(head), '\0');
  text.resize(static_cast<std::size_t>(WriteHead(text.data(), head, framing, kDate) - text.data()));
  return text;
}

TEST(HttpReply, StatusLines) {
  EXPECT_EQ(Written({.status = 404, .status_text = {}, .fields = {}}), "HTTP/1.1 404 Not Found\r\nDate: now\r\n\r\n");
  EXPECT_EQ(Written({.status = 404, .status_text = "Nowhere", .fields = {}}),
            "HTTP/1.1 404 Nowhere\r\nDate: now\r\n\r\n");
  EXPECT_EQ(Written({.status = 404, .status_text = "Not Found", .fields = {}}),
            "HTTP/1.1 404 Not Found\r\nDate: now\r\n\r\n");
  EXPECT_EQ(Written({.status = 299, .status_text = {}, .fields = {}}), "HTTP/1.1 299 Unknown\r\nDate: now\r\n\r\n");
  EXPECT_EQ(Written({.status = 599, .status_text = "x", .fields = {}}), "HTTP/1.1 599 x\r\nDate: now\r\n\r\n");
}

TEST(HttpReply, Framing) {
  const ReplyHead head{.status = 200, .status_text = {}, .fields = "A: b\r\n"};
  EXPECT_EQ(Written(head, {Framing::kLength, 18446744073709551615u, ConnectionOption::kKeepAlive}),
            "HTTP/1.1 200 OK\r\nDate: now\r\nA: b\r\nContent-Length: 18446744073709551615\r\n"
            "Connection: keep-alive\r\n\r\n");
  EXPECT_EQ(Written(head, {Framing::kChunked, 0, ConnectionOption::kClose}),
            "HTTP/1.1 200 OK\r\nDate: now\r\nA: b\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
}

TEST(HttpReply, AScriptsOwnDateIsKept) {
  for (const std::string_view fields : {"Date: then\r\n", "A: b\r\ndATE: then\r\nC: d\r\n"}) {
    const std::string text = Written({.status = 200, .status_text = {}, .fields = fields});
    EXPECT_EQ(text, "HTTP/1.1 200 OK\r\n" + std::string(fields) + "\r\n");
  }
  for (const std::string_view fields : {"X-Date: then\r\n", "A: date:\r\n", "Dates: 1\r\n", "Dat: 1\r\n"}) {
    EXPECT_NE(Written({.status = 200, .status_text = {}, .fields = fields}).find(kDate), std::string::npos) << fields;
  }
}

TEST(HttpReply, DateIsNow) {
  DateLine date;
  const std::time_t before = std::time(nullptr) - 1;
  const std::string line(date.Get());
  std::tm parsed{};
  const char* const end = strptime(line.c_str(), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parsed);
  ASSERT_NE(end, nullptr) << line;
  EXPECT_EQ(*end, '\0');
  const std::time_t said = timegm(&parsed);
  EXPECT_GE(said, before);
  EXPECT_LE(said, std::time(nullptr));
}

TEST(HttpReply, GenericBodies) {
  EXPECT_EQ(GenericBody(500), "Internal Server Error\n");
  EXPECT_EQ(GenericBody(431), "Request Header Fields Too Large\n");
  EXPECT_EQ(StatusOf(FailReason::kHandlerError), 500);
  EXPECT_EQ(StatusOf(FailReason::kTimedOut), 504);
  EXPECT_EQ(StatusOf(FailReason::kTerminated), 503);
  EXPECT_EQ(StatusOf(FailReason::kShuttingDown), 503);
}

TEST(HttpReply, ChunkSizes) {
  char line[kMaxChunkSizeLine];
  EXPECT_EQ(std::string(line, WriteChunkSize(line, 0x1f4)), "1f4\r\n");
  EXPECT_EQ(std::string(line, WriteChunkSize(line, SIZE_MAX)), "ffffffffffffffff\r\n");
}

std::string Content(const OutputQueue& queue) {
  iovec buffers[64];
  std::string text;
  for (std::size_t i = 0, count = queue.Gather(buffers); i < count; ++i) {
    text.append(static_cast<const char*>(buffers[i].iov_base), buffers[i].iov_len);
  }
  return text;
}

TEST(HttpBuffer, WhatIsQueuedComesOutInOrder) {
  BlockPool pool;
  OutputQueue queue(pool);
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    const std::string piece(static_cast<std::size_t>(i * 37), static_cast<char>('a' + i % 26));
    queue.Append(piece);
    expected += piece;
    if (i % 10 == 0) {
      char* const room = queue.Prepare(40'000);
      std::fill_n(room, 30'000, '-');
      queue.Commit(30'000);
      expected.append(30'000, '-');
    }
  }
  EXPECT_TRUE(Content(queue) == expected);
  EXPECT_EQ(queue.bytes(), expected.size());
  for (std::size_t size = 1; !queue.empty(); size = std::min(size * 3, queue.bytes())) {
    queue.Consume(size);
    expected.erase(0, size);
    ASSERT_TRUE(Content(queue) == expected);
  }
}

TEST(HttpBuffer, SplicingMovesNoByte) {
  BlockPool pool;
  OutputQueue first(pool);
  OutputQueue second(pool);
  first.Append("one ");
  char* const room = second.Prepare(3);
  second.Commit(3);
  first.Splice(second);
  EXPECT_TRUE(second.empty());
  std::copy_n("two", 3, room);
  first.Append(" three");
  second.Append("again");
  EXPECT_EQ(Content(first), "one two three");
  EXPECT_EQ(Content(second), "again");
}

TEST(HttpBuffer, WhatIsOwnedStaysWhereItIsUntilItIsConsumed) {
  BlockPool pool;
  OutputQueue queue(pool), other(pool);
  auto text = std::make_shared<std::string>("owned");
  const std::weak_ptr<std::string> seen = text;
  queue.Append("before ");
  const std::string_view bytes = *text;
  other.AppendOwned(bytes, std::move(text));
  other.Append(" after");
  queue.Splice(other);
  EXPECT_EQ(Content(queue), "before owned after");
  iovec buffers[3];
  ASSERT_EQ(queue.Gather(buffers), 3u);
  EXPECT_EQ(buffers[1].iov_base, bytes.data());
  queue.Consume(11);
  EXPECT_EQ(Content(queue), "d after");
  EXPECT_FALSE(seen.expired());
  queue.Consume(1);
  EXPECT_TRUE(seen.expired());
  EXPECT_EQ(Content(queue), " after");
}

TEST(HttpBuffer, BlocksAreUsedAgain) {
  BlockPool pool;
  Block* const small = pool.Acquire();
  Block* const large = pool.Acquire(100'000);
  EXPECT_GE(large->capacity, 100'000u);
  pool.Release(small);
  pool.Release(large);
  EXPECT_EQ(pool.Acquire(90'000), large);
  EXPECT_EQ(pool.Acquire(1), small);
  pool.Release(small);
  pool.Release(large);
}

}  // namespace
}  // namespace jsd

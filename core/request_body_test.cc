#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "core/js_runtime.h"
#include "core/testing.h"

// Request bodies that come while their handlers run: bootstrap/incoming_body.js and core/ops/request_body.cc.

namespace jsd {
namespace {

using testing_support::ScriptFolder;
using testing_support::TestHost;

// An event whose body comes when the test says so.
class ArrivingEvent final : public RequestEvent {
 public:
  explicit ArrivingEvent(std::string target = "/", std::int64_t length = -1)
      : target_(std::move(target)), length_(length) {
    body_state_ = BodyState::kArriving;
    head_ = {.method = "POST",
             .scheme = "http",
             .authority = "localhost",
             .target = target_,
             .remote_address = "",
             .fields = {}};
  }

  const RequestHead& head() const override { return head_; }
  std::string_view body() const override { return {}; }
  std::int64_t body_length() const override { return length_; }
  std::size_t body_bytes() const override { return queue.size(); }
  std::size_t ReadBody(std::span<char> room) override {
    const std::size_t size = queue.copy(room.data(), room.size());
    queue.erase(0, size);
    return size;
  }
  void AwaitBody(std::span<char> room) override {
    EXPECT_TRUE(queue.empty() && body_state_ == BodyState::kArriving);
    awaited = true;
    room_ = room;
  }
  char* Reply(const ReplyHead& head, std::size_t body_size) override {
    status = head.status;
    reply.resize(body_size);
    return reply.data();
  }
  void StartStream(const ReplyHead& head) override { status = head.status; }
  bool Write(std::string_view chunk) override {
    reply += chunk;
    ++chunks;
    return true;
  }
  void EndStream(bool complete) override { stream_complete = complete; }
  void Fail(FailReason reason) override { failed = reason; }

  // Bytes come, perhaps the last ones.
  void Send(JsRuntime& runtime, std::string_view bytes, bool last = false) {
    const std::size_t direct = bytes.copy(room_.data(), room_.size());
    room_ = room_.subspan(direct);
    queue.append(bytes.substr(direct));
    filled_ += direct;
    if (last) body_state_ = BodyState::kArrived;
    if (!awaited || !(last || !queue.empty() || (direct != 0 && room_.empty()))) return;
    awaited = false;
    room_ = {};
    runtime.BodyArrived(*this, std::exchange(filled_, 0));
  }

  std::string queue, reply;
  bool awaited = false;
  int status = 0, chunks = 0;
  std::optional<bool> stream_complete;
  std::optional<FailReason> failed;

 private:
  const std::string target_;
  const std::int64_t length_;
  RequestHead head_;
  std::span<char> room_;
  std::size_t filled_ = 0;
};

class ArrivingBodyTest : public testing::Test {
 protected:
  void Load(std::string_view source, std::size_t buffer_limit = 64 << 20) {
    RuntimeOptions options{.host = &host_, .use_snapshot = true, .env = {}};
    options.buffer_limit = buffer_limit;
    runtime_ = JsRuntime::Create(options);
    runtime_->LoadApp(folder_.Write("app.mjs", source),
                      [](std::optional<ScriptError> error) { ASSERT_FALSE(error) << error->report; });
    host_.Run(*runtime_);
  }
  void LoadHandler(const std::string& body) { Load("export default { async fetch(request) { " + body + " } }"); }
  void Dispatch(ArrivingEvent& event) {
    RequestEvent* const batch[] = {&event};
    runtime_->Dispatch(batch);
  }

  ScriptFolder folder_;
  TestHost host_;
  std::unique_ptr<JsRuntime> runtime_;
};

TEST_F(ArrivingBodyTest, IsGathered) {
  LoadHandler("const text = await request.text(); return new Response(text + request.bodyUsed)");
  for (const std::int64_t length : {-1, 9}) {
    ArrivingEvent event("/", length);
    Dispatch(event);
    EXPECT_TRUE(event.awaited);
    event.Send(*runtime_, "gr\xC3");
    event.Send(*runtime_, "\xBC");
    EXPECT_EQ(event.status, 0);
    event.Send(*runtime_,
               "\xC3\x9F"
               "end",
               true);
    EXPECT_EQ(event.reply,
              "gr\xC3\xBC\xC3\x9F"
              "endtrue");
  }
}

TEST_F(ArrivingBodyTest, IsGatheredHoweverLargeItIs) {
  LoadHandler(
      "const bytes = await request.bytes(); return new Response(`${bytes.length} ${bytes.buffer.byteLength} "
      "${bytes[bytes.length - 1]}`)");
  constexpr std::size_t kSize = 3'000'000;
  for (const std::int64_t length : {std::int64_t{-1}, static_cast<std::int64_t>(kSize)}) {
    ArrivingEvent event("/", length);
    Dispatch(event);
    for (std::size_t sent = 0; sent < kSize; sent += 50'000) {
      event.Send(*runtime_, std::string(50'000, 'a'), sent + 50'000 == kSize);
    }
    EXPECT_EQ(event.reply, "3000000 3000000 97");
  }
}

TEST_F(ArrivingBodyTest, TooLargeForMemoryIsAnErrorOfTheReader) {
  Load(R"(export default { async fetch(request) {
    return new Response(await request.arrayBuffer().catch((error) => error.name));
  } })",
       1 << 20);
  ArrivingEvent event("/", 10 << 20);
  Dispatch(event);
  for (int i = 0; i < 40 && event.status == 0; ++i) event.Send(*runtime_, std::string(64 << 10, 'a'));
  EXPECT_EQ(event.reply, "RangeError");
}

TEST_F(ArrivingBodyTest, IsAStreamOfWhatComes) {
  LoadHandler(R"(const seen = [];
    for await (const chunk of request.body) seen.push(new TextDecoder().decode(chunk));
    return new Response(seen.join('|')))");
  ArrivingEvent event;
  Dispatch(event);
  event.Send(*runtime_, "abc");
  event.Send(*runtime_, "de");
  EXPECT_EQ(event.status, 0);
  event.Send(*runtime_, "", true);
  EXPECT_EQ(event.reply, "abc|de");
}

TEST_F(ArrivingBodyTest, IsPulledOnlyWhenItIsRead) {
  LoadHandler(R"(const reader = request.body.getReader();
    await new Promise(() => {});
    return new Response((await reader.read()).value))");
  ArrivingEvent event;
  Dispatch(event);
  EXPECT_FALSE(event.awaited);
  runtime_->Cancel(event, "over");
}

TEST_F(ArrivingBodyTest, IsEchoed) {
  Load(R"(const ways = {
    '/stream': (request) => new Response(request.body),
    '/pipe': (request) => new Response(request.body.pipeThrough(new TransformStream())),
    '/pipeTo': (request) => {
      const { readable, writable } = new TransformStream();
      request.body.pipeTo(writable);
      return new Response(readable);
    },
    '/request': (request) => new Response(new Request(request).body),
    '/tee': async (request) => {
      const [left, right] = request.body.tee();
      const [text, response] = [new Response(left).text(), new Response(right)];
      await text;
      return response;
    },
    '/clone': async (request) => {
      const copy = request.clone();
      return new Response((await Promise.all([copy.text(), request.text()]))[0]);
    },
    '/byob': async (request) => {
      const reader = request.body.getReader({ mode: 'byob' });
      let text = '';
      for (;;) {
        const { value, done } = await reader.read(new Uint8Array(2));
        if (done) return new Response(text);
        text += new TextDecoder().decode(value);
      }
    },
  };
  export default { fetch: (request) => ways[new URL(request.url).pathname](request) })");
  for (const char* way : {"/stream", "/pipe", "/pipeTo", "/request", "/tee", "/clone", "/byob"}) {
    ArrivingEvent event(way);
    Dispatch(event);
    event.Send(*runtime_, "Hello,");
    event.Send(*runtime_, " World");
    event.Send(*runtime_, "!", true);
    EXPECT_EQ(event.reply, "Hello, World!") << way;
    EXPECT_FALSE(event.failed) << way;
  }
  EXPECT_THAT(host_.errors, testing::IsEmpty());
}

TEST_F(ArrivingBodyTest, WhoseClientGoesFailsItsReaders) {
  Load(R"(const ways = {
    '/gather': (request) => request.text(),
    '/read': (request) => request.body.getReader().read(),
    '/closed': (request) => request.body.getReader().closed,
    '/later': async (request) => {
      const { body, signal } = request;
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      return body.getReader().read();
    },
  };
  export default { async fetch(request) {
    try {
      await ways[new URL(request.url).pathname](request);
      console.log('read');
    } catch (error) {
      console.log(`${error.name} ${request.signal.aborted} ${request.signal.reason === error}`);
    }
  } })");
  for (const char* way : {"/gather", "/read", "/closed", "/later"}) {
    ArrivingEvent event(way);
    Dispatch(event);
    event.Send(*runtime_, "a");
    if (std::string_view(way) == "/read") continue;
    runtime_->Cancel(event, "gone");
  }
  EXPECT_THAT(host_.console,
              testing::ElementsAre("AbortError true true", "read", "AbortError true true", "AbortError true true"));
}

TEST_F(ArrivingBodyTest, IsGoneWhenTheRequestHasBeenAnswered) {
  Load(R"(export default { fetch(request) {
    const { body } = request;
    const reader = body.getReader();
    reader.read().catch((error) => console.log(error.message));
    return new Response('early');
  } })");
  ArrivingEvent event;
  Dispatch(event);
  EXPECT_EQ(event.reply, "early");
  EXPECT_THAT(host_.console, testing::ElementsAre(testing::HasSubstr("was not read before the request ended")));
}

}  // namespace
}  // namespace jsd

// Counts what a runtime takes from the heap for requests once it is warm: nothing for each. V8 takes a block whenever
// its isolate is entered, which is once for a batch, and its garbage collector takes some now and then.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/js_runtime.h"
#include "core/testing.h"

namespace {

// V8's other threads take memory for themselves.
thread_local std::size_t allocations = 0;

void* Allocate(std::size_t size) {
  void* const memory = std::malloc(size);
  if (memory == nullptr) std::abort();
  ++allocations;
  return memory;
}

}  // namespace

void* operator new(std::size_t size) { return Allocate(size); }
void* operator new[](std::size_t size) { return Allocate(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return Allocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return Allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace jsd {
namespace {

using testing_support::ScriptFolder;
using testing_support::TestHost;

constexpr HeaderField kFields[] = {{"Host", "h"}, {"Accept", "*/*"}, {"X-Other", "something"}};

// A request that takes nothing from the heap itself.
class QuietEvent final : public RequestEvent {
 public:
  explicit QuietEvent(std::string_view method, std::string_view body) : body_(body) {
    head_ = {.method = method,
             .scheme = "http",
             .authority = "h",
             .target = "/path?query",
             .remote_address = "::1",
             .fields = kFields};
    body_state_ = body.empty() ? BodyState::kNone : BodyState::kWhole;
  }

  const RequestHead& head() const override { return head_; }
  std::string_view body() const override { return body_; }
  char* Reply(const ReplyHead& head, std::size_t body_size) override {
    answered = head.status == 200 && body_size <= sizeof(room_);
    return room_;
  }
  void StartStream(const ReplyHead&) override { std::abort(); }
  bool Write(std::string_view) override { std::abort(); }
  void EndStream(bool) override { std::abort(); }
  void Fail(FailReason) override { std::abort(); }

  bool answered = false;

 private:
  RequestHead head_;
  const std::string_view body_;
  char room_[256];
};

struct Case {
  const char* name;
  const char* handler;
  const char* method = "GET";
  const char* body = "";
};

constexpr Case kCases[] = {
    {"a constant", "() => new Response('Hello')"},
    {"a promise", "async () => { await null; return new Response('Hello'); }"},
    {"JSON", "() => Response.json({ hello: 'world' })"},
    {"fields", "(r) => new Response('Hello', { headers: { 'X-Back': r.headers.get('x-other') } })"},
    {"a body", "async (r) => new Response((await r.json()).text)", "POST", R"({"text":"hello"})"},
};

TEST(DispatchAllocation, RequestsTakeNothingOnceWarm) {
  constexpr int kBatch = 32;
  constexpr int kBatches = 250;
  for (const Case& test : kCases) {
    ScriptFolder folder;
    const std::string path = folder.Write("app.mjs", std::string("export default { fetch: ") + test.handler + " };");
    TestHost host;
    const auto runtime = JsRuntime::Create({.host = &host, .env = {}});
    runtime->LoadApp(path, [](std::optional<ScriptError> error) { ASSERT_FALSE(error) << error->report; });
    std::vector<std::unique_ptr<QuietEvent>> events;
    std::vector<RequestEvent*> batch;
    for (int i = 0; i < kBatch; ++i) {
      batch.push_back(events.emplace_back(std::make_unique<QuietEvent>(test.method, test.body)).get());
    }
    const auto run = [&] {
      const std::size_t before = allocations;
      for (int i = 0; i < kBatches; ++i) {
        for (const auto& event : events) event->answered = false;
        runtime->Dispatch(batch);
        for (const auto& event : events) EXPECT_TRUE(event->answered) << test.name;
      }
      return allocations - before;
    };
    run();  // Code is compiled, tables grow.
    run();
    const std::size_t taken = run();
    EXPECT_LT(taken, kBatch * kBatches / 4u) << test.name;
  }
}

}  // namespace
}  // namespace jsd

#include "core/js_runtime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "core/testing.h"

namespace jsd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing_support::ScriptFolder;
using testing_support::TestEvent;
using testing_support::TestHost;

// Everything holds with the snapshot and without it.
class JsRuntimeTest : public testing::TestWithParam<bool> {
 protected:
  void Start(RuntimeOptions options = {}) {
    options.host = &host_;
    options.use_snapshot = GetParam();
    runtime_ = JsRuntime::Create(options);
  }

  // The error of loading, if any.
  std::optional<std::string> LoadApp(std::string_view source, RuntimeOptions options = {}) {
    if (!runtime_) Start(std::move(options));
    std::optional<std::string> report = "never settled";
    runtime_->LoadApp(folder_.Write("app.mjs", source), [&](std::optional<ScriptError> error) {
      report = error ? std::optional(error->report) : std::nullopt;
    });
    host_.Run(*runtime_);
    return report;
  }

  void Dispatch(std::vector<RequestEvent*> batch) { runtime_->Dispatch(batch); }

  ScriptFolder folder_;
  TestHost host_;
  std::unique_ptr<JsRuntime> runtime_;
};

INSTANTIATE_TEST_SUITE_P(Start, JsRuntimeTest, testing::Values(true, false),
                         [](const auto& start) { return start.param ? "FromSnapshot" : "FromSources"; });

TEST_P(JsRuntimeTest, AnswersARequest) {
  ASSERT_EQ(LoadApp("export default { fetch() { return new Response('hello') } }"), std::nullopt);
  TestEvent event;
  Dispatch({&event});
  EXPECT_EQ(event.status, 200);
  EXPECT_EQ(event.reply, "hello");
}

TEST_P(JsRuntimeTest, RunsClassicScriptsInOneGlobalScopeAndTheirMicrotasksAfterThem) {
  Start();
  const std::vector<JsRuntime::ClassicScript> scripts = {
      {"a.js", "const shared = 1; Promise.resolve().then(() => console.log('microtask ' + typeof late))"},
      {"b.js", "var late = shared; throw new Error('stops this one only')"},
      {"c.js", "syntax error"},
      {"d.js", "console.log('last ' + late)"},
  };
  runtime_->RunScripts(scripts);
  EXPECT_THAT(host_.console, ElementsAre("last 1", "microtask number"));
  EXPECT_THAT(host_.errors, ElementsAre(HasSubstr("stops this one only"), HasSubstr("c.js")));
}

TEST_P(JsRuntimeTest, AnswersABatchInOneTurnWithItsPromises) {
  ASSERT_EQ(LoadApp("export default { async fetch(request) { await 0; return new Response(request.url) } }"),
            std::nullopt);
  TestEvent first("/1"), second("/2");
  Dispatch({&first, &second});
  EXPECT_EQ(first.reply, "http://localhost/1");
  EXPECT_EQ(second.reply, "http://localhost/2");
}

TEST_P(JsRuntimeTest, AnswersLaterWhenATimerIsDue) {
  ASSERT_EQ(LoadApp("export default { async fetch() { await new Promise(r => setTimeout(r, 5)); return new "
                    "Response('late') } }"),
            std::nullopt);
  TestEvent event;
  Dispatch({&event});
  EXPECT_FALSE(event.answered());
  host_.Run(*runtime_);
  EXPECT_EQ(event.reply, "late");
}

TEST_P(JsRuntimeTest, HandsOverTheEnvironment) {
  ASSERT_EQ(LoadApp("export default { fetch(request, env) { return new Response(env.GREETING) } }",
                    {.env = {{"GREETING", "grüß"}}}),
            std::nullopt);
  TestEvent event;
  Dispatch({&event});
  EXPECT_EQ(event.reply, "grüß");
}

TEST_P(JsRuntimeTest, AThrowingHandlerFailsItsOwnRequestOnly) {
  ASSERT_EQ(LoadApp("export default { fetch(r) { if (r.url.endsWith('bad')) throw new Error('no'); return new "
                    "Response('ok') } }"),
            std::nullopt);
  TestEvent bad("/bad"), good("/good");
  Dispatch({&bad, &good});
  EXPECT_EQ(bad.failed, FailReason::kHandlerError);
  EXPECT_EQ(good.reply, "ok");
  ASSERT_EQ(host_.errors.size(), 1u);
  EXPECT_THAT(host_.errors[0], HasSubstr("Error: no"));
  EXPECT_THAT(host_.errors[0], HasSubstr(folder_.path() + "/app.mjs:1:"));
}

TEST_P(JsRuntimeTest, ACancelledRequestAbortsItsSignalAndIsLetGo) {
  ASSERT_EQ(LoadApp("export default { fetch(r) { r.signal.addEventListener('abort', () => console.log('aborted')); "
                    "return new Promise(() => {}) } }"),
            std::nullopt);
  TestEvent event;
  Dispatch({&event});
  runtime_->Cancel(event, "the client is gone");
  EXPECT_THAT(host_.console, ElementsAre("aborted"));
  EXPECT_FALSE(event.answered());
}

TEST_P(JsRuntimeTest, ATerminatedHandlerFailsAndTheNextOneIsAnswered) {
  ASSERT_EQ(LoadApp("export default { fetch(r) { if (r.url.endsWith('loop')) for (;;) new Array(1000); return new "
                    "Response('ok') } }"),
            std::nullopt);
  TestEvent loop("/loop"), good("/");
  // The second request is in the same batch: the termination must not reach it.
  std::thread watchdog([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    runtime_->Terminate();
  });
  Dispatch({&loop, &good});
  watchdog.join();
  EXPECT_EQ(loop.failed, FailReason::kTerminated);
  EXPECT_EQ(good.reply, "ok");
  EXPECT_EQ(runtime_->terminated_requests(), 1u);
  ASSERT_EQ(host_.terminations.size(), 1u);
  EXPECT_EQ(host_.terminations[0].reason, Termination::Reason::kRequested);
}

// V8's loop unrolling would take the stack check out of this loop; a flag that is always set keeps it in.
TEST_P(JsRuntimeTest, AnOptimisedEndlessLoopCanBeTerminated) {
  ASSERT_EQ(LoadApp("let a; function spin() { for (;;) a = new Array(1000) }\n"
                    "export default { fetch() { spin() } }"),
            std::nullopt);
  TestEvent event;
  std::thread watchdog([this] {
    // Long enough for the optimising compiler to have replaced the running loop.
    std::this_thread::sleep_for(std::chrono::seconds(1));
    runtime_->Terminate();
  });
  Dispatch({&event});
  watchdog.join();
  EXPECT_EQ(event.failed, FailReason::kTerminated);
}

TEST_P(JsRuntimeTest, CallsListenersInOrderAndSparesTheRestFromAThrowingOne) {
  ASSERT_EQ(LoadApp("const remove = jsd.listen('shutdown', () => console.log('removed'));\n"
                    "jsd.listen('shutdown', (detail) => { console.log('first ' + detail.reason); "
                    "jsd.listen('shutdown', () => console.log('added')); });\n"
                    "jsd.listen('shutdown', () => { throw new Error('second') });\n"
                    "jsd.listen('shutdown', () => console.log('third'));\n"
                    "remove();\n"
                    "export default { fetch() {} }"),
            std::nullopt);
  runtime_->Invoke("shutdown", R"({"reason": "test"})");
  EXPECT_THAT(host_.console, ElementsAre("first test", "third"));
  ASSERT_EQ(host_.errors.size(), 1u);
  EXPECT_THAT(host_.errors[0], HasSubstr("listener of 'shutdown': Error: second"));
  runtime_->Invoke("shutdown", R"({"reason": "again"})");
  EXPECT_THAT(host_.console, ElementsAre("first test", "third", "first again", "third", "added"));
}

TEST_P(JsRuntimeTest, WaitsForAnAsynchronousListener) {
  ASSERT_EQ(LoadApp("jsd.listen('shutdown', async () => { await new Promise(r => setTimeout(r, 5)); "
                    "console.log('closed'); throw new Error('late') });\n"
                    "export default { fetch() {} }"),
            std::nullopt);
  runtime_->Invoke("shutdown", "null");
  EXPECT_EQ(runtime_->pending_background_work(), 1u);
  host_.Run(*runtime_);
  EXPECT_EQ(runtime_->pending_background_work(), 0u);
  EXPECT_THAT(host_.console, ElementsAre("closed"));
  ASSERT_EQ(host_.errors.size(), 1u);
  EXPECT_THAT(host_.errors[0], HasSubstr("listener of 'shutdown': Error: late"));
}

TEST_P(JsRuntimeTest, ReportsRejectionsThatNobodyHandles) {
  ASSERT_EQ(LoadApp("Promise.reject(new Error('lost'));\n"
                    "Promise.reject(new Error('found')).catch(() => {});\n"
                    "export default { fetch() {} }"),
            std::nullopt);
  ASSERT_EQ(host_.errors.size(), 1u);
  EXPECT_THAT(host_.errors[0], HasSubstr("Error: lost"));
}

TEST_P(JsRuntimeTest, AThrowingTimerIsReportedAndOthersFire) {
  ASSERT_EQ(LoadApp("setTimeout(() => { throw new Error('timer') }, 1);\n"
                    "setTimeout(() => console.log('fired'), 2);\n"
                    "queueMicrotask(() => { throw new Error('microtask') });\n"
                    "export default { fetch() {} }"),
            std::nullopt);
  EXPECT_THAT(host_.console, ElementsAre("fired"));
  ASSERT_EQ(host_.errors.size(), 2u);
  EXPECT_THAT(host_.errors[0], HasSubstr("Error: microtask"));
  EXPECT_THAT(host_.errors[1], HasSubstr("Error: timer"));
}

TEST_P(JsRuntimeTest, CountsAndLimitsArrayBuffers) {
  ASSERT_EQ(LoadApp("globalThis.kept = new ArrayBuffer(1 << 20);\n"
                    "try { new ArrayBuffer(8 << 20) } catch (e) { console.log(e.name) }\n"
                    "export default { fetch() {} }",
                    {.buffer_limit = 4 << 20}),
            std::nullopt);
  EXPECT_GE(runtime_->buffer_bytes(), 1u << 20);
  EXPECT_LE(runtime_->buffer_bytes(), 4u << 20);
  EXPECT_THAT(host_.console, ElementsAre("RangeError"));
}

TEST_P(JsRuntimeTest, HearsOfAHeapNearItsLimit) {
  Start({.heap_limit = 32 << 20});
  int calls = 0;
  runtime_->AddNearHeapLimitCallback([&](std::size_t current, std::size_t initial) {
    EXPECT_GE(current, initial);
    if (++calls == 1) runtime_->Terminate();
    return current + (16 << 20);
  });
  ASSERT_EQ(LoadApp("export default { fetch() { const a = []; for (;;) a.push({ text: 'x' + a.length }) } }"),
            std::nullopt);
  TestEvent event;
  Dispatch({&event});
  EXPECT_EQ(event.failed, FailReason::kTerminated);
  EXPECT_GE(calls, 1);
  // Once it is removed, the runtime's own limit is what hears of it.
  runtime_->RemoveNearHeapLimitCallback();
  const int calls_before = calls;
  TestEvent again;
  Dispatch({&again});
  EXPECT_EQ(again.failed, FailReason::kTerminated);
  EXPECT_EQ(calls, calls_before);
  EXPECT_EQ(host_.terminations.back().reason, Termination::Reason::kHeap);
}

TEST_P(JsRuntimeTest, HidesThePrivateNamespace) {
  ASSERT_EQ(LoadApp("console.log(typeof core, typeof __invoke, Object.keys(globalThis).includes('core'));\n"
                    "export default { fetch() {} }"),
            std::nullopt);
  EXPECT_THAT(host_.console, ElementsAre("undefined undefined false"));
}

TEST_P(JsRuntimeTest, TellsOfAScriptWithoutAHandler) {
  for (const char* source : {"export const x = 1;", "export default { fetch: 1, scheduled() {} }"}) {
    const auto error = LoadApp(source);
    ASSERT_TRUE(error) << source;
    EXPECT_THAT(*error, HasSubstr("has no handler"));
    runtime_.reset();
  }
}

TEST_P(JsRuntimeTest, WaitsForWaitUntil) {
  ASSERT_EQ(LoadApp("export default { fetch(r, e, ctx) { ctx.waitUntil(new Promise(r => setTimeout(r, 5))); return new "
                    "Response('ok') } }"),
            std::nullopt);
  TestEvent event;
  Dispatch({&event});
  EXPECT_EQ(event.reply, "ok");
  EXPECT_EQ(runtime_->pending_background_work(), 1u);
  host_.Run(*runtime_);
  EXPECT_EQ(runtime_->pending_background_work(), 0u);
}

// The globals of a runtime that read the snapshot are those of one that ran the sources.
TEST(JsRuntimeSnapshot, ChangesNothingThatScriptsSee) {
  const char* kSource = R"(
    const describe = (object, depth, seen = new Set()) => {
      if (depth === 0 || seen.has(object)) return '';
      seen.add(object);
      let text = '';
      for (const key of Reflect.ownKeys(object).sort((a, b) => String(a) < String(b) ? -1 : 1)) {
        const d = Reflect.getOwnPropertyDescriptor(object, key);
        text += `${String(key)} ${d.writable} ${d.enumerable} ${d.configurable} ${typeof d.value} ${!!d.get}\n`;
        if (Object(d.value) === d.value) text += describe(d.value, depth - 1, seen);
      }
      return text;
    };
    console.log(describe(globalThis, 4));
    export default { fetch() {} };)";
  ScriptFolder folder;
  const std::string path = folder.Write("app.mjs", kSource);
  std::vector<std::string> seen;
  for (const bool use_snapshot : {true, false}) {
    TestHost host;
    const auto runtime = JsRuntime::Create({.host = &host, .use_snapshot = use_snapshot, .env = {}});
    runtime->LoadApp(path, [](std::optional<ScriptError> error) { EXPECT_FALSE(error); });
    ASSERT_EQ(host.console.size(), 1u);
    seen.push_back(host.console[0]);
  }
  EXPECT_GT(seen[0].size(), 10000u);
  // Not EXPECT_EQ, which would print both.
  const auto [first, second] = std::mismatch(seen[0].begin(), seen[0].end(), seen[1].begin(), seen[1].end());
  EXPECT_TRUE(seen[0] == seen[1]) << "from '" << std::string(first, std::min(first + 200, seen[0].end())) << "' and '"
                                  << std::string(second, std::min(second + 200, seen[1].end())) << "'";
}

// The most memory that this process has had, in bytes.
std::size_t PeakMemory() {
  struct rusage usage;
  EXPECT_EQ(::getrusage(RUSAGE_SELF, &usage), 0);
  return static_cast<std::size_t>(usage.ru_maxrss) * 1024;
}

TEST_P(JsRuntimeTest, LargeTextsThatNobodyHoldsAreCollectedWithinOneTurn) {
  const std::size_t before = PeakMemory();
  // Two gigabytes of UTF-16 in all.
  EXPECT_EQ(LoadApp(R"(
          const bytes = new TextEncoder().encode('\u20ac'.repeat(1 << 20)), decoder = new TextDecoder();
          let length = 0;
          for (let i = 0; i < 1024; i++) length += decoder.decode(bytes).length;
          console.log(length);
          export default { fetch() {} };)"),
            std::nullopt);
  EXPECT_THAT(host_.console, ElementsAre("1073741824"));
  EXPECT_LT(PeakMemory() - before, std::size_t{1} << 30);
}

}  // namespace
}  // namespace jsd

#include "core/limiter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "core/testing.h"

namespace jsd {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing_support::ScriptFolder;
using testing_support::TestEvent;
using testing_support::TestHost;

// Time passes faster than it says: a tick takes a few milliseconds.
class FastWatchdog {
 public:
  explicit FastWatchdog(Execution& execution)
      : thread_([this, &execution] {
          while (!stopped_) {
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
            if (paused_) continue;
            Execution::Advance();
            execution.Watch(1'000'000);
          }
        }) {}
  ~FastWatchdog() {
    stopped_ = true;
    thread_.join();
  }
  void set_paused(bool paused) { paused_ = paused; }

 private:
  std::atomic<bool> stopped_ = false;
  std::atomic<bool> paused_ = false;
  std::thread thread_;
};

// Forty ticks.
constexpr std::chrono::milliseconds kSlice{1000};

class LimiterTest : public ::testing::TestWithParam<bool> {
 protected:
  std::optional<ScriptError> LoadApp(const std::string& source, RuntimeOptions options = {}) {
    options.host = &host_;
    options.use_snapshot = GetParam();
    options.execution = &execution_;
    if (options.cpu_limit.count() == 0 && options.slice_limit.count() == 0) options.slice_limit = kSlice;
    runtime_ = JsRuntime::Create(options);
    std::optional<ScriptError> result;
    bool loaded = false;
    runtime_->LoadApp(folder_.Write("app.mjs", source), [&](std::optional<ScriptError> error) {
      result = std::move(error);
      loaded = true;
    });
    if (!loaded) host_.Run(*runtime_);
    EXPECT_TRUE(loaded);
    return result;
  }
  void Dispatch(std::vector<RequestEvent*> batch) { runtime_->Dispatch(batch); }

  ScriptFolder folder_;
  TestHost host_;
  Execution execution_;
  FastWatchdog watchdog_{execution_};
  std::unique_ptr<JsRuntime> runtime_;
};

TEST_P(LimiterTest, EndsALoopAndSaysWhereItWas) {
  ASSERT_EQ(LoadApp("function spin() { for (;;); }\n"
                    "export default { fetch(r) { if (r.url.includes('spin')) spin(); return new Response('ok') } }"),
            std::nullopt);
  TestEvent spin("/spin?secret=1"), good("/");
  Dispatch({&spin, &good});
  EXPECT_EQ(spin.failed, FailReason::kTerminated);
  EXPECT_EQ(good.reply, "ok");
  ASSERT_EQ(host_.terminations.size(), 1u);
  const Termination& termination = host_.terminations[0];
  EXPECT_EQ(termination.reason, Termination::Reason::kSlice);
  EXPECT_EQ(termination.method, "GET");
  EXPECT_EQ(termination.path, "/spin");
  EXPECT_THAT(termination.stack, HasSubstr("at spin ("));
  EXPECT_THAT(termination.stack, HasSubstr("app.mjs:1:"));
  EXPECT_THAT(host_.errors, IsEmpty());
}

// Native code that calls a script, or that works long by itself and looks for interrupts.
constexpr const char* kLoops[] = {
    "[3, 2, 1].sort(() => { for (;;); })",
    "JSON.stringify({ toJSON() { for (;;); } })",
    "({ get x() { for (;;); } }).x",
    "/(a+)+$/.test('a'.repeat(40) + 'b')",
    "'aaa'.replace(/a/g, () => { for (;;); })",
    "new Proxy({}, { get() { for (;;); } }).x",
    "new Response(new ReadableStream({ pull() { for (;;); } })).text(); for (;;);",
    "let y; const x = 3n ** 100000n; for (;;) y = x * x",
    "let a; for (;;) a = new Array(1000)",
    "structuredClone({ get x() { for (;;); } })",
    "try { for (;;); } finally { for (;;); }",
    "new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, "
    "3, 2, "
    "1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 9, 1, 7, 0, 3, 64, 12, 0, 11, 11]))).exports.f()",
};

TEST_P(LimiterTest, EndsWhatNativeCodeCalls) {
  std::string cases;
  for (const char* loop : kLoops) cases += "() => { " + std::string(loop) + " },\n";
  ASSERT_EQ(LoadApp("const cases = [" + cases +
                    "];\n"
                    "export default { fetch(r) { const n = Number(new URL(r.url).pathname.slice(1)); cases[n]?.();\n"
                    "return new Response('ok') } }"),
            std::nullopt);
  for (std::size_t i = 0; i < std::size(kLoops); ++i) {
    TestEvent loop("/" + std::to_string(i)), good("/none");
    Dispatch({&loop, &good});
    EXPECT_EQ(loop.failed, FailReason::kTerminated) << kLoops[i];
    EXPECT_EQ(good.reply, "ok") << kLoops[i];
  }
}

TEST_P(LimiterTest, EndsALoopInTimersAndIntervalsGoOn) {
  ASSERT_EQ(LoadApp("let times = 0;\n"
                    "const interval = setInterval(() => { if (times++ === 0) for (;;); clearInterval(interval);"
                    " console.log('again') }, 1);\n"
                    "export default { fetch() { return new Response('ok') } }"),
            std::nullopt);
  host_.Run(*runtime_);
  EXPECT_EQ(host_.terminations.size(), 1u);
  EXPECT_THAT(host_.console, ::testing::ElementsAre("again"));
}

TEST_P(LimiterTest, EndsALoopWhileLoading) {
  const auto error = LoadApp("for (;;);");
  ASSERT_TRUE(error);
  EXPECT_THAT(error->report, HasSubstr("terminated while it was loading"));
  EXPECT_EQ(host_.terminations.size(), 1u);
}

TEST_P(LimiterTest, EndsALoopBehindATopLevelAwait) {
  const auto error = LoadApp("await 0; for (;;);");
  ASSERT_TRUE(error);
  EXPECT_THAT(error->report, HasSubstr("terminated while it was loading"));
}

// V8 drops the queue of microtasks. What was in it is answered at once, what waits for something else goes on.
TEST_P(LimiterTest, AFloodOfMicrotasksTakesOnlyThoseWithItThatWereInTheQueue) {
  ASSERT_EQ(LoadApp("async function flood() { for (;;) await 0; }\n"
                    "let resolve; const shared = new Promise(r => { resolve = r });\n"
                    "export default { async fetch(r) { const { pathname } = new URL(r.url);\n"
                    "  if (pathname === '/flood') await flood();\n"
                    "  if (pathname === '/timer') await new Promise(r => setTimeout(r, 20));\n"
                    "  if (pathname === '/shared') { setTimeout(resolve, 20); await shared; }\n"
                    "  if (pathname === '/queue') for (let i = 0; i < 1e9; i++) await 0;\n"
                    "  return new Response(pathname) } }"),
            std::nullopt);
  TestEvent timer("/timer"), shared("/shared"), queue("/queue"), flood("/flood");
  Dispatch({&timer, &shared, &queue, &flood});
  EXPECT_FALSE(timer.answered());
  EXPECT_FALSE(shared.answered());
  EXPECT_EQ(queue.failed, FailReason::kTerminated);
  EXPECT_EQ(flood.failed, FailReason::kTerminated);
  ASSERT_EQ(host_.terminations.size(), 1u);
  EXPECT_THAT(host_.terminations[0].path, ::testing::AnyOf("/flood", "/queue"));
  host_.Run(*runtime_);
  EXPECT_EQ(timer.reply, "/timer");
  EXPECT_EQ(shared.reply, "/shared");
}

TEST_P(LimiterTest, ATimerThatIsEndedAnswersTheRequestThatWaitedForIt) {
  ASSERT_EQ(LoadApp("export default { async fetch(r) { await new Promise(resolve => setTimeout(() => { for (;;); "
                    "resolve() }, 1)); return new Response('never') } }"),
            std::nullopt);
  TestEvent event("/slow");
  Dispatch({&event});
  host_.Run(*runtime_);
  EXPECT_EQ(event.failed, FailReason::kTerminated);
  ASSERT_EQ(host_.terminations.size(), 1u);
  EXPECT_EQ(host_.terminations[0].path, "/slow");
}

TEST_P(LimiterTest, AThousandTerminationsLeaveACorrectRuntime) {
  // Loading may take longer than a tick.
  watchdog_.set_paused(true);
  ASSERT_EQ(LoadApp("const kept = new Map([['a', 1]]);\n"
                    "export default { async fetch(r) { if (r.url.endsWith('loop')) for (;;);\n"
                    "await 0; return new Response(`kept ${kept.get('a')}`) } }",
                    {.slice_limit = Execution::kTick}),
            std::nullopt);
  for (int i = 0; i < 1000; ++i) {
    TestEvent loop("/loop");
    watchdog_.set_paused(false);
    Dispatch({&loop});
    watchdog_.set_paused(true);
    ASSERT_EQ(loop.failed, FailReason::kTerminated) << i;
  }
  for (int i = 0; i < 100; ++i) {
    TestEvent good("/good");
    Dispatch({&good});
    ASSERT_EQ(good.reply, "kept 1");
  }
}

TEST_P(LimiterTest, AddsUpWhatRunsForARequest) {
  // No call is long, but together they are.
  ASSERT_EQ(
      LoadApp(
          "const work = () => { const end = performance.now() + 20; while (performance.now() < end); };\n"
          "export default { async fetch(r) {\n"
          "  if (!r.url.endsWith('busy')) { await new Promise(r => setTimeout(r, 400)); return new Response('ok') }\n"
          "  for (;;) { work(); await new Promise(r => setTimeout(r, 0)); work(); await 0; } } }",
          {.cpu_limit = 20 * Execution::kTick}),
      std::nullopt);
  TestEvent busy("/busy"), idle("/idle");
  Dispatch({&busy, &idle});
  host_.Run(*runtime_);
  EXPECT_EQ(busy.failed, FailReason::kTerminated);
  EXPECT_EQ(idle.reply, "ok");
  ASSERT_EQ(host_.terminations.size(), 1u);
  EXPECT_EQ(host_.terminations[0].reason, Termination::Reason::kCpu);
  EXPECT_EQ(host_.terminations[0].path, "/busy");
}

TEST_P(LimiterTest, EndsWhatFillsTheHeapAndFailsEverythingInIt) {
  ASSERT_EQ(LoadApp("export default { async fetch(r) { if (r.url.endsWith('wait')) return new Promise(() => {});\n"
                    "const a = []; for (;;) a.push({ text: 'x' + a.length }) } }",
                    {.slice_limit = std::chrono::hours(1), .heap_limit = 32 << 20}),
            std::nullopt);
  TestEvent wait("/wait"), bomb("/bomb"), behind("/behind");
  RequestEvent* const batch[] = {&wait, &bomb, &behind};
  EXPECT_EQ(runtime_->Dispatch(batch), 2u);
  EXPECT_EQ(bomb.failed, FailReason::kTerminated);
  EXPECT_EQ(wait.failed, FailReason::kTerminated);
  EXPECT_EQ(behind.failed, std::nullopt);  // Another runtime may serve it.
  EXPECT_TRUE(runtime_->exhausted());
  ASSERT_GE(host_.terminations.size(), 1u);
  EXPECT_EQ(host_.terminations[0].reason, Termination::Reason::kHeap);
  EXPECT_EQ(host_.terminations[0].path, "/bomb");
}

TEST_P(LimiterTest, WhatRunsNextDoesNotPayForTheGarbageOfWhatWasEnded) {
  ASSERT_EQ(LoadApp("export default { fetch(r) { if (!r.url.endsWith('fill')) return new Response('ok');\n"
                    "const kept = []; for (let i = 0; i < 380000; ++i) kept.push({ text: 'x' + i });\n"
                    "for (;;) kept.length; } }",
                    {.slice_limit = std::chrono::seconds(5), .heap_limit = 44 << 20}),
            std::nullopt);
  for (int i = 0; i < 3; ++i) {
    TestEvent fill("/fill"), next("/");
    Dispatch({&fill, &next});
    EXPECT_EQ(fill.failed, FailReason::kTerminated);
    EXPECT_EQ(next.reply, "ok");
    EXPECT_LT(runtime_->heap_bytes(), std::size_t{12} << 20);
  }
  EXPECT_FALSE(runtime_->exhausted());
  ASSERT_EQ(host_.terminations.size(), 3u);
  for (const Termination& each : host_.terminations) EXPECT_EQ(each.reason, Termination::Reason::kSlice);
}

TEST_P(LimiterTest, LimitsBuffersOfEveryKind) {
  ASSERT_EQ(LoadApp(R"(
    const wasm = () => new WebAssembly.Memory({ initial: 16, maximum: 1024 });
    const cases = {
      fixed: () => new ArrayBuffer(8 << 20),
      shared: () => new SharedArrayBuffer(8 << 20),
      array: () => new Uint8Array(8 << 20),
      resizable: () => new ArrayBuffer(1, { maxByteLength: 64 << 20 }).resize(8 << 20),
      growable: () => new SharedArrayBuffer(1, { maxByteLength: 64 << 20 }).grow(8 << 20),
      wasm: () => new WebAssembly.Memory({ initial: 128 }),
      grown: () => wasm().grow(128),
      many: () => { const all = []; for (;;) all.push(wasm()); },
      slices: () => { const all = [new ArrayBuffer(1 << 20)]; for (;;) all.push(all[0].slice(0)); },
    };
    export default { fetch(r) {
      try { cases[new URL(r.url).pathname.slice(1)](); } catch (error) { return new Response(error.name); }
      return new Response('made');
    } };)",
                    {.slice_limit = std::chrono::hours(1), .buffer_limit = 4 << 20}),
            std::nullopt);
  for (const char* name :
       {"/fixed", "/shared", "/array", "/resizable", "/growable", "/wasm", "/grown", "/many", "/slices"}) {
    TestEvent event(name);
    Dispatch({&event});
    EXPECT_EQ(event.reply, "RangeError") << name;
    EXPECT_LE(runtime_->buffer_bytes(), 4u << 20) << name;
  }
}

TEST_P(LimiterTest, NobodyMaySleepOnTheThread) {
  ASSERT_EQ(LoadApp("export default { fetch() { try { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0) } "
                    "catch (error) { return new Response(error.name) } } }"),
            std::nullopt);
  TestEvent event;
  Dispatch({&event});
  EXPECT_EQ(event.reply, "TypeError");
}

INSTANTIATE_TEST_SUITE_P(Snapshot, LimiterTest, ::testing::Bool(),
                         [](const auto& instance) { return instance.param ? "With" : "Without"; });

}  // namespace
}  // namespace jsd

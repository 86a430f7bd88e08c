// Runs files of web-platform-tests, each in a fresh isolate of this one process. run.py drives it: a job is a line of
// JSON on standard input, its outcome a line of JSON on standard output.
//
//   job      { "scripts": [path, …], "prelude": "source that runs first", "root": "the tree", "seconds": 10 }
//   outcome  { "status": 0, "message": null, "tests": [{ "name", "status", "message" }], "log": ["…"] }
//
// Statuses are testharness.js's own: 0 is a pass; a harness status of -1 says that it never came to an end.

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "core/js_runtime.h"

namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::json;

// What report.js and environment.js put before a message to this program, on the console.
constexpr std::string_view kMark = "wpt-runner:";
// How long a test that waits with nothing under way may be waiting for another isolate or thread.
constexpr std::chrono::milliseconds kIdle(1500);

std::optional<std::string> ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path)) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

// The bytes as a string of the same code points, in UTF-8: what a JSON string can carry.
std::string Latin1ToUtf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      text.push_back(c);
    } else {
      text.push_back(static_cast<char>(0xc0 | byte >> 6));
      text.push_back(static_cast<char>(0x80 | (byte & 0x3f)));
    }
  }
  return text;
}

// Hears what the harness reports, and wakes the loop below.
class Host final : public jsd::RuntimeHost {
 public:
  void WakeUp() override {
    std::lock_guard lock(mutex_);
    woken_ = true;
    changed_.notify_one();
  }

  void Console(jsd::ConsoleLevel, std::string_view message) override {
    const std::size_t at = message.find(kMark);
    if (at == std::string_view::npos) return Log(message);
    const json said = json::parse(message.substr(at + kMark.size()), nullptr, false);
    if (said.is_discarded()) return Log(message);
    const std::string kind = said.value("kind", "");
    if (kind == "result") {
      tests.push_back(said["test"]);
    } else if (kind == "completion") {
      status = said["status"];
      finished = true;
    } else if (kind == "read") {
      reads.push_back(said);
    }
  }

  void UncaughtError(std::string_view origin, std::string_view report) override {
    Log("uncaught error in " + std::string(origin) + ": " + std::string(report));
  }

  void Terminated(const jsd::Termination& termination) override { Log("terminated\n" + termination.stack); }

  // Waits until `due` or until somebody woke it; true where it was woken.
  bool WaitUntil(Clock::time_point due) {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, due, [this] { return woken_; });
    return std::exchange(woken_, false);
  }

  bool finished = false;
  json status = {{"status", -1}, {"message", "the harness never came to an end"}};
  json tests = json::array();
  json log = json::array();
  std::deque<json> reads;

 private:
  void Log(std::string_view line) {
    if (log.size() < 50) log.push_back(line.substr(0, 2000));
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;  // Guarded by mutex_.
};

// Ends the JavaScript of a runtime that does not come back by itself.
class Watchdog {
 public:
  Watchdog(jsd::JsRuntime& runtime, Clock::time_point deadline)
      : thread_([this, &runtime, deadline] {
          std::unique_lock lock(mutex_);
          if (!changed_.wait_until(lock, deadline, [this] { return done_; })) runtime.Terminate();
        }) {}
  ~Watchdog() {
    {
      std::lock_guard lock(mutex_);
      done_ = true;
      changed_.notify_one();
    }
    thread_.join();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;  // Guarded by mutex_.
  std::thread thread_;
};

// Answers what environment.js asked for: the contents of a file of the tree, or none.
void AnswerReads(jsd::JsRuntime& runtime, Host& host, const std::filesystem::path& root) {
  while (!host.reads.empty()) {
    const json read = host.reads.front();
    host.reads.pop_front();
    const std::filesystem::path path(read.value("path", "").substr(1));
    json answer = {{"id", read["id"]}, {"content", nullptr}};
    if (const auto content = ReadFile(root / path.lexically_normal())) answer["content"] = Latin1ToUtf8(*content);
    runtime.Invoke("wpt.file", answer.dump());
  }
}

// Turns until the harness has reported, nothing can happen any more, or the time is over.
void RunLoop(jsd::JsRuntime& runtime, Host& host, const std::filesystem::path& root, Clock::time_point deadline) {
  Clock::time_point busy = Clock::now();
  while (!host.finished && Clock::now() < deadline) {
    const jsd::PollResult result = runtime.Poll();
    AnswerReads(runtime, host, root);
    const auto now = Clock::now();
    if (host.finished || (!result.pending && now >= busy + kIdle)) return;
    Clock::time_point due = result.pending ? deadline : std::min(deadline, busy + kIdle);
    if (const auto timer = runtime.next_timer()) due = std::min(due, *timer);
    if (host.WaitUntil(due) || result.pending) busy = Clock::now();
  }
}

json Run(const json& job) {
  const std::filesystem::path root = job.at("root").get<std::string>();
  std::vector<jsd::JsRuntime::ClassicScript> scripts = {{"wpt-prelude.js", job.at("prelude")}};
  for (const std::string path : job.at("scripts")) {
    auto source = ReadFile(path);
    if (!source) return {{"status", -1}, {"message", "cannot read " + path}, {"tests", json::array()}};
    scripts.push_back({path, *std::move(source)});
  }
  Host host;
  const auto deadline = Clock::now() + std::chrono::seconds(job.at("seconds").get<int>());
  {
    const auto runtime = jsd::JsRuntime::Create({.host = &host, .env = {}});
    // Past the deadline by a little: the loop itself ends at it, and lets the harness say what it waited for.
    const Watchdog watchdog(*runtime, deadline + std::chrono::seconds(2));
    runtime->RunScripts(scripts);
    RunLoop(*runtime, host, root, deadline);
    if (!host.finished) {
      const std::vector<jsd::JsRuntime::ClassicScript> end = {{"wpt-end.js", "timeout();"}};
      runtime->RunScripts(end);
    }
  }
  json outcome = host.status;
  outcome["tests"] = host.tests;
  outcome["log"] = host.log;
  return outcome;
}

}  // namespace

int main() {
  std::string error;
  // What the server starts with as well; gc() is what some tests ask for.
  if (!jsd::ConfigureV8({"--no-turboshaft-loop-unrolling", "--expose-gc"}, &error)) {
    std::fprintf(stderr, "%s\n", error.c_str());
    return 2;
  }
  for (std::string line; std::getline(std::cin, line);) {
    json outcome;
    try {
      outcome = Run(json::parse(line));
    } catch (const std::exception& failure) {
      outcome = {{"status", -1}, {"message", failure.what()}, {"tests", json::array()}};
    }
    std::cout << outcome.dump(-1, ' ', true, json::error_handler_t::replace) << std::endl;
  }
  return 0;
}

#ifndef JSD_CORE_TESTING_H_
#define JSD_CORE_TESTING_H_

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/js_runtime.h"
#include "core/plain_loop.h"

// What the tests of core/ share: a host that remembers, an event that a test can read, and a folder for scripts.

namespace jsd::testing_support {

// A loop for a runtime, and what the runtime has told it.
//
// Owner: a test. Thread: the test's, but for WakeUp. Lifetime: beyond that of its runtime.
class TestHost final : public RuntimeHost {
 public:
  void WakeUp() override { loop_.WakeUp(); }
  void Console(ConsoleLevel, std::string_view message) override { console.emplace_back(message); }
  void UncaughtError(std::string_view origin, std::string_view report) override {
    errors.push_back(std::string(origin) + ": " + std::string(report));
  }
  void Terminated(const Termination& termination) override { terminations.push_back(termination); }

  // Turns until nothing is pending.
  void Run(JsRuntime& runtime) { loop_.Run(runtime); }

  std::vector<std::string> console;
  std::vector<std::string> errors;
  std::vector<Termination> terminations;

 private:
  PlainLoop loop_;
};

// A request, and how it was answered.
//
// Owner: a test. Thread: the test's. Lifetime: until the runtime has answered it, or it was cancelled.
class TestEvent final : public RequestEvent {
 public:
  explicit TestEvent(std::string target = "/", std::string method = "GET", std::string body = "")
      : target_(std::move(target)), method_(std::move(method)), body_(std::move(body)) {
    head_ = {.method = method_,
             .scheme = "http",
             .authority = "localhost",
             .target = target_,
             .remote_address = "",
             .fields = fields_};
    body_state_ = body_.empty() ? BodyState::kNone : BodyState::kWhole;
  }

  const RequestHead& head() const override { return head_; }
  std::string_view body() const override { return body_; }
  char* Reply(const ReplyHead& head, std::size_t body_size) override {
    status = head.status;
    fields = std::string(head.fields);
    reply.resize(body_size);
    return reply.data();
  }
  void StartStream(const ReplyHead& head) override { status = head.status; }
  bool Write(std::string_view chunk) override {
    reply += chunk;
    return true;
  }
  void EndStream(bool complete) override { stream_complete = complete; }
  void Fail(FailReason reason) override { failed = reason; }

  bool answered() const { return status != 0 || failed.has_value(); }

  int status = 0;
  std::string fields;
  std::string reply;
  std::optional<bool> stream_complete;
  std::optional<FailReason> failed;

 private:
  const std::string target_, method_, body_;
  std::vector<HeaderField> fields_;
  RequestHead head_;
};

// A folder of scripts that is removed with its contents.
//
// Owner: a test. Thread: the test's. Lifetime: that of the folder.
class ScriptFolder {
 public:
  ScriptFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "jsd-test-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~ScriptFolder() { std::filesystem::remove_all(path_); }
  ScriptFolder(const ScriptFolder&) = delete;
  ScriptFolder& operator=(const ScriptFolder&) = delete;

  std::string Write(const std::string& name, std::string_view text) {
    const auto file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
    return file.string();
  }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace jsd::testing_support

#endif  // JSD_CORE_TESTING_H_

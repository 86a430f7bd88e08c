// Runs a module to its end with the runtime that jsd has, but no server: jsd_shell [--no-snapshot] FILE. For tests.
// The exit status is 1 where the module fails or an error stays uncaught.

#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <optional>
#include <string_view>

#include "core/js_runtime.h"

namespace {

// The plainest loop there is: waits until a timer is due or somebody wakes it.
class ShellHost final : public jsd::RuntimeHost {
 public:
  void WakeUp() override {
    std::lock_guard lock(mutex_);
    woken_ = true;
    changed_.notify_one();
  }
  void Console(jsd::ConsoleLevel level, std::string_view message) override {
    std::FILE* stream = level >= jsd::ConsoleLevel::kWarn ? stderr : stdout;
    std::fprintf(stream, "%.*s\n", static_cast<int>(message.size()), message.data());
    std::fflush(stream);
  }
  void UncaughtError(std::string_view origin, std::string_view report) override {
    failed = true;
    std::fprintf(stderr, "uncaught error in %.*s: %.*s\n", static_cast<int>(origin.size()), origin.data(),
                 static_cast<int>(report.size()), report.data());
  }

  void Run(jsd::JsRuntime& runtime) {
    for (;;) {
      const jsd::PollResult result = runtime.Poll();
      if (!result.pending) return;
      std::unique_lock lock(mutex_);
      const auto woken = [this] { return woken_; };
      if (result.next_timer) {
        changed_.wait_until(lock, *result.next_timer, woken);
      } else {
        changed_.wait(lock, woken);
      }
      woken_ = false;
    }
  }

  bool failed = false;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;  // Guarded by mutex_.
};

}  // namespace

int main(int argc, char** argv) {
  const bool no_snapshot = argc == 3 && std::string_view(argv[1]) == "--no-snapshot";
  if (argc != 2 && !no_snapshot) {
    std::fprintf(stderr, "usage: jsd_shell [--no-snapshot] FILE\n");
    return 2;
  }
  ShellHost host;
  const auto runtime = jsd::JsRuntime::Create({.host = &host, .use_snapshot = !no_snapshot, .env = {}});
  runtime->LoadModule(argv[argc - 1], [&](std::optional<jsd::ScriptError> error) {
    if (!error) return;
    host.failed = true;
    std::fprintf(stderr, "%s\n", error->report.c_str());
  });
  host.Run(*runtime);
  return host.failed ? 1 : 0;
}

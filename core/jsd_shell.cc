// Runs a module to its end with the runtime that jsd has, but no server: jsd_shell [--no-snapshot] FILE. For tests.
// The exit status is 1 where the module fails or an error stays uncaught.

#include <cstdio>
#include <optional>
#include <string_view>

#include "core/js_runtime.h"
#include "core/plain_loop.h"

namespace {

// Writes to the terminal and remembers whether anything failed.
class ShellHost final : public jsd::RuntimeHost {
 public:
  void WakeUp() override { loop.WakeUp(); }
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
  void Terminated(const jsd::Termination& termination) override {
    failed = true;
    std::fprintf(stderr, "the script was ended\n%s\n", termination.stack.c_str());
  }

  jsd::PlainLoop loop;
  bool failed = false;
};

}  // namespace

int main(int argc, char** argv) {
  const bool no_snapshot = argc == 3 && std::string_view(argv[1]) == "--no-snapshot";
  if (argc != 2 && !no_snapshot) {
    std::fprintf(stderr, "usage: jsd_shell [--no-snapshot] FILE\n");
    return 2;
  }
  ShellHost host;
  const auto runtime =
      jsd::JsRuntime::Create({.host = &host, .use_snapshot = !no_snapshot, .env = {}, .modules = {.root = "/"}});
  runtime->LoadModule(argv[argc - 1], [&](std::optional<jsd::ScriptError> error) {
    if (!error) return;
    host.failed = true;
    std::fprintf(stderr, "%s\n", error->report.c_str());
  });
  host.loop.Run(*runtime);
  return host.failed ? 1 : 0;
}

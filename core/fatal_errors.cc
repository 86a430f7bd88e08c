#include "core/fatal_errors.h"

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "core/execution.h"

// Exported by V8's base library, and declared in a header that is not handed out.
namespace v8::base {
void SetFatalFunction(void (*handler)(const char* file, int line, const char* message));
}

namespace jsd {
namespace {

// Messages of V8's fatal errors that say no more than that a script wanted too much.
constexpr std::string_view kTooMuch[] = {
    "Fatal JavaScript invalid size error",
    "Fatal process out of memory",
    "Fatal JavaScript out of memory",
};

void OnOutOfMemory(const char* location, const v8::OOMDetails& details) {
  // The format of a message that V8 may or may not have: nothing is allocated here.
  char words[160];
  std::snprintf(words, sizeof words, "%s%s%s", location == nullptr ? "out of memory" : location,
                details.detail == nullptr ? "" : ": ", details.detail == nullptr ? "" : details.detail);
  if (Execution* const execution = Execution::OfThread()) execution->GiveUp(words);
  std::fprintf(stderr, "jsd: V8 is out of memory: %s\n", words);
  std::abort();
}

// Returns for V8 to end the process by itself.
void OnFatalError(const char*, int, const char* message) {
  Execution* const execution = Execution::OfThread();
  if (execution == nullptr || message == nullptr) return;
  for (const std::string_view known : kTooMuch) {
    if (std::string_view(message).starts_with(known)) execution->GiveUp(message);
  }
}

}  // namespace

void InstallFatalErrorHandlers() {
  v8::base::SetFatalFunction(OnFatalError);
  v8::V8::SetFatalMemoryErrorCallback(OnOutOfMemory);
}

void InstallFatalErrorHandlers(v8::Isolate* isolate) { isolate->SetOOMErrorHandler(OnOutOfMemory); }

}  // namespace jsd

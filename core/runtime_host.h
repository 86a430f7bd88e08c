#ifndef JSD_CORE_RUNTIME_HOST_H_
#define JSD_CORE_RUNTIME_HOST_H_

#include <string_view>

#include "core/termination.h"

namespace jsd {

enum class ConsoleLevel { kDebug, kLog, kInfo, kWarn, kError };

// What a runtime asks of whoever drives it.
//
// Owner: the worker. Thread: the runtime's own, but for WakeUp. Lifetime: beyond that of its runtime.
class RuntimeHost {
 public:
  // Poll is wanted soon: a foreground task or an asynchronous op finished. Called from any thread.
  virtual void WakeUp() = 0;

  // A line (or several, separated by '\n') that the script wrote to its console, in UTF-8.
  virtual void Console(ConsoleLevel level, std::string_view message) = 0;

  // An error that no script code caught, formatted with position, excerpt and stack, in UTF-8. `origin` says where it
  // came from: "request handler", "timer", "unhandled rejection" and so on.
  virtual void UncaughtError(std::string_view origin, std::string_view report) = 0;

  // JavaScript was ended because it overstepped a limit, or by JsRuntime::Terminate. After Termination::Reason::kHeap
  // the runtime has failed all requests that it had, and should be replaced.
  virtual void Terminated(const Termination& termination) = 0;

  // What JsRuntime::Describe has asked for.
  virtual void Describes(const Running& running) {}

 protected:
  ~RuntimeHost() = default;
};

}  // namespace jsd

#endif  // JSD_CORE_RUNTIME_HOST_H_

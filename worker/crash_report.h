#ifndef JSD_WORKER_CRASH_REPORT_H_
#define JSD_WORKER_CRASH_REPORT_H_

#include <memory>

namespace jsd {

class LogSink;

// From now on a signal that ends the process because of a fault of its own (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP,
// SIGABRT, SIGSYS) first writes a line to the log and to standard error: which signal, on which thread, and the native
// stack, as offsets that addr2line(1) takes. What is a matter of a script's limits never comes to that, see
// core/fatal_errors.h. `version` and the sink stay for as long as the process does. Once, before other threads start;
// under AddressSanitizer, which has a report of its own, nothing happens.
void InstallCrashReport(const LogSink& sink, const char* version);

// A stack for the handler on the thread that makes it, for when its own has overflowed.
//
// Owner, thread: that thread. Lifetime: within the thread's.
class SignalStack {
 public:
  SignalStack();
  ~SignalStack();
  SignalStack(const SignalStack&) = delete;
  SignalStack& operator=(const SignalStack&) = delete;

 private:
  const std::unique_ptr<char[]> memory_;
};

}  // namespace jsd

#endif  // JSD_WORKER_CRASH_REPORT_H_

#ifndef JSD_CORE_SIGNALS_BLOCKED_H_
#define JSD_CORE_SIGNALS_BLOCKED_H_

#include <signal.h>

#include <initializer_list>

namespace jsd {

// While one lives, its thread, and those that it starts, get no signals that are meant for the process: these are the
// master's. Faults of the thread itself and the profiler's signal still come, and those in `open`.
//
// Owner, thread, lifetime: a scope of the thread that it is for.
class SignalsBlocked {
 public:
  explicit SignalsBlocked(std::initializer_list<int> open = {}) {
    sigset_t blocked;
    ::sigfillset(&blocked);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGPROF}) {
      ::sigdelset(&blocked, fault);
    }
    for (const int signal : open) ::sigdelset(&blocked, signal);
    ::pthread_sigmask(SIG_SETMASK, &blocked, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace jsd

#endif  // JSD_CORE_SIGNALS_BLOCKED_H_

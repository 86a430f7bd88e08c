#include "core/parking.h"

#include <signal.h>
#include <ucontext.h>
#include <v8-isolate.h>
#include <v8-unwinder.h>

#include <cerrno>

#include "core/execution.h"

// The program's text, by its linker.
extern "C" const char __executable_start;
extern "C" const char etext;

namespace jsd {
namespace {

void* ProgramCounter(const void* context) {
  const auto& machine = static_cast<const ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  return reinterpret_cast<void*>(machine.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return reinterpret_cast<void*>(machine.pc);
#else
#error "where is the program counter?"
#endif
}

bool InGeneratedCode(void* pc) {
  v8::Isolate* const isolate = v8::Isolate::TryGetCurrent();
  if (isolate == nullptr) return false;
  v8::MemoryRange pages[v8::Isolate::kMinCodePagesBufferSize];
  const std::size_t count = isolate->CopyCodePages(v8::Isolate::kMinCodePagesBufferSize, pages);
  return count <= v8::Isolate::kMinCodePagesBufferSize && v8::Unwinder::PCIsInV8(count, pages, pc);
}

bool InProgramText(void* pc) { return pc >= &__executable_start && pc < &etext; }

void OnSignal(int, siginfo_t*, void* context) {
  const int saved_errno = errno;
  Execution* const execution = Execution::OfThread();
  if (execution != nullptr && execution->may_be_parked()) {
    void* const pc = ProgramCounter(context);
    if (InGeneratedCode(pc) || (execution->may_be_parked_anywhere() && InProgramText(pc))) execution->Park();
  }
  errno = saved_errno;
}

}  // namespace

int ParkSignal() { return SIGRTMIN + 7; }

void InstallParking() {
  struct sigaction action {};
  action.sa_sigaction = OnSignal;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  ::sigfillset(&action.sa_mask);
  ::sigaction(ParkSignal(), &action, nullptr);
}

void TryToPark(pthread_t thread, Execution& execution, bool anywhere) {
  execution.AllowParking(anywhere);
  ::pthread_kill(thread, ParkSignal());
}

}  // namespace jsd

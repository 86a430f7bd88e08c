#include "worker/watchdog.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <chrono>

namespace jsd {
namespace {

// How long JavaScript that was told to end may go on before it counts as beyond reach.
constexpr Execution::Tick kGrace = std::chrono::seconds(1) / Execution::kTick;

}  // namespace

Watchdog::Watchdog() : thread_([this] { Run(); }) {}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  stop_.notify_one();
  thread_.join();
}

void Watchdog::Add(Execution& execution) {
  const std::lock_guard lock(mutex_);
  executions_.push_back(&execution);
}

void Watchdog::Remove(Execution& execution) {
  const std::lock_guard lock(mutex_);
  std::erase(executions_, &execution);
}

void Watchdog::Run() {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
  ::pthread_setname_np(::pthread_self(), "jsd-watchdog");
  std::unique_lock lock(mutex_);
  while (!stop_.wait_for(lock, Execution::kTick, [this] { return stopped_; })) {
    Execution::Advance();
    for (Execution* const execution : executions_) execution->Watch(kGrace);
  }
}

}  // namespace jsd

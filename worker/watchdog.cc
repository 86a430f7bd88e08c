#include "worker/watchdog.h"

#include <sched.h>

#include <chrono>
#include <optional>
#include <utility>

#include "core/parking.h"
#include "core/signals_blocked.h"

namespace jsd {
namespace {

// How long JavaScript that was told to end may go on before it counts as beyond reach.
constexpr Execution::Tick kGrace = std::chrono::seconds(1) / Execution::kTick;

// From when on other workers are given what comes.
constexpr Execution::Tick kStuck = std::chrono::milliseconds(250) / Execution::kTick;

// A lost thread is signalled at every second look: at first it is stopped in generated code alone, which most loops
// come through now and then.
constexpr unsigned kLooksBetweenSignals = 2;
constexpr unsigned kSignalsForGeneratedCode = 25;

}  // namespace

Watchdog::Watchdog() {
  InstallParking();
  thread_ = std::thread([this] { Run(); });
}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  stop_.notify_one();
  thread_.join();
}

void Watchdog::Add(Target target) {
  const std::lock_guard lock(mutex_);
  watched_.push_back({.target = std::move(target)});
}

void Watchdog::Remove(const Execution& execution) {
  const std::lock_guard lock(mutex_);
  std::erase_if(watched_, [&](const Watched& watched) { return watched.target.execution == &execution; });
}

bool Watchdog::IsStuck(const Execution& execution) {
  const Execution::Stamp stamp = execution.stamp();
  return stamp.place() == Execution::Place::kLost || (stamp.in_javascript() && stamp.age() >= kStuck);
}

void Watchdog::Run() {
  const SignalsBlocked blocked;
  ::pthread_setname_np(::pthread_self(), "jsd-watchdog");
  std::unique_lock lock(mutex_);
  while (!stop_.wait_for(lock, Execution::kTick, [this] { return stopped_; })) {
    Execution::Advance();
    for (Watched& watched : watched_) Look(watched);
  }
}

void Watchdog::Look(Watched& watched) {
  if (watched.lost) return Park(watched);
  Execution& execution = *watched.target.execution;
  const std::optional<Execution::Stamp> hopeless = execution.Watch(kGrace);
  // A thread that has given itself up is lost already.
  watched.lost = hopeless ? execution.DeclareLost(*hopeless) : execution.stamp().place() == Execution::Place::kLost;
  if (watched.lost) {
    // Until it is parked it computes only when nobody else wants to.
    const sched_param none{};
    ::pthread_setschedparam(watched.target.thread, SCHED_IDLE, &none);
    return watched.target.lost();
  }
  const bool was_stuck = std::exchange(watched.stuck, IsStuck(execution));
  if (watched.stuck && !was_stuck) watched.target.stuck();
}

void Watchdog::Park(Watched& watched) {
  Execution& execution = *watched.target.execution;
  if (execution.parked() || execution.returned()) return;
  if (++watched.looks % kLooksBetweenSignals != 0) return;
  const bool anywhere = watched.looks / kLooksBetweenSignals > kSignalsForGeneratedCode;
  TryToPark(watched.target.thread, execution, anywhere);
}

}  // namespace jsd

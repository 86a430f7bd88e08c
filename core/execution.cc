#include "core/execution.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "core/check.h"

namespace jsd {

namespace {

thread_local Execution* of_thread = nullptr;

}  // namespace

Execution* Execution::OfThread() { return of_thread; }
void Execution::AttachToThread() { of_thread = this; }
void Execution::DetachFromThread() { of_thread = nullptr; }

std::optional<Execution::Stamp> Execution::Watch(Tick grace) {
  const Stamp seen = stamp();
  if (!seen.in_javascript()) return std::nullopt;
  const std::lock_guard lock(mutex_);
  Watched* const watched = watched_.load(std::memory_order_relaxed);
  if (watched == nullptr) return std::nullopt;
  const Tick slice = watched->slice();
  const bool overdue = slice != 0 && seen.age() >= slice;
  if (overdue || watched->counts()) watched->Prod();
  if (overdue && seen.age() >= slice + grace / 2) watched->Force();
  return overdue && seen.age() >= slice + grace ? std::optional(seen) : std::nullopt;
}

void Execution::Describe() {
  if (!stamp().in_javascript()) return;
  const std::lock_guard lock(mutex_);
  if (Watched* const watched = watched_.load(std::memory_order_relaxed)) watched->Describe();
}

void Execution::GiveUp(const char* last_words) {
  if (!stamp().in_javascript() && stamp().place() != Place::kLost) return;
  const std::size_t size = std::min(std::strlen(last_words), last_words_.size() - 1);
  if (stamp().place() != Place::kLost) std::memcpy(last_words_.data(), last_words, size);
  word_.store(kLostBits, std::memory_order_release);
  Park();
}

void Execution::Park() {
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  parked_.store(true, std::memory_order_release);
  for (;;) ::pause();
}

void Execution::Abandon() {
  returned_.store(true, std::memory_order_release);
  JSD_CHECK(abandoned_);
  abandoned_();
  std::abort();
}

}  // namespace jsd

#include "core/execution.h"

#include "core/check.h"

namespace jsd {

thread_local Execution* Execution::of_thread_ = nullptr;

std::optional<Execution::Stamp> Execution::Watch(Tick grace) {
  const Stamp seen = stamp();
  if (!seen.in_javascript()) return std::nullopt;
  const std::lock_guard lock(mutex_);
  Watched* const watched = watched_.load(std::memory_order_relaxed);
  if (watched == nullptr) return std::nullopt;
  const Tick slice = watched->slice();
  const bool overdue = slice != 0 && seen.age() >= slice;
  if (overdue || watched->counts()) watched->Prod();
  return overdue && seen.age() >= slice + grace ? std::optional(seen) : std::nullopt;
}

void Execution::Abandon() {
  JSD_CHECK(abandoned_);
  abandoned_();
  std::abort();
}

}  // namespace jsd

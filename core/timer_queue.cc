#include "core/timer_queue.h"

#include <algorithm>
#include <functional>

namespace jsd {

void TimerQueue::Add(Id id, Clock::time_point due, std::uint32_t request) {
  const std::uint64_t sequence = sequence_++;
  live_[id] = sequence;
  heap_.push_back({due, sequence, id, request});
  std::push_heap(heap_.begin(), heap_.end(), std::greater<>{});
}

void TimerQueue::Cancel(Id id) {
  live_.erase(id);
  // A script that makes and clears timers for ever must not grow the heap.
  if (heap_.size() > 64 && heap_.size() > 2 * live_.size()) {
    std::erase_if(heap_, [this](const Entry& entry) { return !IsLive(entry); });
    std::make_heap(heap_.begin(), heap_.end(), std::greater<>{});
  }
}

bool TimerQueue::IsLive(const Entry& entry) const {
  const auto found = live_.find(entry.id);
  return found != live_.end() && found->second == entry.sequence;
}

void TimerQueue::PopFront() {
  std::pop_heap(heap_.begin(), heap_.end(), std::greater<>{});
  heap_.pop_back();
}

std::optional<TimerQueue::Clock::time_point> TimerQueue::next_due() {
  while (!heap_.empty() && !IsLive(heap_.front())) PopFront();
  if (heap_.empty()) return std::nullopt;
  return heap_.front().due;
}

std::optional<TimerQueue::Due> TimerQueue::TakeDue(Clock::time_point now) {
  const auto due = next_due();
  if (!due || *due > now) return std::nullopt;
  const Due timer{heap_.front().id, heap_.front().request};
  live_.erase(timer.id);
  PopFront();
  return timer;
}

}  // namespace jsd

#ifndef JSD_CORE_TIMER_QUEUE_H_
#define JSD_CORE_TIMER_QUEUE_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

namespace jsd {

// When the timers of one runtime are due; the callbacks are kept in JavaScript, under the same ids. Timers that are due
// together fire in the order of their times, then of their making (HTML, timers).
//
// Owner: the runtime's state. Thread: the runtime's. Lifetime: the runtime's.
class TimerQueue {
 public:
  using Clock = std::chrono::steady_clock;
  using Id = std::uint32_t;

  // A timer that is due.
  struct Due {
    Id id;
    std::uint32_t request;
  };

  // Adding an id again replaces its time. `request` is the handle of the request that the timer was made for, or 0.
  void Add(Id id, Clock::time_point due, std::uint32_t request = 0);
  void Cancel(Id id);
  // The next timer that is due at `now`, taken out of the queue; none when there is none.
  std::optional<Due> TakeDue(Clock::time_point now);
  std::optional<Clock::time_point> next_due();
  // How many timers wait.
  std::size_t size() const { return live_.size(); }
  // How many are kept, cancelled ones included.
  std::size_t heap_size() const { return heap_.size(); }

 private:
  struct Entry {
    Clock::time_point due;
    std::uint64_t sequence;
    Id id;
    std::uint32_t request;
    bool operator>(const Entry& other) const { return due != other.due ? due > other.due : sequence > other.sequence; }
  };
  bool IsLive(const Entry& entry) const;
  void PopFront();

  // Cancelled timers stay in the heap until they come up, or until they are the most of it.
  std::vector<Entry> heap_;
  std::unordered_map<Id, std::uint64_t> live_;  // The sequence of each timer's entry that counts.
  std::uint64_t sequence_ = 0;
};

}  // namespace jsd

#endif  // JSD_CORE_TIMER_QUEUE_H_

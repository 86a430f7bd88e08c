#ifndef JSD_WORKER_METRICS_H_
#define JSD_WORKER_METRICS_H_

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/termination.h"

namespace jsd {

// How often something has happened. One thread counts, any reads.
class Counter {
 public:
  void Add(std::uint64_t count = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// What a thread has counted of an app. Numbers only grow.
//
// Owner: Metrics, and who counts. Thread: one counts, any reads. Lifetime: as long as one of the two needs it.
class AppCounters {
 public:
  // Statuses from 100 to 599; all others are a bug.
  static constexpr int kLeastStatus = 100;
  static constexpr std::size_t kStatuses = 500;

  // The upper bounds of the durations that are told apart, in seconds; there is one more, without.
  static constexpr std::array<double, 16> kBounds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                                     0.05,   0.1,     0.25,   0.5,   1,      2.5,   5,    10};

  // The durations of those with status 101 are not told.
  void CountReply(int status, std::chrono::nanoseconds duration);
  void CountTermination(Termination::Reason reason) { terminations_[static_cast<std::size_t>(reason)].Add(); }
  void CountRenewal() { renewals_.Add(); }

 private:
  friend class AppTotals;

  std::array<Counter, kStatuses> replies_;
  std::array<Counter, kBounds.size() + 1> durations_;
  Counter duration_;  // Of all together, in nanoseconds.
  std::array<Counter, Termination::kReasons> terminations_;
  Counter renewals_;
};

// The sums of several.
class AppTotals {
 public:
  void Add(const AppCounters& counters);

  // By status, where there are any.
  std::map<int, std::uint64_t> replies() const;
  // As AppCounters::kBounds tells durations apart: of each alone, not what is below as well.
  const auto& durations() const { return durations_; }
  std::chrono::nanoseconds duration() const { return std::chrono::nanoseconds(duration_); }
  std::uint64_t terminations(Termination::Reason reason) const {
    return terminations_[static_cast<std::size_t>(reason)];
  }
  std::uint64_t renewals() const { return renewals_; }

 private:
  std::array<std::uint64_t, AppCounters::kStatuses> replies_{};
  std::array<std::uint64_t, AppCounters::kBounds.size() + 1> durations_{};
  std::uint64_t duration_ = 0;
  std::array<std::uint64_t, Termination::kReasons> terminations_{};
  std::uint64_t renewals_ = 0;
};

// What the threads of the process have counted, by app; what was counted by those that are gone stays.
//
// Owner: main. Thread: any. Lifetime: the process's.
class Metrics {
 public:
  Metrics() = default;
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // Counters for the calling thread; the name is that of an app, or empty for what has come to none.
  std::shared_ptr<AppCounters> Join(const std::string& app);

  // By the name of the app.
  std::map<std::string, AppTotals> Read();

 private:
  struct App {
    AppTotals past;  // Of those that nobody else has any more.
    std::vector<std::shared_ptr<AppCounters>> counters;
  };

  std::mutex mutex_;
  std::map<std::string, App> apps_;  // Guarded by mutex_.
};

}  // namespace jsd

#endif  // JSD_WORKER_METRICS_H_

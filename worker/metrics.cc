#include "worker/metrics.h"

#include <algorithm>

#include "core/check.h"

namespace jsd {
namespace {

// Its time is that of what has come instead of a reply.
constexpr int kSwitched = 101;

}  // namespace

void AppCounters::CountReply(int status, std::chrono::nanoseconds duration) {
  const auto index = static_cast<std::size_t>(status - kLeastStatus);
  JSD_CHECK(index < kStatuses);
  replies_[index].Add();
  if (status == kSwitched) return;
  const auto* const bound = std::ranges::lower_bound(kBounds, std::chrono::duration<double>(duration).count());
  durations_[static_cast<std::size_t>(bound - kBounds.begin())].Add();
  duration_.Add(static_cast<std::uint64_t>(duration.count()));
}

void AppTotals::Add(const AppCounters& counters) {
  const auto add = [](auto& sums, const auto& values) {
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += values[i].value();
  };
  add(replies_, counters.replies_);
  add(durations_, counters.durations_);
  add(terminations_, counters.terminations_);
  duration_ += counters.duration_.value();
  renewals_ += counters.renewals_.value();
}

std::map<int, std::uint64_t> AppTotals::replies() const {
  std::map<int, std::uint64_t> by_status;
  for (std::size_t i = 0; i < replies_.size(); ++i) {
    if (replies_[i] > 0) by_status.emplace(AppCounters::kLeastStatus + static_cast<int>(i), replies_[i]);
  }
  return by_status;
}

std::shared_ptr<AppCounters> Metrics::Join(const std::string& app) {
  auto counters = std::make_shared<AppCounters>();
  const std::lock_guard lock(mutex_);
  apps_[app].counters.push_back(counters);
  return counters;
}

std::map<std::string, AppTotals> Metrics::Read() {
  std::map<std::string, AppTotals> totals;
  const std::lock_guard lock(mutex_);
  for (auto& [name, app] : apps_) {
    std::erase_if(app.counters, [&past = app.past](const std::shared_ptr<AppCounters>& counters) {
      if (counters.use_count() > 1) return false;
      // Whoever has let go of it wrote before that.
      std::atomic_thread_fence(std::memory_order_acquire);
      past.Add(*counters);
      return true;
    });
    AppTotals& sum = totals.emplace(name, app.past).first->second;
    for (const auto& counters : app.counters) sum.Add(*counters);
  }
  return totals;
}

}  // namespace jsd

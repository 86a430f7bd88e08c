#ifndef JSD_SERVER_COARSE_CLOCK_H_
#define JSD_SERVER_COARSE_CLOCK_H_

#include <time.h>

#include <chrono>
#include <cstdint>

namespace jsd {

// What deadlines of connections are counted by: milliseconds of a monotonic clock, as coarse as the kernel's tick.
struct CoarseClock {
  static constexpr std::int64_t kNever = INT64_MAX;

  // No system call.
  static std::int64_t Now() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
  }

  // When `timeout` from now is over; a timeout of zero never is.
  static std::int64_t After(std::chrono::milliseconds timeout) {
    return timeout.count() == 0 ? kNever : Now() + timeout.count();
  }
};

}  // namespace jsd

#endif  // JSD_SERVER_COARSE_CLOCK_H_

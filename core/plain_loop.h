#ifndef JSD_CORE_PLAIN_LOOP_H_
#define JSD_CORE_PLAIN_LOOP_H_

#include <condition_variable>
#include <mutex>

#include "core/js_runtime.h"

namespace jsd {

// The plainest loop that can drive a runtime: waits until a timer is due or somebody wakes it. For programs without a
// server, and for tests.
//
// Owner: a host, whose WakeUp calls this one's. Thread: WakeUp any, Run the runtime's. Lifetime: longer than the
// runtime.
class PlainLoop {
 public:
  void WakeUp() {
    std::lock_guard lock(mutex_);
    woken_ = true;
    changed_.notify_one();
  }

  // Turns until nothing is pending.
  void Run(JsRuntime& runtime) {
    for (;;) {
      const PollResult result = runtime.Poll();
      if (!result.pending) return;
      std::unique_lock lock(mutex_);
      const auto woken = [this] { return woken_; };
      if (result.next_timer) {
        changed_.wait_until(lock, *result.next_timer, woken);
      } else {
        changed_.wait(lock, woken);
      }
      woken_ = false;
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;  // Guarded by mutex_.
};

}  // namespace jsd

#endif  // JSD_CORE_PLAIN_LOOP_H_

#ifndef JSD_WORKER_WATCHDOG_H_
#define JSD_WORKER_WATCHDOG_H_

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "core/execution.h"

namespace jsd {

// The thread that looks at the workers, forty times a second, and has ended what runs for too long there.
//
// Owner: the pool. Thread: any, for every method. Lifetime: longer than the workers that it watches.
class Watchdog {
 public:
  Watchdog();
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  // The execution stays until it is removed.
  void Add(Execution& execution);
  void Remove(Execution& execution);

 private:
  void Run();

  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopped_ = false;                // Guarded by mutex_.
  std::vector<Execution*> executions_;  // Guarded by mutex_.
  std::thread thread_;
};

}  // namespace jsd

#endif  // JSD_WORKER_WATCHDOG_H_

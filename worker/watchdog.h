#ifndef JSD_WORKER_WATCHDOG_H_
#define JSD_WORKER_WATCHDOG_H_

#include <pthread.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "core/execution.h"

namespace jsd {

// The thread that looks at the workers, forty times a second. It has JavaScript ended that runs for too long; takes
// what they hold from workers whose JavaScript cannot be ended; and sees to it that those use no more of the machine.
//
// Owner: the pool. Thread: any, for every method. Lifetime: longer than the workers that it watches.
class Watchdog {
 public:
  // A worker's thread. The functions are called on the watchdog's own, and return at once.
  struct Target {
    Execution* execution = nullptr;  // Stays until it is removed.
    pthread_t thread{};              // Not joined before that.
    std::function<void()> stuck;     // It has not left JavaScript for a while; once for each time.
    std::function<void()> lost;      // It is lost; nothing more is called after that.
  };

  Watchdog();
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  void Add(Target target);
  void Remove(const Execution& execution);

  // Whether the thread has been in JavaScript for so long that others should serve what comes.
  static bool IsStuck(const Execution& execution);

 private:
  struct Watched {
    Target target;
    bool stuck = false;
    bool lost = false;
    unsigned looks = 0;  // Since it is lost.
  };

  void Run();
  static void Look(Watched& watched);
  static void Park(Watched& watched);

  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopped_ = false;          // Guarded by mutex_.
  std::vector<Watched> watched_;  // Guarded by mutex_.
  std::thread thread_;
};

}  // namespace jsd

#endif  // JSD_WORKER_WATCHDOG_H_

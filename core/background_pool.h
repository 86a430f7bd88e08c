#ifndef JSD_CORE_BACKGROUND_POOL_H_
#define JSD_CORE_BACKGROUND_POOL_H_

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>

namespace jsd {

// Threads for computations that would hold a runtime's thread up: making keys, deriving them, large digests. They are
// not V8's own, so that its compiler and garbage collector never wait behind them.
//
// Owner: the process; made by the first Get and never destroyed. Threads start with the first work that finds none
// idle, are few, and take no signals. What they still do when the process exits ends with it.
// Thread: any.
class BackgroundPool {
 public:
  static BackgroundPool& Get();

  // Runs `work` on one of the threads, in the order of the calls.
  void Run(std::function<void()> work);

 private:
  BackgroundPool();
  void StartThread();
  void Serve();

  const std::size_t max_threads_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_:
  std::deque<std::function<void()>> waiting_;
  std::size_t threads_ = 0;
  std::size_t idle_ = 0;
};

}  // namespace jsd

#endif  // JSD_CORE_BACKGROUND_POOL_H_

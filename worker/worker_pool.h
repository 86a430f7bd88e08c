#ifndef JSD_WORKER_WORKER_POOL_H_
#define JSD_WORKER_WORKER_POOL_H_

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "worker/connection.h"
#include "worker/watchdog.h"
#include "worker/worker.h"

namespace boost::asio {
class io_context;
}

namespace jsd {

// The workers of a process.
//
// Owner: the master.
// Thread: the one that runs the io_context it was given; all functions handed in are called there.
// Lifetime: once started, until Drain is done. Destroying it waits for the workers' threads, for ever if one is stuck.
class WorkerPool {
 public:
  struct Drained {
    std::size_t cut = 0;  // Requests that got no reply.
    unsigned stuck = 0;   // Workers that did not even close: JavaScript holds them.
  };

  // `count` is at least 1. The io_context outlives the pool.
  WorkerPool(boost::asio::io_context& io, unsigned count, const WorkerOptions& options);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Starts all workers at once. `ready` is called once: when every worker has loaded the scripts, or when the first has
  // failed to; what the others say then is the same and is dropped. Drain comes next in either case.
  void Start(std::function<void(std::optional<LoadFailure>)> ready);

  // Hands a connection to the worker with the fewest connections, in turn among equals. Only after
  // `ready` and before Drain.
  void Adopt(Connection connection);

  // Drains all workers and closes those that are not done after `deadline`. Called once, at any time after Start.
  void Drain(std::chrono::milliseconds deadline, std::function<void(Drained)> done);

  std::size_t size() const { return workers_.size(); }

 private:
  struct Timer;

  void OnLoaded(std::optional<LoadFailure> error);
  void OnFinished(std::size_t worker, std::size_t cut);
  void CloseUnfinished();
  void ReportDrained();

  boost::asio::io_context& io_;
  std::vector<std::unique_ptr<Worker>> workers_;
  Watchdog watchdog_;           // Of the workers, so it ends before them.
  std::vector<bool> finished_;  // By worker.
  std::size_t loaded_ = 0;
  std::size_t next_ = 0;  // Where the search for the least loaded begins.
  std::function<void(std::optional<LoadFailure>)> ready_;
  std::function<void(Drained)> drained_;
  Drained result_;
  std::unique_ptr<Timer> timer_;
};

}  // namespace jsd

#endif  // JSD_WORKER_WORKER_POOL_H_

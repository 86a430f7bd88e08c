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

// How a worker is, as the pool and the worker itself see it.
struct WorkerState {
  unsigned worker = 0;
  std::size_t connections = 0;
  std::chrono::nanoseconds cpu{};  // Of its thread, since it began.
  bool stuck = false;              // In JavaScript for so long that others serve what comes.
  std::vector<AppState> apps;      // Empty where the worker has not answered in time.
};

// The workers of a process.
//
// A worker whose script cannot be ended is lost (core/execution.h): its connections are closed, requests without an
// answer get 503, and another worker takes its place. What it holds of memory stays in use until its thread comes back.
//
// Owner: the master.
// Thread: the one that runs the io_context it was given; all functions handed in are called there.
// Lifetime: once started, until Drain is done. Destroying it waits for the workers' threads, for ever if one is stuck,
// but not for those that are lost.
class WorkerPool {
 public:
  struct Drained {
    std::size_t cut = 0;  // Requests that got no reply.
    unsigned stuck = 0;   // Workers that did not even close: JavaScript holds them.
    unsigned lost = 0;    // Threads that are lost, or parked for good: they cannot be joined.
  };

  // `count` is at least 1, and does not count those of apps that have workers of their own. The io_context outlives the
  // pool.
  WorkerPool(boost::asio::io_context& io, unsigned count, const WorkerOptions& options);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Starts all workers at once. `ready` is called once: when every worker has loaded the scripts, or when the first has
  // failed to; what the others say then is the same and is dropped. Drain comes next in either case.
  void Start(std::function<void(std::optional<LoadFailure>)> ready);

  // Hands a connection to the worker with the fewest connections, in turn among equals: one of those that are shared,
  // or of those that run `connection.app`. Only after `ready` and before Drain, unless it has begun.
  void Adopt(Connection connection);
  // Tells the workers of the connections that they were given. The pool does so itself once the master's turn is over.
  void BeginAdopted();

  // Loads another configuration: each script once on a thread of its own, so that one that does not load costs none of
  // the workers, then in all of them, beside what serves. `loaded` is called once, when all have it or the first has
  // failed to, and says by its result whether they swap or go on as before. A worker that is lost meanwhile is waited
  // for, or rather the one in its place. One at a time, after `ready`; a Drain or CancelReload ends it.
  void Reload(std::shared_ptr<const ReloadOptions> options, std::function<bool(std::optional<LoadFailure>)> loaded);
  void CancelReload();

  // From now on there are `count` shared workers, at least 1. Those that come start with what the others have; those
  // that go drain, and close what is left after `patience`. `resized` is called once, when all serve or the first of
  // them could not load its scripts, which is tried again later. After `ready`; another Resize or a Drain may take its
  // place.
  void Resize(unsigned count, std::chrono::milliseconds patience, std::function<void()> resized);

  // Drains all workers and closes those that are not done after `deadline`. Called once, at any time after Start.
  // `idle_patience` as for ConnectionHandler.
  void Drain(std::chrono::milliseconds deadline, std::function<void(Drained)> done,
             std::chrono::milliseconds idle_patience = {});

  // Of connections whose clients know another place to go on to.
  static constexpr std::chrono::milliseconds kIdlePatience{2000};

  // Writes to the log how the workers are, and waits for none of them.
  void LogState();

  // `observed` is called once: when all workers that serve have said how they are, or after `patience`. It is destroyed
  // uncalled where the pool goes before that.
  void Observe(std::chrono::milliseconds patience, std::function<void(std::vector<WorkerState>)> observed);

  // Workers whose threads were lost, or parked, so far.
  std::size_t lost() const { return lost_count_; }

  std::size_t size() const { return slots_.size(); }
  // Of those the ones that are shared.
  std::size_t shared() const { return slots_.size() - own_; }

  // Lost threads that a process can bear; after so many it should make room for another.
  static constexpr std::size_t kMostLost = 8;
  // Called once, when there are as many.
  void set_worn_out(std::function<void()> worn_out) { worn_out_ = std::move(worn_out); }

 private:
  struct Timer;
  struct Observation;

  struct Slot {
    std::unique_ptr<Worker> worker;
    std::string app;  // Whose own it is; empty: one of those that are shared.
    bool serving = false;
    bool prepared = false;        // What a reload wants is loaded beside what serves.
    bool lost_in_reload = false;  // The worker before, since the reload has begun.
    bool finished = false;
    bool to_begin = false;  // It has not been told of its first connection that waits.
  };

  // One that is no more wanted.
  struct Leaving {
    std::unique_ptr<Worker> worker;
    std::unique_ptr<Timer> timer;
  };

  void Leave(std::unique_ptr<Worker> worker, std::chrono::milliseconds patience);
  // Closes what a lost thread held. Returns how many requests were cut.
  std::size_t GiveUp(std::unique_ptr<Worker> worker, std::string_view message);
  void ReplaceLost(Slot& slot);
  // Its worker out of those that leave; null where it is none of them.
  std::unique_ptr<Worker> TakeLeaving(const Worker* worker);
  void ReportResized();
  void MakeWorker(std::size_t slot);
  void StartWorker(Worker* worker);
  // Whose workers run an app: its own name, or nothing for those that are shared.
  std::string_view PlaceOf(std::string_view app) const;
  // Those that are shared have finished, and no more connections come from there.
  void ReleaseIfDrained();
  Slot* FindSlot(const Worker* worker);
  void OnLoaded(const Worker* worker, std::optional<LoadFailure> error);
  void OnFinished(const Worker* worker, std::size_t cut);
  void OnStuck(const Worker* worker);
  void OnLost(const Worker* worker);
  void OnReturned(const Worker* worker);
  // Tries again to start a worker whose script did not load.
  void RestartLater(std::size_t slot);
  // A reload goes on with the next script to try or, when all have loaded, with the workers.
  void TryNext();
  bool reloading_workers() const { return reload_ != nullptr && tried_ == reload_->apps.size(); }
  void OnTried(std::optional<LoadFailure> error);
  void PrepareReload(const Slot& slot);
  void FailReload(LoadFailure failure);
  void OnReloadLoaded(unsigned number, const Worker* worker, std::optional<LoadFailure> error);
  void CloseUnfinished();
  void ReportDrained();
  std::size_t unfinished() const;

  boost::asio::io_context& io_;
  WorkerOptions options_;    // Of the next worker.
  std::vector<Slot> slots_;  // First those of apps that have their own, then those that are shared.
  std::size_t own_ = 0;      // How many of the first.
  std::vector<std::unique_ptr<Worker>> lost_;
  std::vector<Leaving> leaving_;
  std::unique_ptr<Worker> trying_;  // Loads a script of the reload to see whether it loads; gets no connections.
  Watchdog watchdog_;               // Of the workers, so it ends before them.
  std::size_t loaded_ = 0;
  std::size_t next_ = 0;             // Where the search for the least loaded begins.
  std::vector<Connection> waiting_;  // For a worker that serves.
  bool beginning_ = false;           // BeginAdopted is about to be called.
  bool draining_ = false;
  std::function<void()> worn_out_;
  std::function<void(std::optional<LoadFailure>)> ready_;
  std::function<void(Drained)> drained_;
  std::function<void()> resized_;
  std::size_t lost_count_ = 0;
  unsigned reload_number_ = 0;  // What a reload says that was given up is dropped.
  std::function<bool(std::optional<LoadFailure>)> reload_loaded_;
  std::shared_ptr<const ReloadOptions> reload_;
  std::size_t tried_ = 0;  // How many of its apps have loaded.
  Drained result_;
  std::unique_ptr<Timer> timer_;
};

}  // namespace jsd

#endif  // JSD_WORKER_WORKER_POOL_H_

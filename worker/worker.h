#ifndef JSD_WORKER_WORKER_H_
#define JSD_WORKER_WORKER_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "config/config.h"
#include "core/execution.h"
#include "worker/app_options.h"
#include "worker/app_runtime.h"
#include "worker/connection.h"
#include "worker/connection_handler.h"
#include "worker/log.h"
#include "worker/metrics.h"

namespace jsd {

// What every worker of a pool is made from.
struct WorkerOptions {
  LogSink* log_sink = nullptr;   // Never null; outlives the worker.
  Metrics* metrics = nullptr;    // The same.
  std::vector<AppOptions> apps;  // At least one; their names differ.
  ConnectionHandlerFactory connections;
  HttpClientFactory http_client;  // Empty: scripts have no network.
  // Takes connections to apps that this worker does not run. From any worker's thread.
  std::function<void(Connection)> hand_over = nullptr;
};

// What a reload changes. Shared by the workers, which only read it.
struct ReloadOptions {
  std::vector<AppOptions> apps;        // An app that had its name before is the same app.
  std::chrono::milliseconds patience;  // For the requests in flight on what is replaced.
  Config config;                       // For the connections.
  // In place of WorkerOptions::connections, for workers that start later; null: that one stays.
  ConnectionHandlerFactory connections;
};

// One thread with an event loop, the apps' runtimes and the connections that they serve. Nothing of it is shared:
// whoever wants something of a worker posts it.
//
// Owner: the pool.
// Thread: the public methods are for the owner's, but where they say more; everything else runs on the worker's own.
// Lifetime: until destroyed. A worker that was started must have finished, by Drain or Close, before that.
class Worker final {
 public:
  using Loaded = std::function<void(std::optional<LoadFailure>)>;
  using Finished = std::function<void(std::size_t cut)>;

  // Runs the app of this name alone, or, where it is empty, those without workers of their own.
  Worker(unsigned index, const WorkerOptions& options, std::string own_app = {});
  ~Worker();  // Waits for the thread.
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Starts the thread and loads the scripts. Both functions are called once, on the worker's thread: `loaded` when all
  // are ready to serve or the first has failed, `finished` when everything that the worker had is gone, with the number
  // of requests that Close cut. A worker that is told to finish while it loads never calls `loaded`.
  void Start(Loaded loaded, Finished finished);

  // Runs `work` on the worker's thread, soon. From any thread. What comes too late to be run is destroyed unrun.
  void Post(std::function<void()> work);

  void Adopt(Connection connection) {
    if (Add(std::move(connection))) Begin();
  }
  // The same in two steps, for many at a time. Add is true where the thread has to be told, by Begin.
  bool Add(Connection connection);
  void Begin();

  // What was adopted and has not come to the handler yet, for other workers. From any thread.
  std::vector<Connection> TakeUnbegun();

  // For the owner of a worker that the watchdog has declared lost, instead of Drain and Close: answers by 503 what has
  // no answer, closes the connections, and returns how many requests were cut. The worker must stay until `returned`,
  // which is called on its thread if that ever comes back from JavaScript; its runtimes are gone then, and the thread
  // about to end.
  std::size_t Abandon();
  void set_returned(std::function<void()> returned) { returned_ = std::move(returned); }

  // Writes to the log how the worker is: what others can see at once; what it has to say itself as soon as it can,
  // which is never where its script does not come back. From any thread, while no Drain has begun.
  void LogState();

  // Has the worker say how its apps are, on its own thread; `observed` is destroyed uncalled where it ends before that,
  // and kept for ever where its script does not come back. From any thread, while no Drain has begun.
  void Observe(std::function<void(std::vector<AppState>)> observed);

  // Connections that are open or on their way here. From any thread, while no Drain has begun.
  std::size_t connections() const;

  // Loads the scripts of another configuration beside what serves. `loaded` is called on the worker's thread as for
  // Start, and then the owner decides by CommitReload, which swaps, or DiscardReload, after which all is as before. A
  // worker that is told to finish may never call it.
  void PrepareReload(std::shared_ptr<const ReloadOptions> options, Loaded loaded);
  void CommitReload();
  void DiscardReload();

  // Finishes in good order: listeners of `shutdown` run, connections close after the replies that are in flight, work
  // that the script asked to wait for settles. `idle_patience` as for ConnectionHandler. With `hold` it does not finish
  // before Release: connections may still come from other workers.
  void Drain(std::chrono::milliseconds idle_patience = {}, bool hold = false);
  void Release();

  // Finishes now: JavaScript that is running is terminated, what is open is closed.
  void Close();

  unsigned index() const { return index_; }
  // The app that it runs alone; empty: those that share the workers.
  const std::string& own_app() const { return own_app_; }

  // For watchers.
  Execution& execution() { return execution_; }
  const Execution& execution() const { return execution_; }
  std::thread::native_handle_type thread() { return thread_.native_handle(); }

 private:
  struct Loop;

  void Run();
  bool Runs(const AppOptions& app) const { return own_app_.empty() ? app.workers == 0 : app.name == own_app_; }
  void BeginServing();
  void OnAppLoaded(const AppOptions& app, std::optional<ScriptError> error);
  void AdoptUnbegun();
  void DrainConnections(std::chrono::milliseconds idle_patience);
  AppRuntime& AddApp();
  void DropUnused();
  void RunWhatIsDue();
  void StartDraining(std::chrono::milliseconds idle_patience);
  void FinishIfDrained();
  void Finish();
  // The end of a lost thread that has come back.
  void EndLostThread();

  enum class Phase { kLoading, kServing, kDraining, kFinished };

  const unsigned index_;
  const WorkerOptions options_;
  const std::string own_app_;
  Log log_;
  Execution execution_;
  Loaded loaded_;
  Finished finished_;

  std::function<void()> returned_;
  std::atomic<bool> abandoned_{false};  // The owner is done with what a lost thread held.

  std::atomic<std::size_t> adopting_{0};  // Connections that are not with the handler yet.
  std::mutex unbegun_mutex_;
  std::vector<Connection> unbegun_;  // The same. Guarded by unbegun_mutex_.

  // Of the worker's thread:
  Phase phase_ = Phase::kLoading;
  std::size_t loading_ = 0;  // Apps that are not loaded yet.
  // Of a reload; null while there is none.
  std::shared_ptr<const ReloadOptions> reload_;
  Loaded reload_loaded_;
  std::size_t reloading_ = 0;             // As loading_.
  std::vector<AppRuntime*> reload_apps_;  // Those of reload_->apps, in their order; null for those that run elsewhere.
  bool connections_drained_ = false;
  bool held_ = false;
  std::size_t cut_ = 0;

  // Posting needs the loop for as long as the worker can be reached, so it goes last; the apps go before it and the
  // connections before the apps, both on the worker's thread.
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<HttpClient> http_client_;
  std::mutex apps_mutex_;  // Held where apps_ changes, and by others that use it.
  std::vector<std::unique_ptr<AppRuntime>> apps_;
  std::unique_ptr<ConnectionHandler> handler_;
  std::thread thread_;
};

}  // namespace jsd

#endif  // JSD_WORKER_WORKER_H_

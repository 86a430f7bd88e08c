#ifndef JSD_CORE_PLATFORM_H_
#define JSD_CORE_PLATFORM_H_

#include <v8-platform.h>

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/buffer_pages.h"

namespace jsd {

// The tasks that V8 wants run on one isolate's own thread: finished compilations, garbage collection steps, late
// callbacks of WebAssembly.
//
// Owner: shared by the platform, V8's background work and the runtime. Thread: posted to from any, run on the
// isolate's. Lifetime: tasks that are posted after Close are dropped.
class ForegroundTasks final : public v8::TaskRunner {
 public:
  using Clock = std::chrono::steady_clock;

  // `wake_up` is called from any thread when a task was posted.
  void set_wake_up(std::function<void()> wake_up);

  // Runs what was due when it was called; true if anything ran.
  bool RunDue();

  // When the next delayed task is due.
  std::optional<Clock::time_point> next_due();

  // Drops all tasks, these and later ones.
  void Close();

  bool IdleTasksEnabled() override { return false; }
  bool NonNestableTasksEnabled() const override { return true; }
  bool NonNestableDelayedTasksEnabled() const override { return true; }

 protected:
  void PostTaskImpl(std::unique_ptr<v8::Task> task, const v8::SourceLocation&) override { Post(std::move(task), 0); }
  void PostNonNestableTaskImpl(std::unique_ptr<v8::Task> task, const v8::SourceLocation&) override {
    Post(std::move(task), 0);
  }
  void PostDelayedTaskImpl(std::unique_ptr<v8::Task> task, double seconds, const v8::SourceLocation&) override {
    Post(std::move(task), seconds);
  }
  void PostNonNestableDelayedTaskImpl(std::unique_ptr<v8::Task> task, double seconds,
                                      const v8::SourceLocation&) override {
    Post(std::move(task), seconds);
  }

 private:
  struct Delayed {
    Clock::time_point due;
    std::unique_ptr<v8::Task> task;
    // For a heap whose front is the earliest.
    static bool Later(const Delayed& a, const Delayed& b) { return a.due > b.due; }
  };
  void Post(std::unique_ptr<v8::Task> task, double delay_in_seconds);

  std::mutex mutex_;
  // Guarded by mutex_:
  std::deque<std::unique_ptr<v8::Task>> ready_;
  std::vector<Delayed> delayed_;
  std::function<void()> wake_up_;
  bool closed_ = false;
};

// V8's view of the process: threads for background work, which all isolates share, and a queue for each isolate.
//
// Owner: the process; made by the first Get and never destroyed, because V8's threads run until the end.
// Thread: any.
class Platform final : public v8::Platform {
 public:
  // Starts V8 on the first call.
  static Platform& Get();

  // Hands flags to V8, each as "--name" or "--name=value". To be called before the first Get. False, with `error`
  // naming the flag, where V8 does not know one.
  static bool SetFlags(const std::vector<std::string>& flags, std::string* error);

  v8::PageAllocator* GetPageAllocator() override { return &pages_; }
  v8::ThreadIsolatedAllocator* GetThreadIsolatedAllocator() override { return base_->GetThreadIsolatedAllocator(); }
  int NumberOfWorkerThreads() override { return base_->NumberOfWorkerThreads(); }
  using v8::Platform::GetForegroundTaskRunner;
  std::shared_ptr<v8::TaskRunner> GetForegroundTaskRunner(v8::Isolate* isolate, v8::TaskPriority) override;
  std::unique_ptr<v8::ScopedBlockingCall> CreateBlockingScope(v8::BlockingType type) override {
    return base_->CreateBlockingScope(type);
  }
  double MonotonicallyIncreasingTime() override { return base_->MonotonicallyIncreasingTime(); }
  double CurrentClockTimeMillis() override { return base_->CurrentClockTimeMillis(); }
  v8::TracingController* GetTracingController() override { return base_->GetTracingController(); }

 protected:
  std::unique_ptr<v8::JobHandle> CreateJobImpl(v8::TaskPriority priority, std::unique_ptr<v8::JobTask> task,
                                               const v8::SourceLocation& location) override {
    return base_->CreateJob(priority, std::move(task), location);
  }
  void PostTaskOnWorkerThreadImpl(v8::TaskPriority priority, std::unique_ptr<v8::Task> task,
                                  const v8::SourceLocation& location) override {
    base_->PostTaskOnWorkerThread(priority, std::move(task), location);
  }
  void PostDelayedTaskOnWorkerThreadImpl(v8::TaskPriority priority, std::unique_ptr<v8::Task> task, double seconds,
                                         const v8::SourceLocation& location) override {
    base_->PostDelayedTaskOnWorkerThread(priority, std::move(task), seconds, location);
  }

 private:
  friend class IsolateHolder;
  Platform();

  std::shared_ptr<ForegroundTasks> Register(v8::Isolate* isolate);
  void Unregister(v8::Isolate* isolate);

  std::unique_ptr<v8::Platform> base_;
  BufferPages pages_;
  std::mutex mutex_;
  std::unordered_map<v8::Isolate*, std::shared_ptr<ForegroundTasks>> isolates_;  // Guarded by mutex_.
};

// An isolate from its allocation to its end, known to the platform all the while. Not yet initialised: that is left to
// v8::Isolate::Initialize or v8::SnapshotCreator.
//
// Owner: whoever needs an isolate. Thread: the isolate's. Lifetime: longer than every handle into the isolate.
class IsolateHolder {
 public:
  IsolateHolder();
  ~IsolateHolder();
  IsolateHolder(const IsolateHolder&) = delete;
  IsolateHolder& operator=(const IsolateHolder&) = delete;

  v8::Isolate* get() const { return isolate_; }
  ForegroundTasks& tasks() const { return *tasks_; }

 private:
  Platform& platform_;
  v8::Isolate* const isolate_;
  const std::shared_ptr<ForegroundTasks> tasks_;
};

}  // namespace jsd

#endif  // JSD_CORE_PLATFORM_H_

#include "core/platform.h"

#include <libplatform/libplatform.h>
#include <v8-initialization.h>
#include <v8-isolate.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/check.h"
#include "core/fatal_errors.h"
#include "core/runtime_state.h"

namespace jsd {
namespace {

// Set always, before what the configuration adds. Without the first one some optimised loops lose the stack check by
// which they can be terminated. The second has V8 collect young objects once their buffers are 16 MB: beyond half of
// the heap's limit, which by its own measure is sooner, it would collect all of the heap instead.
constexpr const char* kFlags[] = {"--no-turboshaft-loop-unrolling", "--scavenger-max-new-space-capacity-mb=4"};

// An isolate that is being made or ended has no state.
std::shared_ptr<ArrayBufferAllocator> AccountOfThread() {
  v8::Isolate* const isolate = v8::Isolate::TryGetCurrent();
  const auto* const state = isolate == nullptr ? nullptr : RuntimeState::FromOrNull(isolate);
  return state == nullptr ? nullptr : state->buffers;
}

}  // namespace

void ForegroundTasks::set_wake_up(std::function<void()> wake_up) {
  std::lock_guard lock(mutex_);
  wake_up_ = std::move(wake_up);
}

void ForegroundTasks::Post(std::unique_ptr<v8::Task> task, double delay_in_seconds) {
  std::unique_ptr<v8::Task> dropped;  // Destroyed after the lock is released: a task may own anything.
  std::lock_guard lock(mutex_);
  if (closed_) {
    dropped = std::move(task);
    return;
  }
  if (delay_in_seconds > 0) {
    const auto delay = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(delay_in_seconds));
    delayed_.push_back({Clock::now() + delay, std::move(task)});
    std::push_heap(delayed_.begin(), delayed_.end(), Delayed::Later);
  } else {
    ready_.push_back(std::move(task));
  }
  if (wake_up_) wake_up_();
}

std::optional<ForegroundTasks::Clock::time_point> ForegroundTasks::next_due() {
  std::lock_guard lock(mutex_);
  if (delayed_.empty()) return std::nullopt;
  return delayed_.front().due;
}

bool ForegroundTasks::RunDue() {
  std::deque<std::unique_ptr<v8::Task>> due;
  {
    std::lock_guard lock(mutex_);
    due.swap(ready_);
    const auto now = Clock::now();
    while (!delayed_.empty() && delayed_.front().due <= now) {
      std::pop_heap(delayed_.begin(), delayed_.end(), Delayed::Later);
      due.push_back(std::move(delayed_.back().task));
      delayed_.pop_back();
    }
  }
  for (auto& task : due) task->Run();
  return !due.empty();
}

void ForegroundTasks::Close() {
  std::deque<std::unique_ptr<v8::Task>> ready;
  std::vector<Delayed> delayed;
  std::lock_guard lock(mutex_);
  closed_ = true;
  wake_up_ = nullptr;
  ready.swap(ready_);
  delayed.swap(delayed_);
}

Platform& Platform::Get() {
  static Platform* platform = [] {
    auto* made = new Platform;
    for (const char* flag : kFlags) v8::V8::SetFlagsFromString(flag);
    InstallFatalErrorHandlers();
    v8::V8::InitializePlatform(made);
    v8::V8::Initialize();
    return made;
  }();
  return *platform;
}

Platform::Platform() : base_(v8::platform::NewDefaultPlatform()), pages_(*base_->GetPageAllocator(), AccountOfThread) {}

bool Platform::SetFlags(const std::vector<std::string>& flags, std::string* error) {
  for (const std::string& flag : flags) {
    // V8 takes what it knows out of the argument list; the first argument is the program's name.
    std::string program = "jsd", copy = flag;
    char* arguments[] = {program.data(), copy.data(), nullptr};
    int count = 2;
    v8::V8::SetFlagsFromCommandLine(&count, arguments, true);
    if (count > 1) {
      *error = "V8 does not know the flag " + flag;
      return false;
    }
  }
  return true;
}

std::shared_ptr<ForegroundTasks> Platform::Register(v8::Isolate* isolate) {
  std::lock_guard lock(mutex_);
  auto& tasks = isolates_[isolate];
  JSD_CHECK(!tasks);
  tasks = std::make_shared<ForegroundTasks>();
  return tasks;
}

void Platform::Unregister(v8::Isolate* isolate) {
  std::shared_ptr<ForegroundTasks> tasks;
  {
    std::lock_guard lock(mutex_);
    const auto found = isolates_.find(isolate);
    JSD_CHECK(found != isolates_.end());
    tasks = std::move(found->second);
    isolates_.erase(found);
  }
  tasks->Close();
}

std::shared_ptr<v8::TaskRunner> Platform::GetForegroundTaskRunner(v8::Isolate* isolate, v8::TaskPriority) {
  std::lock_guard lock(mutex_);
  const auto found = isolates_.find(isolate);
  JSD_CHECK(found != isolates_.end());
  return found->second;
}

// V8 has to run before an isolate can be allocated, and asks for its tasks while it initialises one.
IsolateHolder::IsolateHolder()
    : platform_(Platform::Get()), isolate_(v8::Isolate::Allocate()), tasks_(platform_.Register(isolate_)) {}

IsolateHolder::~IsolateHolder() {
  isolate_->Dispose();
  platform_.Unregister(isolate_);
}

}  // namespace jsd

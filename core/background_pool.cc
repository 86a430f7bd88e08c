#include "core/background_pool.h"

#include <pthread.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "core/signals_blocked.h"

namespace jsd {

BackgroundPool& BackgroundPool::Get() {
  static BackgroundPool* pool = new BackgroundPool;
  return *pool;
}

BackgroundPool::BackgroundPool() : max_threads_(std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 4)) {}

void BackgroundPool::Run(std::function<void()> work) {
  std::lock_guard lock(mutex_);
  waiting_.push_back(std::move(work));
  if (waiting_.size() > idle_ && threads_ < max_threads_) StartThread();
  changed_.notify_one();
}

void BackgroundPool::StartThread() {
  const SignalsBlocked blocked;  // A thread starts with the mask of the one that makes it.
  std::thread thread([this] { Serve(); });
  pthread_setname_np(thread.native_handle(), "jsd-background");
  thread.detach();
  ++threads_;
}

void BackgroundPool::Serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    changed_.wait(lock, [this] { return !waiting_.empty(); });
    --idle_;
    auto work = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    work();
    work = nullptr;  // What it holds is not to be freed under the lock.
    lock.lock();
  }
}

}  // namespace jsd

#include "core/op_queue.h"

#include <utility>

#include "core/background_pool.h"
#include "core/check.h"

namespace jsd {

void OpQueue::Port::Finish(std::uint32_t id, MakeValue make_value) {
  std::lock_guard lock(mutex_);
  if (!wake_up_) return;
  finished_.push_back({id, std::move(make_value)});
  if (finished_.size() == 1) wake_up_();
}

OpQueue::~OpQueue() {
  std::vector<Finished> dropped;
  std::lock_guard lock(port_->mutex_);
  port_->wake_up_ = nullptr;
  dropped.swap(port_->finished_);
}

void OpQueue::set_wake_up(std::function<void()> wake_up) {
  std::lock_guard lock(port_->mutex_);
  port_->wake_up_ = std::move(wake_up);
}

std::shared_ptr<OpQueue::Port> OpQueue::Start() {
  ++pending_;
  return port_;
}

void OpQueue::StartOnPool(std::uint32_t id, std::function<MakeValue()> work) {
  BackgroundPool::Get().Run([port = Start(), id, work = std::move(work)] { port->Finish(id, work()); });
}

std::vector<OpQueue::Finished> OpQueue::Take() {
  std::vector<Finished> finished;
  {
    std::lock_guard lock(port_->mutex_);
    finished.swap(port_->finished_);
  }
  JSD_CHECK(finished.size() <= pending_);
  pending_ -= finished.size();
  return finished;
}

}  // namespace jsd

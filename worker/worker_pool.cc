#include "worker/worker_pool.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "core/check.h"

namespace jsd {
namespace {

namespace asio = boost::asio;

// How long a worker may take to close everything. One that runs JavaScript for longer is not waited for.
constexpr std::chrono::milliseconds kCloseTime{1000};

}  // namespace

struct WorkerPool::Timer : asio::steady_timer {
  using asio::steady_timer::steady_timer;
};

WorkerPool::WorkerPool(asio::io_context& io, unsigned count, const WorkerOptions& options)
    : io_(io), finished_(count), timer_(std::make_unique<Timer>(io)) {
  JSD_CHECK(count > 0);
  for (unsigned i = 0; i < count; ++i) workers_.push_back(std::make_unique<Worker>(i, options));
}

WorkerPool::~WorkerPool() = default;

void WorkerPool::Start(std::function<void(std::optional<LoadFailure>)> ready) {
  ready_ = std::move(ready);
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    watchdog_.Add(workers_[i]->execution());
    workers_[i]->Start(
        [this](std::optional<LoadFailure> error) {
          asio::post(io_, [this, error = std::move(error)] { OnLoaded(error); });
        },
        [this, i](std::size_t cut) { asio::post(io_, [this, i, cut] { OnFinished(i, cut); }); });
  }
}

void WorkerPool::OnLoaded(std::optional<LoadFailure> error) {
  if (!ready_) return;
  if (!error && ++loaded_ < workers_.size()) return;
  std::exchange(ready_, nullptr)(std::move(error));
}

void WorkerPool::Adopt(Connection connection) {
  std::size_t best = next_;
  std::size_t fewest = workers_[best]->connections();
  for (std::size_t i = 1; i < workers_.size(); ++i) {
    const std::size_t candidate = (next_ + i) % workers_.size();
    const std::size_t connections = workers_[candidate]->connections();
    if (connections < fewest) {
      best = candidate;
      fewest = connections;
    }
  }
  next_ = (best + 1) % workers_.size();
  workers_[best]->Adopt(std::move(connection));
}

void WorkerPool::Drain(std::chrono::milliseconds deadline, std::function<void(Drained)> done) {
  ready_ = nullptr;
  drained_ = std::move(done);
  for (const auto& worker : workers_) worker->Drain();
  timer_->expires_after(deadline);
  timer_->async_wait([this](const boost::system::error_code& error) {
    if (!error && drained_) CloseUnfinished();
  });
  ReportDrained();
}

void WorkerPool::CloseUnfinished() {
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    if (!finished_[i]) workers_[i]->Close();
  }
  timer_->expires_after(kCloseTime);
  timer_->async_wait([this](const boost::system::error_code& error) {
    if (error || !drained_) return;
    result_.stuck = static_cast<unsigned>(std::count(finished_.begin(), finished_.end(), false));
    std::exchange(drained_, nullptr)(result_);
  });
}

void WorkerPool::OnFinished(std::size_t worker, std::size_t cut) {
  finished_[worker] = true;
  result_.cut += cut;
  ReportDrained();
}

void WorkerPool::ReportDrained() {
  if (!drained_ || std::count(finished_.begin(), finished_.end(), false) > 0) return;
  timer_->cancel();
  std::exchange(drained_, nullptr)(result_);
}

}  // namespace jsd

#include "worker/worker_pool.h"

#include <pthread.h>
#include <time.h>

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

// Before a worker is started again whose script did not load.
constexpr std::chrono::milliseconds kRestartPause{1000};

// Of a thread that has not been joined.
std::chrono::nanoseconds CpuTime(pthread_t thread) {
  clockid_t clock;
  timespec time{};
  if (pthread_getcpuclockid(thread, &clock) == 0) clock_gettime(clock, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

struct WorkerPool::Timer : asio::steady_timer {
  using asio::steady_timer::steady_timer;
};

// Workers that are asked how they are.
//
// Owner: the handler of its timer. Thread: the pool's. Lifetime: until the last has answered, or the timer is due.
struct WorkerPool::Observation {
  explicit Observation(asio::io_context& io) : timer(io) {}
  asio::steady_timer timer;
  std::vector<WorkerState> states;
  std::size_t awaited = 0;
};

WorkerPool::WorkerPool(asio::io_context& io, unsigned count, const WorkerOptions& options)
    : io_(io), options_(options), timer_(std::make_unique<Timer>(io)) {
  JSD_CHECK(count > 0);
  options_.hand_over = [this](Connection connection) {
    asio::post(io_, [this, moving = std::move(connection)]() mutable { Adopt(std::move(moving)); });
  };
  // The shared ones last, where Resize adds and takes away.
  for (const AppOptions& app : options.apps) {
    for (unsigned i = 0; i < app.workers; ++i) slots_.emplace_back().app = app.name;
  }
  own_ = slots_.size();
  slots_.resize(own_ + count);
  for (std::size_t i = 0; i < slots_.size(); ++i) MakeWorker(i);
}

void WorkerPool::MakeWorker(std::size_t slot) {
  slots_[slot].worker = std::make_unique<Worker>(static_cast<unsigned>(slot), options_, slots_[slot].app);
  slots_[slot].prepared = false;
}

std::string_view WorkerPool::PlaceOf(std::string_view app) const {
  const auto found = std::ranges::find(options_.apps, app, &AppOptions::name);
  return found == options_.apps.end() || found->workers == 0 ? std::string_view() : app;
}

WorkerPool::~WorkerPool() {
  // What their threads may still use stays for as long as the process does.
  for (auto& worker : lost_) static_cast<void>(worker.release());
}

void WorkerPool::Start(std::function<void(std::optional<LoadFailure>)> ready) {
  ready_ = std::move(ready);
  for (const Slot& slot : slots_) StartWorker(slot.worker.get());
}

void WorkerPool::StartWorker(Worker* worker) {
  worker->set_returned([this, worker] { asio::post(io_, [this, worker] { OnReturned(worker); }); });
  worker->Start(
      [this, worker](std::optional<LoadFailure> error) {
        asio::post(io_, [this, worker, error = std::move(error)] { OnLoaded(worker, error); });
      },
      [this, worker](std::size_t cut) { asio::post(io_, [this, worker, cut] { OnFinished(worker, cut); }); });
  watchdog_.Add({.execution = &worker->execution(),
                 .thread = worker->thread(),
                 .stuck = [this, worker] { asio::post(io_, [this, worker] { OnStuck(worker); }); },
                 .lost = [this, worker] { asio::post(io_, [this, worker] { OnLost(worker); }); }});
}

WorkerPool::Slot* WorkerPool::FindSlot(const Worker* worker) {
  const auto found = std::ranges::find_if(slots_, [&](const Slot& slot) { return slot.worker.get() == worker; });
  return found == slots_.end() ? nullptr : &*found;
}

void WorkerPool::OnLoaded(const Worker* worker, std::optional<LoadFailure> error) {
  if (worker == trying_.get()) return OnTried(std::move(error));
  Slot* const slot = FindSlot(worker);
  if (slot == nullptr || draining_) return;
  if (ready_) {
    slot->serving = !error;
    if (!error && ++loaded_ < slots_.size()) return;
    std::exchange(ready_, nullptr)(std::move(error));
  } else if (error) {
    Log(*options_.log_sink).Error("cannot start a worker, trying again: " + error->script + ": " + error->report);
    slot->worker->Close();  // OnFinished follows.
    return ReportResized();
  } else {
    slot->serving = true;
    if (std::ranges::all_of(slots_, &Slot::serving)) ReportResized();
    if (reloading_workers()) PrepareReload(*slot);  // It has come in place of another, and in the middle of the reload.
  }
  for (Connection& connection : std::exchange(waiting_, {})) Adopt(std::move(connection));
}

void WorkerPool::Adopt(Connection connection) {
  // Those that respond first, then the fewest connections.
  const std::string_view place = PlaceOf(connection.app);
  Slot* best = nullptr;
  std::pair<bool, std::size_t> least;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[(next_ + i) % slots_.size()];
    if (!slot.serving || slot.app != place) continue;
    const std::pair load(Watchdog::IsStuck(slot.worker->execution()), slot.worker->connections());
    if (best != nullptr && load >= least) continue;
    best = &slot;
    least = load;
  }
  if (best == nullptr && draining_) {
    ++result_.cut;
    return;
  }
  if (best == nullptr) return waiting_.push_back(std::move(connection));
  next_ = static_cast<std::size_t>(best - slots_.data() + 1) % slots_.size();
  if (!best->worker->Add(std::move(connection))) return;
  best->to_begin = true;
  // Once for all that are accepted in this turn of the master: a thread that is woken for each takes the processor, and
  // Asio's lock, from the one that wakes it.
  if (!std::exchange(beginning_, true)) asio::post(io_, [this] { BeginAdopted(); });
}

void WorkerPool::BeginAdopted() {
  beginning_ = false;
  for (Slot& slot : slots_) {
    if (std::exchange(slot.to_begin, false)) slot.worker->Begin();
  }
}

void WorkerPool::Resize(unsigned count, std::chrono::milliseconds patience, std::function<void()> resized) {
  JSD_CHECK(count > 0);
  resized_ = std::move(resized);
  while (slots_.size() > own_ + count) {
    Slot slot = std::move(slots_.back());
    slots_.pop_back();
    if (slot.finished) continue;  // It was to be started again.
    std::vector<Connection> unbegun = slot.worker->TakeUnbegun();
    Leave(std::move(slot.worker), patience);
    for (Connection& connection : unbegun) Adopt(std::move(connection));
  }
  while (slots_.size() < own_ + count) {
    const std::size_t index = slots_.size();
    slots_.emplace_back();
    MakeWorker(index);
    StartWorker(slots_[index].worker.get());
  }
  if (std::ranges::all_of(slots_, &Slot::serving)) ReportResized();
}

void WorkerPool::ReportResized() {
  if (resized_) asio::post(io_, std::exchange(resized_, nullptr));
}

void WorkerPool::Leave(std::unique_ptr<Worker> worker, std::chrono::milliseconds patience) {
  Worker* const leaving = worker.get();
  leaving_.push_back({std::move(worker), std::make_unique<Timer>(io_)});
  leaving->Drain(std::min(patience, kIdlePatience));
  leaving_.back().timer->expires_after(patience);
  leaving_.back().timer->async_wait([this, leaving](const boost::system::error_code& error) {
    // It may have finished between the timer's end and its turn.
    const bool there = std::ranges::any_of(leaving_, [&](const Leaving& each) { return each.worker.get() == leaving; });
    if (!error && there) leaving->Close();
  });
}

std::unique_ptr<Worker> WorkerPool::TakeLeaving(const Worker* worker) {
  const auto found = std::ranges::find_if(leaving_, [&](const Leaving& each) { return each.worker.get() == worker; });
  if (found == leaving_.end()) return nullptr;
  std::unique_ptr<Worker> taken = std::move(found->worker);
  leaving_.erase(found);
  return taken;
}

void WorkerPool::OnStuck(const Worker* worker) {
  Slot* const slot = FindSlot(worker);
  if (slot == nullptr || draining_ || std::ranges::count(slots_, slot->app, &Slot::app) == 1) return;
  for (Connection& connection : slot->worker->TakeUnbegun()) Adopt(std::move(connection));
}

void WorkerPool::OnLost(const Worker* worker) {
  if (Slot* const slot = FindSlot(worker)) {
    ReplaceLost(*slot);
  } else if (worker == trying_.get()) {
    GiveUp(std::move(trying_), "the script cannot be ended: the thread on which it was to load is given up");
    FailReload({reload_->apps[tried_].script, "the script does not end while it loads"});
  } else if (std::unique_ptr<Worker> leaving = TakeLeaving(worker)) {
    const std::size_t cut = GiveUp(std::move(leaving), "the script cannot be ended: its worker is given up");
    if (draining_) result_.cut += cut;
    if (draining_) ReleaseIfDrained();
    ReportDrained();
  }
  if (lost_.size() >= kMostLost && !draining_ && worn_out_) std::exchange(worn_out_, nullptr)();
}

void WorkerPool::ReplaceLost(Slot& slot) {
  std::vector<Connection> unbegun = slot.worker->TakeUnbegun();
  const std::size_t cut =
      GiveUp(std::move(slot.worker), "the script cannot be ended: its worker is given up, and another takes its place");
  slot.serving = false;
  if (draining_) {
    slot.finished = true;
    result_.cut += cut;
    ReleaseIfDrained();
    return ReportDrained();
  }
  MakeWorker(static_cast<std::size_t>(&slot - slots_.data()));
  if (ready_) {
    slot.finished = true;  // The new one has never begun.
    return std::exchange(ready_,
                         nullptr)(LoadFailure{options_.apps.front().script, "the script does not end while it loads"});
  }
  // Once it may have been what served; then a script that is being loaded is to blame.
  if (reloading_workers() && std::exchange(slot.lost_in_reload, true)) {
    FailReload({reload_->apps.front().script, "workers are lost while they load it"});
  }
  StartWorker(slot.worker.get());
  for (Connection& connection : unbegun) Adopt(std::move(connection));
}

std::size_t WorkerPool::GiveUp(std::unique_ptr<Worker> worker, std::string_view message) {
  const std::size_t cut = worker->Abandon();
  const char* const said = worker->execution().last_words();
  Log(*options_.log_sink, worker->index(), options_.apps.size() == 1 ? options_.apps.front().name : worker->own_app())
      .Error(message, {{"requests", static_cast<std::int64_t>(cut)},
                       {"reason", *said == '\0' ? "limits.slice" : std::string_view(said)}});
  lost_.push_back(std::move(worker));
  ++lost_count_;
  return cut;
}

void WorkerPool::Observe(std::chrono::milliseconds patience, std::function<void(std::vector<WorkerState>)> observed) {
  const auto observation = std::make_shared<Observation>(io_);
  // Destroyed with the timer, whose cancellation is the end of the wait.
  observation->timer.expires_after(patience);
  observation->timer.async_wait([observation, observed = std::move(observed)](const boost::system::error_code&) {
    observed(std::move(observation->states));
  });
  for (const Slot& slot : slots_) {
    if (!slot.serving || draining_) continue;
    Worker& worker = *slot.worker;
    observation->states.push_back({.worker = worker.index(),
                                   .connections = worker.connections(),
                                   .cpu = CpuTime(worker.thread()),
                                   .stuck = Watchdog::IsStuck(worker.execution())});
    worker.Observe([this, weak = std::weak_ptr(observation), i = observation->awaited++](std::vector<AppState> apps) {
      asio::post(io_, [weak, i, apps = std::move(apps)]() mutable {
        const auto waiting = weak.lock();
        if (!waiting || i >= waiting->states.size()) return;
        waiting->states[i].apps = std::move(apps);
        if (--waiting->awaited == 0) waiting->timer.cancel();
      });
    });
  }
  if (observation->awaited == 0) observation->timer.cancel();
}

void WorkerPool::LogState() {
  Log(*options_.log_sink)
      .Info("state of the server", {{"workers", static_cast<std::int64_t>(slots_.size())},
                                    {"leaving", static_cast<std::int64_t>(leaving_.size())},
                                    {"lost", static_cast<std::int64_t>(lost_.size())},
                                    {"waiting_connections", static_cast<std::int64_t>(waiting_.size())}});
  for (const Slot& slot : slots_) {
    if (slot.serving) slot.worker->LogState();
  }
}

void WorkerPool::OnReturned(const Worker* worker) {
  watchdog_.Remove(worker->execution());
  std::erase_if(lost_, [&](const auto& lost) { return lost.get() == worker; });
}

void WorkerPool::RestartLater(std::size_t slot) {
  const auto timer = std::make_shared<asio::steady_timer>(io_, kRestartPause);
  timer->async_wait([this, timer, slot, worker = slots_[slot].worker.get()](const boost::system::error_code&) {
    // It may be gone, and another in its place.
    if (draining_ || slot >= slots_.size() || slots_[slot].worker.get() != worker || !slots_[slot].finished) return;
    MakeWorker(slot);
    slots_[slot].finished = false;
    StartWorker(slots_[slot].worker.get());
  });
}

void WorkerPool::Reload(std::shared_ptr<const ReloadOptions> options,
                        std::function<bool(std::optional<LoadFailure>)> loaded) {
  CancelReload();
  reload_ = std::move(options);
  reload_loaded_ = std::move(loaded);
  ++reload_number_;
  tried_ = 0;
  for (Slot& slot : slots_) slot.prepared = slot.lost_in_reload = false;
  TryNext();
}

void WorkerPool::TryNext() {
  if (reloading_workers()) {
    for (const Slot& slot : slots_) {
      if (slot.serving) PrepareReload(slot);  // Others follow when they serve.
    }
    return;
  }
  WorkerOptions options = options_;
  options.apps = reload_->apps;
  if (reload_->connections) options.connections = reload_->connections;
  trying_ = std::make_unique<Worker>(static_cast<unsigned>(slots_.size()), options, options.apps[tried_].name);
  StartWorker(trying_.get());
}

void WorkerPool::OnTried(std::optional<LoadFailure> error) {
  Leave(std::move(trying_), reload_->patience);
  if (error) return FailReload(std::move(*error));
  ++tried_;
  TryNext();
}

void WorkerPool::PrepareReload(const Slot& slot) {
  slot.worker->PrepareReload(
      reload_, [this, number = reload_number_, worker = slot.worker.get()](std::optional<LoadFailure> error) {
        asio::post(io_, [this, number, worker, error = std::move(error)]() mutable {
          OnReloadLoaded(number, worker, std::move(error));
        });
      });
}

void WorkerPool::OnReloadLoaded(unsigned number, const Worker* worker, std::optional<LoadFailure> error) {
  if (number != reload_number_ || !reload_loaded_) return;
  // One that was lost meanwhile has nothing to say; the one in its place is asked too.
  Slot* const slot = FindSlot(worker);
  if (slot == nullptr) return;
  if (error) return FailReload(std::move(*error));
  slot->prepared = true;
  if (!std::ranges::all_of(slots_, &Slot::prepared)) return;
  const bool commit = std::exchange(reload_loaded_, nullptr)(std::nullopt);
  const auto reload = std::exchange(reload_, nullptr);
  for (const Slot& each : slots_) commit ? each.worker->CommitReload() : each.worker->DiscardReload();
  if (!commit) return;
  options_.apps = reload->apps;
  if (reload->connections) options_.connections = reload->connections;
}

void WorkerPool::FailReload(LoadFailure failure) {
  const auto loaded = std::exchange(reload_loaded_, nullptr);
  CancelReload();
  loaded(std::move(failure));
}

void WorkerPool::CancelReload() {
  reload_loaded_ = nullptr;
  if (!std::exchange(reload_, nullptr)) return;
  if (trying_) Leave(std::move(trying_), std::chrono::milliseconds(0));
  for (const Slot& slot : slots_) slot.worker->DiscardReload();
}

void WorkerPool::Drain(std::chrono::milliseconds deadline, std::function<void(Drained)> done,
                       std::chrono::milliseconds idle_patience) {
  ready_ = nullptr;
  draining_ = true;
  CancelReload();
  drained_ = std::move(done);
  result_.cut += waiting_.size();
  waiting_.clear();
  BeginAdopted();
  // Requests that a shared worker has read may still be for an app that has its own.
  for (const Slot& slot : slots_) slot.worker->Drain(idle_patience, !slot.app.empty());
  resized_ = nullptr;
  timer_->expires_after(deadline);
  timer_->async_wait([this](const boost::system::error_code& error) {
    if (!error && drained_) CloseUnfinished();
  });
  ReportDrained();
}

void WorkerPool::CloseUnfinished() {
  for (const Slot& slot : slots_) {
    if (!slot.finished) slot.worker->Close();
  }
  for (const Leaving& leaving : leaving_) leaving.worker->Close();
  timer_->expires_after(kCloseTime);
  timer_->async_wait([this](const boost::system::error_code& error) {
    if (error || !drained_) return;
    result_.stuck = static_cast<unsigned>(unfinished());
    result_.lost = static_cast<unsigned>(lost_.size());
    std::exchange(drained_, nullptr)(result_);
  });
}

void WorkerPool::OnFinished(const Worker* worker, std::size_t cut) {
  Slot* const slot = FindSlot(worker);
  if (slot == nullptr) {
    const std::unique_ptr<Worker> gone = TakeLeaving(worker);
    if (gone == nullptr) return;
    watchdog_.Remove(worker->execution());
    if (draining_) result_.cut += cut;
    if (cut > 0 && !draining_) {
      Log(*options_.log_sink, worker->index(), std::string())
          .Warn("server.drain has passed, requests on a worker that was to go were cut",
                {{"requests", static_cast<std::int64_t>(cut)}});
    }
    if (draining_) ReleaseIfDrained();
    return ReportDrained();
  }
  slot->finished = true;
  slot->serving = slot->prepared = false;
  watchdog_.Remove(worker->execution());
  if (!draining_) return RestartLater(static_cast<std::size_t>(slot - slots_.data()));
  result_.cut += cut;
  ReleaseIfDrained();
  ReportDrained();
}

void WorkerPool::ReleaseIfDrained() {
  if (!leaving_.empty()) return;
  if (!std::ranges::all_of(slots_, [](const Slot& slot) { return slot.finished || !slot.app.empty(); })) return;
  BeginAdopted();
  for (const Slot& slot : slots_) {
    if (!slot.finished) slot.worker->Release();
  }
}

std::size_t WorkerPool::unfinished() const {
  return leaving_.size() + static_cast<std::size_t>(std::ranges::count(slots_, false, &Slot::finished));
}

void WorkerPool::ReportDrained() {
  if (!drained_ || unfinished() > 0) return;
  timer_->cancel();
  result_.lost = static_cast<unsigned>(lost_.size());
  std::exchange(drained_, nullptr)(result_);
}

}  // namespace jsd

#include "server/poller.h"

#include <sys/epoll.h>

#include <array>
#include <utility>

#include "core/check.h"
#include "server/handler_memory.h"

namespace jsd {
namespace {

// How many sockets are told of in one turn; the others come up in the next. Few enough that what the turn reads and
// writes for them stays in the processor's caches from the first to the last of its steps.
constexpr int kMostEvents = 32;

// How often the sockets are asked again before Asio has its turn: on a busy worker more requests have come while the
// last were served, and asking is cheaper than waiting.
constexpr int kMostRounds = 16;

}  // namespace

// What the handler that Asio holds shares with the poller: when that is gone, the handler sees it and has its memory.
struct Poller::Anchor {
  Poller* poller = nullptr;
  HandlerMemory memory;
};

Poller::Poller(boost::asio::io_context& io, std::function<void()> turn_over)
    : turn_over_(std::move(turn_over)), epoll_(io, epoll_create1(EPOLL_CLOEXEC)), anchor_(std::make_shared<Anchor>()) {
  anchor_->poller = this;
}

Poller::~Poller() {
  anchor_->poller = nullptr;
  for (const Slot& slot : slots_) {
    if (slot.client != nullptr) slot.client->poller_ = nullptr;
  }
}

std::uint64_t Poller::Name(const Client& client) const {
  return static_cast<std::uint64_t>(slots_[client.slot_].use) << 32 | client.slot_;
}

bool Poller::Watch(int socket, std::uint32_t events, Client& client) {
  JSD_CHECK(client.poller_ == nullptr);
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  client.slot_ = free_slots_.back();
  epoll_event event{.events = events, .data = {.u64 = Name(client)}};
  if (epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, socket, &event) != 0) return false;
  free_slots_.pop_back();
  slots_[client.slot_].client = &client;
  client.poller_ = this;
  Wait();
  return true;
}

void Poller::Change(int socket, std::uint32_t events, Client& client) {
  epoll_event event{.events = events, .data = {.u64 = Name(client)}};
  JSD_CHECK(epoll_ctl(epoll_.native_handle(), EPOLL_CTL_MOD, socket, &event) == 0);
}

void Poller::Forget(int socket, Client& client) {
  JSD_CHECK(epoll_ctl(epoll_.native_handle(), EPOLL_CTL_DEL, socket, nullptr) == 0);
  Leave(client);
}

void Poller::Leave(Client& client) {
  if (std::exchange(client.poller_, nullptr) == nullptr) return;
  Slot& slot = slots_[client.slot_];
  slot.client = nullptr;
  ++slot.use;
  free_slots_.push_back(client.slot_);
}

void Poller::Wait() {
  if (std::exchange(waiting_, true)) return;
  const auto on_ready = [anchor = anchor_](const boost::system::error_code& error) {
    if (anchor->poller != nullptr && !error) anchor->poller->Tell();
  };
  epoll_.async_wait(boost::asio::posix::stream_descriptor::wait_read, KeptIn(anchor_->memory, on_ready));
}

void Poller::Tell() {
  for (int round = 0; round < kMostRounds; ++round) {
    std::array<epoll_event, kMostEvents> events;
    const int count = epoll_wait(epoll_.native_handle(), events.data(), kMostEvents, 0);
    if (count <= 0) break;
    for (int i = 0; i < count; ++i) {
      const std::uint64_t name = events[i].data.u64;
      const Slot& slot = slots_[static_cast<std::uint32_t>(name)];
      if (slot.client != nullptr && slot.use == name >> 32) slot.client->OnReady(events[i].events);
    }
    turn_over_();
  }
  // Asio starts the wait by asking anew, so that what is still ready comes up at once.
  waiting_ = false;
  Wait();
}

}  // namespace jsd

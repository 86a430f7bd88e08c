#ifndef JSD_CORE_EVENT_TABLE_H_
#define JSD_CORE_EVENT_TABLE_H_

#include <cstdint>
#include <vector>

#include "core/request_event.h"

namespace jsd {

// The request events that are lent to one runtime, by a handle that JavaScript can hold: a small integer of slot and
// generation, so that a handle kept too long finds nothing instead of another client's request.
//
// Owner: the runtime's state. Thread: the runtime's. Lifetime: the runtime's.
class EventTable {
 public:
  // Gives the event a handle and keeps that in it. Handles fit V8's small integers.
  std::uint32_t Add(RequestEvent& event);

  // Null where the event has been removed.
  RequestEvent* Find(std::uint32_t handle) const {
    const std::uint32_t slot = handle & kSlotMask;
    if (slot >= slots_.size() || slots_[slot].handle != handle) return nullptr;
    return slots_[slot].event;
  }

  void Remove(std::uint32_t handle);

  // Adds `ticks` to the time that the request has used, and returns what it comes to; 0 where the request has ended.
  std::uint32_t Charge(std::uint32_t handle, std::uint32_t ticks) {
    return Find(handle) == nullptr ? 0 : slots_[handle & kSlotMask].ticks += ticks;
  }

  // The handles of all events.
  std::vector<std::uint32_t> Handles() const;

  std::size_t size() const { return size_; }

 private:
  static constexpr std::uint32_t kSlotBits = 18;
  static constexpr std::uint32_t kSlotMask = (1u << kSlotBits) - 1;
  static constexpr std::uint32_t kGenerationMask = (1u << (30 - kSlotBits)) - 1;

  struct Slot {
    RequestEvent* event = nullptr;
    std::uint32_t handle = 0;
    std::uint32_t next_free = 0;
    std::uint32_t ticks = 0;
  };
  std::vector<Slot> slots_;
  std::uint32_t first_free_ = kSlotMask;
  std::size_t size_ = 0;
};

}  // namespace jsd

#endif  // JSD_CORE_EVENT_TABLE_H_

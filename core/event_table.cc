#include "core/event_table.h"

#include "core/check.h"

namespace jsd {

// A handle is the slot's number below and its generation above; generation 0 is never given out, so that a slot that
// was never used matches no handle.

std::uint32_t EventTable::Add(RequestEvent& event) {
  std::uint32_t index = first_free_;
  if (index == kSlotMask) {
    index = static_cast<std::uint32_t>(slots_.size());
    JSD_CHECK(index < kSlotMask);
    slots_.push_back({.event = nullptr, .handle = index, .next_free = kSlotMask});
  } else {
    first_free_ = slots_[index].next_free;
  }
  Slot& slot = slots_[index];
  std::uint32_t generation = ((slot.handle >> kSlotBits) + 1) & kGenerationMask;
  if (generation == 0) generation = 1;
  slot.handle = (generation << kSlotBits) | index;
  slot.event = &event;
  slot.ticks = 0;
  event.runtime_handle = slot.handle;
  ++size_;
  return slot.handle;
}

void EventTable::Remove(std::uint32_t handle) {
  JSD_CHECK(Find(handle) != nullptr);
  const std::uint32_t index = handle & kSlotMask;
  slots_[index].event = nullptr;
  slots_[index].next_free = first_free_;
  first_free_ = index;
  --size_;
}

std::vector<std::uint32_t> EventTable::Handles() const {
  std::vector<std::uint32_t> handles;
  for (const Slot& slot : slots_) {
    if (slot.event != nullptr) handles.push_back(slot.handle);
  }
  return handles;
}

}  // namespace jsd

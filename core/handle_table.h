#ifndef JSD_CORE_HANDLE_TABLE_H_
#define JSD_CORE_HANDLE_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/check.h"

namespace jsd {

// What is lent to one runtime, by a handle that JavaScript can hold: a small integer of slot and generation, so that a
// handle kept too long finds nothing instead of another client's. T has the member `runtime_handle`.
//
// A handle is the slot's number below and its generation above; generation 0 is never given out, so that a slot that
// was never used matches no handle.
//
// Owner: the runtime's state. Thread: the runtime's. Lifetime: the runtime's.
template <typename T>
class HandleTable {
 public:
  // Gives the object a handle and keeps that in it. Handles fit V8's small integers.
  std::uint32_t Add(T& object) {
    std::uint32_t index = first_free_;
    if (index == kSlotMask) {
      index = static_cast<std::uint32_t>(slots_.size());
      JSD_CHECK(index < kSlotMask);
      slots_.push_back({.object = nullptr, .handle = index, .next_free = kSlotMask});
    } else {
      first_free_ = slots_[index].next_free;
    }
    Slot& slot = slots_[index];
    std::uint32_t generation = ((slot.handle >> kSlotBits) + 1) & kGenerationMask;
    if (generation == 0) generation = 1;
    slot.handle = (generation << kSlotBits) | index;
    slot.object = &object;
    slot.ticks = 0;
    object.runtime_handle = slot.handle;
    ++size_;
    return slot.handle;
  }

  // Null where the object has been removed.
  T* Find(std::uint32_t handle) const {
    const std::uint32_t slot = handle & kSlotMask;
    if (slot >= slots_.size() || slots_[slot].handle != handle) return nullptr;
    return slots_[slot].object;
  }

  void Remove(std::uint32_t handle) {
    JSD_CHECK(Find(handle) != nullptr);
    const std::uint32_t index = handle & kSlotMask;
    slots_[index].object = nullptr;
    slots_[index].next_free = first_free_;
    first_free_ = index;
    --size_;
  }

  // Adds `ticks` to the time that the object has used, and returns what it comes to; 0 where it has been removed.
  std::uint32_t Charge(std::uint32_t handle, std::uint32_t ticks) {
    return Find(handle) == nullptr ? 0 : slots_[handle & kSlotMask].ticks += ticks;
  }

  // The handles of all objects.
  std::vector<std::uint32_t> Handles() const {
    std::vector<std::uint32_t> handles;
    for (const Slot& slot : slots_) {
      if (slot.object != nullptr) handles.push_back(slot.handle);
    }
    return handles;
  }

  std::size_t size() const { return size_; }

 private:
  static constexpr std::uint32_t kSlotBits = 18;
  static constexpr std::uint32_t kSlotMask = (1u << kSlotBits) - 1;
  static constexpr std::uint32_t kGenerationMask = (1u << (30 - kSlotBits)) - 1;

  struct Slot {
    T* object = nullptr;
    std::uint32_t handle = 0;
    std::uint32_t next_free = 0;
    std::uint32_t ticks = 0;
  };
  std::vector<Slot> slots_;
  std::uint32_t first_free_ = kSlotMask;
  std::size_t size_ = 0;
};

}  // namespace jsd

#endif  // JSD_CORE_HANDLE_TABLE_H_

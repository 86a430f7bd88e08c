#include "core/array_buffer_allocator.h"

#include <sanitizer/asan_interface.h>

#include <algorithm>
#include <bit>
#include <cstdlib>

namespace jsd {
namespace {

// Sizes of blocks that are kept. Larger ones are rare, and returned to the kernel at once.
constexpr std::size_t kSmallestKept = 64 * 1024;
constexpr std::size_t kLargestKept = 16 * 1024 * 1024;
// The most that an isolate keeps where its buffers have no limit; else it is half of that.
constexpr std::size_t kMostKept = 64 * 1024 * 1024;

bool MayBeKept(std::size_t length) { return length >= kSmallestKept && length <= kLargestKept; }

// Blocks that may be kept have one of four capacities between a power of two and the next, so that lengths of about the
// same size share them.
std::size_t Step(std::size_t length) { return std::bit_floor(length) / 4; }

std::size_t CapacityFor(std::size_t length) {
  if (!MayBeKept(length)) return length;
  const std::size_t step = Step(length);
  return (length + step - 1) / step * step;
}

std::size_t ShelfOf(std::size_t capacity) {
  const auto doublings = static_cast<std::size_t>(std::bit_width(capacity) - std::bit_width(kSmallestKept));
  return doublings * 4 + capacity / Step(capacity) - 4;
}

}  // namespace

ArrayBufferAllocator::ArrayBufferAllocator(std::size_t limit)
    : limit_(limit), most_kept_(limit == 0 ? kMostKept : limit / 2) {}

ArrayBufferAllocator::~ArrayBufferAllocator() {
  for (const Shelf& shelf : shelves_) {
    for (void* const block : shelf.blocks) std::free(block);
  }
}

bool ArrayBufferAllocator::Reserve(std::size_t length) {
  const std::size_t before = used_.fetch_add(length, std::memory_order_relaxed);
  if (limit_ == 0 || (length <= limit_ && before <= limit_ - length)) return true;
  Release(length);
  return false;
}

void* ArrayBufferAllocator::Allocate(std::size_t length) {
  if (!Reserve(length)) return nullptr;
  void* data = std::calloc(CapacityFor(length), 1);
  if (data == nullptr) Release(length);
  return data;
}

void* ArrayBufferAllocator::AllocateUninitialized(std::size_t length) {
  if (!Reserve(length)) return nullptr;
  void* data = MayBeKept(length) ? TakeKept(length) : nullptr;
  if (data == nullptr) data = std::malloc(CapacityFor(length));
  if (data == nullptr) Release(length);
  return data;
}

void ArrayBufferAllocator::Free(void* data, std::size_t length) {
  if (!MayBeKept(length) || !Keep(data, length)) std::free(data);
  Release(length);
}

void* ArrayBufferAllocator::TakeKept(std::size_t length) {
  const std::size_t capacity = CapacityFor(length);
  const std::lock_guard lock(mutex_);
  Shelf& shelf = shelves_[ShelfOf(capacity)];
  if (shelf.blocks.empty()) return nullptr;
  void* const block = shelf.blocks.back();
  shelf.blocks.pop_back();
  shelf.least = std::min(shelf.least, shelf.blocks.size());
  kept_.fetch_sub(capacity, std::memory_order_relaxed);
  ASAN_UNPOISON_MEMORY_REGION(block, capacity);
  return block;
}

bool ArrayBufferAllocator::Keep(void* data, std::size_t length) {
  const std::size_t capacity = CapacityFor(length);
  const std::lock_guard lock(mutex_);
  if (kept_.load(std::memory_order_relaxed) + capacity > most_kept_) return false;
  shelves_[ShelfOf(capacity)].blocks.push_back(data);
  kept_.fetch_add(capacity, std::memory_order_relaxed);
  // To the address sanitizer it is as good as freed.
  ASAN_POISON_MEMORY_REGION(data, capacity);
  return true;
}

void ArrayBufferAllocator::Trim() {
  std::vector<void*> surplus;
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < kClasses; ++i) {
      Shelf& shelf = shelves_[i];
      const auto oldest = shelf.blocks.begin();
      const auto end = oldest + static_cast<std::ptrdiff_t>(shelf.least);
      const std::size_t capacity = (4 + i % 4) * (kSmallestKept / 4 << i / 4);
      for (auto block = oldest; block != end; ++block) ASAN_UNPOISON_MEMORY_REGION(*block, capacity);
      surplus.insert(surplus.end(), oldest, end);
      shelf.blocks.erase(oldest, end);
      kept_.fetch_sub(shelf.least * capacity, std::memory_order_relaxed);
      shelf.least = shelf.blocks.size();
    }
  }
  for (void* const block : surplus) std::free(block);
}

}  // namespace jsd

#include "core/buffer_pages.h"

#include <algorithm>
#include <utility>

#include "core/array_buffer_allocator.h"

namespace jsd {
namespace {

// Resizable buffers are aligned to pages, memories of WebAssembly to its own pages of 64 KiB; V8's heaps to more.
constexpr std::size_t kLargestAlignment = 64 * 1024;

std::uintptr_t Address(void* address) { return reinterpret_cast<std::uintptr_t>(address); }

}  // namespace

void* BufferPages::AllocatePages(void* address, std::size_t length, std::size_t alignment, Permission permissions) {
  void* const pages = base_.AllocatePages(address, length, alignment, permissions);
  if (pages == nullptr || permissions != kNoAccess || alignment > kLargestAlignment) return pages;
  std::shared_ptr<ArrayBufferAllocator> account = account_of_thread_();
  if (account == nullptr) return pages;
  const std::lock_guard lock(mutex_);
  reservations_[Address(pages)] = {.limit = Address(pages) + length, .account = std::move(account)};
  count_.store(reservations_.size(), std::memory_order_relaxed);
  return pages;
}

BufferPages::Reservation* BufferPages::Find(std::uintptr_t address) {
  auto found = reservations_.upper_bound(address);
  if (found == reservations_.begin()) return nullptr;
  --found;
  return address < found->second.limit ? &found->second : nullptr;
}

bool BufferPages::Commit(std::uintptr_t begin, std::uintptr_t end) {
  if (count_.load(std::memory_order_relaxed) == 0) return true;
  const std::lock_guard lock(mutex_);
  Reservation* const reservation = Find(begin);
  if (reservation == nullptr) return true;
  const bool first = reservation->end == reservation->begin;
  const std::uintptr_t new_begin = first ? begin : std::min(begin, reservation->begin);
  const std::uintptr_t new_end = first ? end : std::max(end, reservation->end);
  const std::size_t more = (new_end - new_begin) - (reservation->end - reservation->begin);
  if (!reservation->account->Reserve(more)) return false;
  reservation->begin = new_begin;
  reservation->end = new_end;
  return true;
}

void BufferPages::Decommit(std::uintptr_t begin, std::uintptr_t end) {
  if (count_.load(std::memory_order_relaxed) == 0) return;
  const std::lock_guard lock(mutex_);
  Reservation* const reservation = Find(begin);
  // Buffers shrink from their end.
  if (reservation == nullptr || end < reservation->end || begin >= reservation->end) return;
  const std::uintptr_t new_end = std::max(begin, reservation->begin);
  reservation->account->Release(reservation->end - new_end);
  reservation->end = new_end;
}

bool BufferPages::SetPermissions(void* address, std::size_t length, Permission permissions) {
  const std::uintptr_t begin = Address(address);
  if (permissions == kReadWrite && !Commit(begin, begin + length)) return false;
  if (!base_.SetPermissions(address, length, permissions)) {
    if (permissions == kReadWrite) Decommit(begin, begin + length);
    return false;
  }
  if (permissions == kNoAccess) Decommit(begin, begin + length);
  return true;
}

bool BufferPages::RecommitPages(void* address, std::size_t length, Permission permissions) {
  const std::uintptr_t begin = Address(address);
  return Commit(begin, begin + length) && base_.RecommitPages(address, length, permissions);
}

bool BufferPages::DecommitPages(void* address, std::size_t length) {
  const std::uintptr_t begin = Address(address);
  if (!base_.DecommitPages(address, length)) return false;
  Decommit(begin, begin + length);
  return true;
}

bool BufferPages::FreePages(void* address, std::size_t length) {
  if (count_.load(std::memory_order_relaxed) != 0) {
    const std::lock_guard lock(mutex_);
    if (const auto found = reservations_.find(Address(address)); found != reservations_.end()) {
      found->second.account->Release(found->second.end - found->second.begin);
      reservations_.erase(found);
      count_.store(reservations_.size(), std::memory_order_relaxed);
    }
  }
  return base_.FreePages(address, length);
}

bool BufferPages::ReleasePages(void* address, std::size_t length, std::size_t new_length) {
  const std::uintptr_t begin = Address(address);
  if (!base_.ReleasePages(address, length, new_length)) return false;
  Decommit(begin + new_length, begin + length);
  return true;
}

}  // namespace jsd

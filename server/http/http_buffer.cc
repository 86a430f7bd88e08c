#include "server/http/http_buffer.h"

#include <sanitizer/asan_interface.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace jsd {
namespace {

// What a pool keeps for later: enough for the turns of a busy worker, little beside a heap.
constexpr std::size_t kStandardKept = 256;
constexpr std::size_t kLargeBytesKept = 4 * 1024 * 1024;
// Large blocks come in multiples of this, so that replies of about the same size share them.
constexpr std::size_t kLargeStep = 64 * 1024;

Block* Allocate(std::size_t capacity) {
  Block* block = new (::operator new(sizeof(Block) + capacity)) Block;
  block->memory = reinterpret_cast<char*>(block + 1);
  block->capacity = capacity;
  return block;
}

void Free(Block* block) {
  block->~Block();
  ::operator delete(block);
}

void FreeList(Block* block) {
  while (block != nullptr) Free(std::exchange(block, block->next));
}

}  // namespace

BlockPool::~BlockPool() {
  FreeList(standard_);
  FreeList(large_);
}

Block* BlockPool::Acquire(std::size_t capacity) {
  Block* block = nullptr;
  if (capacity <= kStandardCapacity) {
    if (standard_ == nullptr) return Allocate(kStandardCapacity);
    block = std::exchange(standard_, standard_->next);
    --standard_count_;
  } else {
    Block** link = &large_;
    while (*link != nullptr && (*link)->capacity < capacity) link = &(*link)->next;
    if (*link == nullptr) return Allocate((capacity + kLargeStep - 1) / kLargeStep * kLargeStep);
    block = std::exchange(*link, (*link)->next);
    large_bytes_ -= block->capacity;
  }
  ASAN_UNPOISON_MEMORY_REGION(block->data(), block->capacity);
  block->next = nullptr;
  block->begin = block->end = 0;
  return block;
}

Block* BlockPool::Borrow(std::string_view bytes, std::shared_ptr<const void> owner) {
  Block* const block = Allocate(0);
  block->memory = const_cast<char*>(bytes.data());
  block->capacity = block->end = bytes.size();
  block->owner = std::move(owner);
  return block;
}

void BlockPool::Release(Block* block) {
  if (block->owner != nullptr) [[unlikely]]
    return Free(block);
  // To the address sanitizer a block in the pool is as good as freed.
  ASAN_POISON_MEMORY_REGION(block->data(), block->capacity);
  if (block->capacity == kStandardCapacity) {
    if (standard_count_ == kStandardKept) return Free(block);
    block->next = std::exchange(standard_, block);
    ++standard_count_;
  } else {
    if (large_bytes_ + block->capacity > kLargeBytesKept) return Free(block);
    block->next = std::exchange(large_, block);
    large_bytes_ += block->capacity;
  }
}

void OutputQueue::AddBlock(Block* block) {
  (last_ == nullptr ? first_ : last_->next) = block;
  last_ = block;
}

std::span<char> OutputQueue::Extend(std::size_t size) {
  if (last_ == nullptr || last_->room() == 0) AddBlock(pool_.Acquire(size));
  return {last_->data() + last_->end, std::min(size, last_->room())};
}

std::size_t OutputQueue::Read(std::span<char> room) {
  std::size_t read = 0;
  while (read < room.size() && bytes_ != 0) {
    const std::size_t size = std::min(room.size() - read, first_->size());
    std::memcpy(room.data() + read, first_->first(), size);
    read += size;
    Consume(size);
  }
  return read;
}

void OutputQueue::Append(std::string_view bytes) {
  while (!bytes.empty()) {
    if (last_ == nullptr || last_->room() == 0) AddBlock(pool_.Acquire(bytes.size()));
    const std::size_t size = std::min(bytes.size(), last_->room());
    std::memcpy(last_->data() + last_->end, bytes.data(), size);
    Commit(size);
    bytes.remove_prefix(size);
  }
}

void OutputQueue::AppendOwned(std::string_view bytes, std::shared_ptr<const void> owner) {
  if (bytes.empty()) return;
  AddBlock(pool_.Borrow(bytes, std::move(owner)));
  bytes_ += bytes.size();
}

void OutputQueue::Splice(OutputQueue& other) {
  if (other.first_ == nullptr) return;
  (last_ == nullptr ? first_ : last_->next) = std::exchange(other.first_, nullptr);
  last_ = std::exchange(other.last_, nullptr);
  bytes_ += std::exchange(other.bytes_, 0);
}

std::size_t OutputQueue::Gather(std::span<iovec> buffers) const {
  std::size_t count = 0;
  for (Block* block = first_; block != nullptr && count < buffers.size(); block = block->next) {
    if (block->size() != 0) buffers[count++] = {.iov_base = block->first(), .iov_len = block->size()};
  }
  return count;
}

void OutputQueue::Consume(std::size_t size) {
  bytes_ -= size;
  while (first_ != nullptr && size >= first_->size()) {
    size -= first_->size();
    pool_.Release(std::exchange(first_, first_->next));
  }
  if (first_ == nullptr) {
    last_ = nullptr;
  } else {
    first_->begin += size;
  }
}

void OutputQueue::Clear() {
  while (first_ != nullptr) pool_.Release(std::exchange(first_, first_->next));
  last_ = nullptr;
  bytes_ = 0;
}

}  // namespace jsd

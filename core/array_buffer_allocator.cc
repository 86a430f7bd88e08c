#include "core/array_buffer_allocator.h"

#include <cstdlib>

namespace jsd {

bool ArrayBufferAllocator::Reserve(std::size_t length) {
  const std::size_t before = used_.fetch_add(length, std::memory_order_relaxed);
  if (limit_ == 0 || (length <= limit_ && before <= limit_ - length)) return true;
  Release(length);
  return false;
}

void* ArrayBufferAllocator::Allocate(std::size_t length) {
  if (!Reserve(length)) return nullptr;
  void* data = std::calloc(length, 1);
  if (data == nullptr) Release(length);
  return data;
}

void* ArrayBufferAllocator::AllocateUninitialized(std::size_t length) {
  if (!Reserve(length)) return nullptr;
  void* data = std::malloc(length);
  if (data == nullptr) Release(length);
  return data;
}

void ArrayBufferAllocator::Free(void* data, std::size_t length) {
  std::free(data);
  Release(length);
}

}  // namespace jsd

#ifndef JSD_SERVER_HANDLER_MEMORY_H_
#define JSD_SERVER_HANDLER_MEMORY_H_

#include <boost/asio/bind_allocator.hpp>
#include <cstddef>
#include <new>
#include <utility>

namespace jsd {

// Where Asio keeps an asynchronous operation while it is under way, so that starting it takes nothing from the heap.
// One at a time has room; any other goes to the heap.
//
// Owner: what starts the operation. Thread: the worker's. Lifetime: longer than the operation's, whose handler sees to
// that if need be.
class HandlerMemory {
 public:
  HandlerMemory() = default;
  HandlerMemory(const HandlerMemory&) = delete;
  HandlerMemory& operator=(const HandlerMemory&) = delete;

  void* Allocate(std::size_t size) {
    if (in_use_ || size > sizeof(storage_)) return ::operator new(size);
    in_use_ = true;
    return storage_;
  }
  void Deallocate(void* memory) {
    if (memory != storage_) return ::operator delete(memory);
    in_use_ = false;
  }

 private:
  alignas(std::max_align_t) std::byte storage_[256];
  bool in_use_ = false;
};

// The standard's allocator over a HandlerMemory.
//
// A value. Thread: the memory's. Lifetime: within the memory's.
template <typename T>
class HandlerAllocator {
 public:
  using value_type = T;

  explicit HandlerAllocator(HandlerMemory& memory) : memory_(&memory) {}
  template <typename U>
  HandlerAllocator(const HandlerAllocator<U>& other) : memory_(other.memory_) {}

  T* allocate(std::size_t count) { return static_cast<T*>(memory_->Allocate(count * sizeof(T))); }
  void deallocate(T* memory, std::size_t) { memory_->Deallocate(memory); }

  template <typename U>
  bool operator==(const HandlerAllocator<U>& other) const {
    return memory_ == other.memory_;
  }

 private:
  template <typename U>
  friend class HandlerAllocator;

  HandlerMemory* memory_;
};

// The handler of an operation that is kept in `memory`.
template <typename Handler>
auto KeptIn(HandlerMemory& memory, Handler handler) {
  return boost::asio::bind_allocator(HandlerAllocator<std::byte>(memory), std::move(handler));
}

}  // namespace jsd

#endif  // JSD_SERVER_HANDLER_MEMORY_H_

#ifndef JSD_CORE_ARRAY_BUFFER_ALLOCATOR_H_
#define JSD_CORE_ARRAY_BUFFER_ALLOCATOR_H_

#include <v8-array-buffer.h>

#include <atomic>
#include <cstddef>

namespace jsd {

// The memory of array buffers, which lies outside V8's heap and its limit: counted, and refused beyond a limit of its
// own. V8 then collects garbage, tries again, and throws a RangeError.
//
// Owner: shared by the isolate and by every buffer that outlives it.
// Thread: any; V8 frees from its background threads.
class ArrayBufferAllocator final : public v8::ArrayBuffer::Allocator {
 public:
  // `limit` in bytes; 0 means none.
  explicit ArrayBufferAllocator(std::size_t limit) : limit_(limit) {}

  void* Allocate(std::size_t length) override;
  void* AllocateUninitialized(std::size_t length) override;
  void Free(void* data, std::size_t length) override;

  // Bytes in use.
  std::size_t used() const { return used_.load(std::memory_order_relaxed); }

  // Counts memory of buffers that comes from elsewhere; false beyond the limit.
  bool Reserve(std::size_t length);
  void Release(std::size_t length) { used_.fetch_sub(length, std::memory_order_relaxed); }

 private:
  const std::size_t limit_;
  std::atomic<std::size_t> used_ = 0;
};

}  // namespace jsd

#endif  // JSD_CORE_ARRAY_BUFFER_ALLOCATOR_H_

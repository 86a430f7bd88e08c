#ifndef JSD_CORE_ARRAY_BUFFER_ALLOCATOR_H_
#define JSD_CORE_ARRAY_BUFFER_ALLOCATOR_H_

#include <v8-array-buffer.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <mutex>
#include <vector>

namespace jsd {

// The memory of array buffers, which lies outside V8's heap and its limit: counted, and refused beyond a limit of its
// own. V8 then collects garbage, tries again, and throws a RangeError.
//
// Large blocks that are freed are kept for a while: the kernel clears each page of fresh memory at its first use, which
// costs about as much as filling it. They serve what is not to be zero, such as bodies.
//
// Owner: shared by the isolate and by every buffer that outlives it.
// Thread: any; V8 frees from its background threads.
class ArrayBufferAllocator final : public v8::ArrayBuffer::Allocator {
 public:
  // `limit` in bytes; 0 means none.
  explicit ArrayBufferAllocator(std::size_t limit);
  ~ArrayBufferAllocator() override;

  void* Allocate(std::size_t length) override;
  void* AllocateUninitialized(std::size_t length) override;
  void Free(void* data, std::size_t length) override;

  // Bytes in use.
  std::size_t used() const { return used_.load(std::memory_order_relaxed); }
  // 0: none.
  std::size_t limit() const { return limit_; }

  // Counts memory of buffers that comes from elsewhere; false beyond the limit.
  bool Reserve(std::size_t length);
  void Release(std::size_t length) { used_.fetch_sub(length, std::memory_order_relaxed); }

  // Bytes of freed blocks that are kept, which used() does not count.
  std::size_t kept() const { return kept_.load(std::memory_order_relaxed); }
  // Gives back the blocks that nobody has wanted since the last call. To be called every second or so while some are
  // kept.
  void Trim();

 private:
  static constexpr std::size_t kClasses = 33;

  // Freed blocks of one capacity, the last one freed at the end.
  struct Shelf {
    std::vector<void*> blocks;
    std::size_t least = 0;  // So many there have been all the time since the last Trim.
  };

  void* TakeKept(std::size_t length);
  bool Keep(void* data, std::size_t length);

  const std::size_t limit_;
  const std::size_t most_kept_;
  std::atomic<std::size_t> used_ = 0;
  std::atomic<std::size_t> kept_ = 0;
  std::mutex mutex_;
  std::array<Shelf, kClasses> shelves_;  // Guarded by mutex_.
};

}  // namespace jsd

#endif  // JSD_CORE_ARRAY_BUFFER_ALLOCATOR_H_

#ifndef JSD_CORE_BUFFER_PAGES_H_
#define JSD_CORE_BUFFER_PAGES_H_

#include <v8-platform.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

namespace jsd {

class ArrayBufferAllocator;

// V8's pages, with those counted that become the memory of resizable and growable buffers and of WebAssembly: V8 takes
// them from here and not from the isolate's allocator. It reserves the range that a buffer may grow to, and commits
// what is in use: that is charged to the allocator of the isolate, and refused beyond its limit, which a script sees as
// a RangeError. V8's heaps and code have other alignments and permissions; they pass.
//
// Owner: the platform. Thread: any. Lifetime: the process's.
class BufferPages final : public v8::PageAllocator {
 public:
  // Gives the allocator to charge for the isolate that the calling thread is in; null where there is none.
  using AccountOfThread = std::shared_ptr<ArrayBufferAllocator> (*)();

  BufferPages(v8::PageAllocator& base, AccountOfThread account_of_thread)
      : base_(base), account_of_thread_(account_of_thread) {}

  void* AllocatePages(void* address, std::size_t length, std::size_t alignment, Permission permissions) override;
  bool FreePages(void* address, std::size_t length) override;
  bool ReleasePages(void* address, std::size_t length, std::size_t new_length) override;
  bool SetPermissions(void* address, std::size_t length, Permission permissions) override;
  bool RecommitPages(void* address, std::size_t length, Permission permissions) override;
  bool DecommitPages(void* address, std::size_t length) override;

  std::size_t AllocatePageSize() override { return base_.AllocatePageSize(); }
  std::size_t CommitPageSize() override { return base_.CommitPageSize(); }
  void SetRandomMmapSeed(std::int64_t seed) override { base_.SetRandomMmapSeed(seed); }
  void* GetRandomMmapAddr() override { return base_.GetRandomMmapAddr(); }
  bool DiscardSystemPages(void* address, std::size_t size) override { return base_.DiscardSystemPages(address, size); }
  bool SealPages(void* address, std::size_t length) override { return base_.SealPages(address, length); }
  bool ReserveForSharedMemoryMapping(void* address, std::size_t size) override {
    return base_.ReserveForSharedMemoryMapping(address, size);
  }
  std::unique_ptr<SharedMemory> AllocateSharedPages(std::size_t length, const void* original_address) override {
    return base_.AllocateSharedPages(length, original_address);
  }
  bool CanAllocateSharedPages() override { return base_.CanAllocateSharedPages(); }

 private:
  // The range that a buffer may grow to; [begin, end) of it is committed.
  struct Reservation {
    std::uintptr_t limit;
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    std::shared_ptr<ArrayBufferAllocator> account;
  };
  Reservation* Find(std::uintptr_t address);
  // Charges what is new in [begin, end); false where it is too much.
  bool Commit(std::uintptr_t begin, std::uintptr_t end);
  void Decommit(std::uintptr_t begin, std::uintptr_t end);

  v8::PageAllocator& base_;
  const AccountOfThread account_of_thread_;
  std::atomic<std::size_t> count_{0};  // Of reservations: without one there is nothing to look up.
  std::mutex mutex_;
  std::map<std::uintptr_t, Reservation> reservations_;  // By their begin. Guarded by mutex_.
};

}  // namespace jsd

#endif  // JSD_CORE_BUFFER_PAGES_H_

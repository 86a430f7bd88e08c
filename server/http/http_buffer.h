#ifndef JSD_SERVER_HTTP_HTTP_BUFFER_H_
#define JSD_SERVER_HTTP_HTTP_BUFFER_H_

#include <sys/uio.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace jsd {

// A piece of memory for bytes on their way from or to a socket: [begin, end) of data() is in use. It lies behind the
// block itself, or elsewhere, where `owner` keeps it: then it is full, and nobody writes to it.
struct Block {
  char* data() { return memory; }
  char* first() { return memory + begin; }
  std::size_t size() const { return end - begin; }
  std::size_t room() const { return capacity - end; }

  Block* next = nullptr;
  char* memory = nullptr;
  std::size_t capacity = 0;
  std::size_t begin = 0;
  std::size_t end = 0;
  std::shared_ptr<const void> owner;
};

// Blocks for the sessions of one service. The block given back last is handed out first, so that a busy worker goes on
// in memory that its caches hold, and connections at rest need none.
//
// Owner: the service. Thread: the worker's. Lifetime: longer than the service's sessions and exchanges.
class BlockPool {
 public:
  static constexpr std::size_t kStandardCapacity = 16 * 1024 - sizeof(Block);

  BlockPool() = default;
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;
  ~BlockPool();

  // An empty block of `capacity` bytes or more.
  Block* Acquire(std::size_t capacity = kStandardCapacity);
  // A block of bytes that stay where they are as long as `owner` lives.
  Block* Borrow(std::string_view bytes, std::shared_ptr<const void> owner);
  void Release(Block* block);

 private:
  Block* standard_ = nullptr;
  Block* large_ = nullptr;
  std::size_t standard_count_ = 0;
  std::size_t large_bytes_ = 0;
};

// Bytes that wait for a socket, in blocks that never move: room handed out stays where it is until it has been sent.
//
// Owner: a session, or an exchange whose turn has not come. Thread: the worker's. Lifetime: within its pool's.
class OutputQueue {
 public:
  explicit OutputQueue(BlockPool& pool) : pool_(pool) {}
  OutputQueue(const OutputQueue&) = delete;
  OutputQueue& operator=(const OutputQueue&) = delete;
  ~OutputQueue() { Clear(); }

  std::size_t bytes() const { return bytes_; }
  bool empty() const { return bytes_ == 0; }

  // Contiguous room behind what is queued; Commit says how much of it is used, before anything else is called.
  char* Prepare(std::size_t size) {
    if (last_ == nullptr || last_->room() < size) AddBlock(pool_.Acquire(size));
    return last_->data() + last_->end;
  }
  void Commit(std::size_t size) {
    last_->end += size;
    bytes_ += size;
  }

  // Room behind what is queued, at most `size` bytes and at least one, without a block of its own where the last has
  // some left. Commit as after Prepare, if anything is used.
  std::span<char> Extend(std::size_t size);

  void Append(std::string_view bytes);
  // The same without a copy: the bytes stay where they are, unchanged, as long as `owner` lives.
  void AppendOwned(std::string_view bytes, std::shared_ptr<const void> owner);

  // Puts what `other` holds, of the same pool, behind what is queued here, without moving a byte.
  void Splice(OutputQueue& other);

  // Fills `buffers` from the front of the queue and returns how many are used.
  std::size_t Gather(std::span<iovec> buffers) const;

  // What is queued, if it lies in one piece; else empty.
  std::string_view piece() const {
    return first_ != nullptr && first_ == last_ ? std::string_view(first_->first(), first_->size())
                                                : std::string_view();
  }

  // Moves bytes from the front into `room`, as many as fit, and returns how many.
  std::size_t Read(std::span<char> room);

  // Drops `size` bytes from the front.
  void Consume(std::size_t size);

  void Clear();

 private:
  void AddBlock(Block* block);

  BlockPool& pool_;
  Block* first_ = nullptr;
  Block* last_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace jsd

#endif  // JSD_SERVER_HTTP_HTTP_BUFFER_H_

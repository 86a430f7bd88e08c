#ifndef JSD_WORKER_CONNECTION_COUNT_H_
#define JSD_WORKER_CONNECTION_COUNT_H_

#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace jsd {

// The connections that a process has open, in all and by the peer's address (of IPv6: its first 64 bits), and how many
// there may be.
//
// Owner: the master. Thread: any. Lifetime: longer than that of its tickets.
class ConnectionCount {
 private:
  using Addresses = std::unordered_map<std::string, std::size_t>;

 public:
  // Stands for one connection, which counts until this goes.
  class Ticket {
   public:
    Ticket() = default;
    Ticket(Ticket&& other) noexcept
        : count_(std::exchange(other.count_, nullptr)), address_(std::exchange(other.address_, nullptr)) {}
    Ticket& operator=(Ticket&& other) noexcept {
      std::swap(count_, other.count_);
      std::swap(address_, other.address_);
      return *this;
    }
    ~Ticket() {
      if (count_ != nullptr) count_->Remove(address_);
    }

   private:
    friend class ConnectionCount;
    Ticket(ConnectionCount* count, Addresses::value_type* address) : count_(count), address_(address) {}
    ConnectionCount* count_ = nullptr;
    Addresses::value_type* address_ = nullptr;  // Null where addresses are not counted.
  };

  // A limit of zero is none.
  ConnectionCount(std::size_t limit, std::size_t limit_per_address)
      : limit_(limit), limit_per_address_(limit_per_address) {}
  ConnectionCount(const ConnectionCount&) = delete;
  ConnectionCount& operator=(const ConnectionCount&) = delete;

  // None where there are as many as there may be. The limit for an address does not concern unix sockets, whose
  // `address` is empty.
  std::optional<Ticket> Admit(const std::string& address);

 private:
  void Remove(Addresses::value_type* address);

  const std::size_t limit_;
  const std::size_t limit_per_address_;
  std::mutex mutex_;
  std::size_t open_ = 0;  // Guarded by mutex_, as is what follows.
  Addresses addresses_;
};

}  // namespace jsd

#endif  // JSD_WORKER_CONNECTION_COUNT_H_

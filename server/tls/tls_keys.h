#ifndef JSD_SERVER_TLS_TLS_KEYS_H_
#define JSD_SERVER_TLS_TLS_KEYS_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <span>

namespace jsd {

// The keys that session tickets (RFC 5077, RFC 8446 section 4.6.1) are sealed with: one that seals, and the one before
// it, whose tickets are still taken. They are made anew after each period, and die with the process.
//
// Owner: the registry of TLS listeners. Thread: any; all workers share them, so that a client may come back to another.
// Lifetime: that of the listeners that use them.
class TicketKeys {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::hours kPeriod{12};

  struct Key {
    std::array<unsigned char, 16> name;
    std::array<unsigned char, 32> cipher;
    std::array<unsigned char, 32> mac;
  };
  struct Found {
    Key key;
    bool outdated;  // The client should get a ticket of the new key.
  };

  explicit TicketKeys(std::function<Clock::time_point()> now = Clock::now);
  ~TicketKeys();
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  // What a new ticket is sealed with.
  Key Current();
  // None where the ticket is too old, or not of this process.
  std::optional<Found> Find(std::span<const unsigned char, 16> name);

 private:
  void Rotate();

  const std::function<Clock::time_point()> now_;
  std::mutex mutex_;
  std::array<Key, 2> keys_;  // The newest first.
  Clock::time_point made_;
};

}  // namespace jsd

#endif  // JSD_SERVER_TLS_TLS_KEYS_H_

#ifndef JSD_CORE_BROADCAST_H_
#define JSD_CORE_BROADCAST_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace jsd {

class SerializedValue;

// What the BroadcastChannels of one runtime have been sent and it has not read yet.
//
// Owner: shared by the runtime and the groups that it has joined. Thread: any. Lifetime: once closed, it takes nothing.
class BroadcastInbox {
 public:
  // The sum of bytes that may wait here; what comes above it is dropped, since a script that does not return must not
  // fill the memory of a process whose other workers go on. A message of any size finds an empty inbox.
  static constexpr std::size_t kMostBytes = 64 << 20;

  struct Delivery {
    std::uint32_t channel;
    std::shared_ptr<const SerializedValue> message;
  };

  // `wake_up` is called on the sender's thread when something comes to an empty inbox.
  explicit BroadcastInbox(std::function<void()> wake_up) : wake_up_(std::move(wake_up)) {}

  void Push(std::uint32_t channel, std::shared_ptr<const SerializedValue> message, std::size_t bytes);
  // What has come, in its order, and how much was dropped since the last call.
  std::vector<Delivery> Take(std::size_t& dropped);
  void Close();

 private:
  std::mutex mutex_;
  std::function<void()> wake_up_;     // Guarded by mutex_. Empty once closed.
  std::vector<Delivery> deliveries_;  // Guarded by mutex_.
  std::size_t bytes_ = 0;             // Guarded by mutex_. Of deliveries_.
  std::size_t dropped_ = 0;           // Guarded by mutex_.
};

// The BroadcastChannels of one app, whatever runtimes and threads they are on. (A page's channels are those of its
// origin; the app is what a server has for it.)
//
// Owner: shared by whoever makes the app's runtimes and by them. Thread: any.
class BroadcastGroup {
 public:
  // A channel is a number of the inbox's own. Channels of one name hear each other in the order in which they joined.
  void Join(const std::string& name, std::shared_ptr<BroadcastInbox> inbox, std::uint32_t channel);
  void Leave(const std::string& name, const BroadcastInbox& inbox, std::uint32_t channel);
  // To all channels of the name but the sender. All receivers see the messages of all senders in one order.
  void Post(const std::string& name, const BroadcastInbox& from, std::uint32_t channel,
            const std::shared_ptr<const SerializedValue>& message, std::size_t bytes);
  // How many channels there are, of all names.
  std::size_t size();

 private:
  struct Member {
    std::shared_ptr<BroadcastInbox> inbox;
    std::uint32_t channel;
  };
  std::mutex mutex_;
  std::unordered_map<std::string, std::vector<Member>> members_;  // Guarded by mutex_. By name.
};

// The BroadcastChannels of one runtime.
//
// Owner: the runtime's state. Thread: the runtime's. Lifetime: the runtime's, at whose end all channels leave.
class BroadcastTable {
 public:
  BroadcastTable() = default;
  ~BroadcastTable();
  BroadcastTable(const BroadcastTable&) = delete;
  BroadcastTable& operator=(const BroadcastTable&) = delete;

  // Before the first channel. Null: the runtime's channels have only each other.
  void Connect(std::shared_ptr<BroadcastGroup> group, std::function<void()> wake_up);

  std::uint32_t Join(std::string name);
  void Leave(std::uint32_t channel);
  void Post(std::uint32_t channel, std::shared_ptr<const SerializedValue> message, std::size_t bytes);
  std::vector<BroadcastInbox::Delivery> Take(std::size_t& dropped) { return inbox_->Take(dropped); }
  bool empty() const { return names_.empty(); }

  // The message that JavaScript is being told of.
  std::shared_ptr<const SerializedValue> current;

 private:
  std::shared_ptr<BroadcastGroup> group_;
  std::shared_ptr<BroadcastInbox> inbox_;
  std::uint32_t last_channel_ = 0;
  std::unordered_map<std::uint32_t, std::string> names_;  // By channel.
};

}  // namespace jsd

#endif  // JSD_CORE_BROADCAST_H_

#ifndef JSD_SERVER_LIFECYCLE_CHANNEL_H_
#define JSD_SERVER_LIFECYCLE_CHANNEL_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "worker/unique_fd.h"

namespace boost::asio {
class io_context;
}

namespace jsd {

// What one jsd process tells another: a word, perhaps a text, perhaps a descriptor. Words are compared as text and
// those that are unknown are ignored, because the two processes may be of different versions.
struct Message {
  std::string word;
  std::string text;
  UniqueFd descriptor;
};

// From a process to the one that it has started.
namespace to_child {
inline constexpr std::string_view kSocket = "socket";    // A listening socket; the text is its address as configured.
inline constexpr std::string_view kStart = "start";      // That was all; the text is a role of Parent.
inline constexpr std::string_view kSignal = "signal";    // Do as if the signal of this number had come.
inline constexpr std::string_view kRetire = "retire";    // Another process serves now: drain and end.
inline constexpr std::string_view kRefused = "refused";  // The upgrade has failed; the text says why.
}  // namespace to_child

// From a process to the one that has started it.
namespace to_parent {
inline constexpr std::string_view kKeep = "keep";        // A listening socket that was opened, as kSocket.
inline constexpr std::string_view kClose = "close";      // One that was closed: its address as configured and as bound.
inline constexpr std::string_view kReady = "ready";      // It serves; the text may be Handover::kUnderstood.
inline constexpr std::string_view kFailed = "failed";    // It cannot start; the text says why.
inline constexpr std::string_view kNotify = "notify";    // A datagram for the service manager.
inline constexpr std::string_view kUpgrade = "upgrade";  // It asks to be replaced.
}  // namespace to_parent

// One end of a pair of connected sockets, which keeps messages apart (SOCK_SEQPACKET).
//
// Owner: the master, the supervisor, or what speaks for the other process there. Thread: the owner's.
// Lifetime: any; a function that was handed in may destroy it.
class Channel {
 public:
  // False, with errno, where the system has no more descriptors.
  static bool MakePair(UniqueFd* one, UniqueFd* other);

  explicit Channel(UniqueFd socket);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // Borrowed.
  int fd() const { return socket_.get(); }

  // A text that is too long is cut. Where the other end does not read, a message waits for a second and is dropped.
  bool Send(std::string_view word, std::string_view text = {}, int descriptor = -1);

  // The next message; false where the other end is gone. Waits; before Watch.
  bool Receive(Message* message);

  // Calls `received` for each message from now on, and `closed` once, when the other end is gone. Unwatch, or the end
  // of the channel, comes before that of the io_context.
  void Watch(boost::asio::io_context& io, std::function<void(Message)> received, std::function<void()> closed);

  void Unwatch();

  // After Watch: calls them for what has come so far. False where nothing more will, or the channel is gone.
  bool ReadAll();

 private:
  struct Watcher;
  enum class Result { kMessage, kNothing, kClosed };

  Result Read(Message* message, int flags);
  void Wait();

  UniqueFd socket_;
  std::unique_ptr<Watcher> watcher_;
  std::function<void(Message)> received_;
  std::function<void()> closed_;
  std::shared_ptr<Channel*> self_;  // What handlers hold weakly.
};

}  // namespace jsd

#endif  // JSD_SERVER_LIFECYCLE_CHANNEL_H_

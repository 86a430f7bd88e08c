#ifndef JSD_SERVER_LIFECYCLE_PARENT_H_
#define JSD_SERVER_LIFECYCLE_PARENT_H_

#include <functional>
#include <memory>
#include <string_view>

#include "server/lifecycle/channel.h"
#include "server/lifecycle/inherited_sockets.h"
#include "server/lifecycle/program.h"

namespace jsd {

// The jsd process that has started this one: a supervisor, or a server that is to be replaced.
//
// Owner: main. Thread: the master's. Lifetime: longer than the master.
class Parent {
 public:
  // How the process is started. The channel's descriptor is what the variable of the environment says.
  static constexpr char kVariable[] = "JSD_CHANNEL";
  static constexpr std::string_view kSupervised = "supervised";
  static constexpr std::string_view kSuccessor = "successor";

  // What the master does when the parent says something.
  struct Handlers {
    std::function<void(int number)> signal;
    std::function<void()> retire;
    std::function<void(std::string_view reason)> upgrade_refused;
    std::function<void()> gone;  // The supervisor has ended.
  };

  // Waits for what the parent hands over. Null where there is none. Before other threads start.
  static std::unique_ptr<Parent> Find();

  // It watches over this process, and speaks for it to the service manager. Otherwise it ends when this one is ready.
  bool supervises() const { return supervises_; }
  InheritedSockets& sockets() { return sockets_; }

  // Unwatch comes before the end of the io_context.
  void Watch(boost::asio::io_context& io, Handlers handlers);
  void Unwatch() { channel_.Unwatch(); }

  void Send(std::string_view word, std::string_view text = {}, int descriptor = -1) {
    channel_.Send(word, text, descriptor);
  }

 private:
  explicit Parent(UniqueFd socket) : channel_(std::move(socket)) {}

  void OnMessage(const Message& message);

  Channel channel_;
  bool supervises_ = false;
  InheritedSockets sockets_;
  Handlers handlers_;
};

// What a server has of the processes before it.
struct Origin {
  Parent* parent = nullptr;  // Outlives the master; null: it was not started by another jsd.
  InheritedSockets sockets;
  Program program;  // Empty: it cannot be replaced.
};

}  // namespace jsd

#endif  // JSD_SERVER_LIFECYCLE_PARENT_H_

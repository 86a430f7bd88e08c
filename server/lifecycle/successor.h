#ifndef JSD_SERVER_LIFECYCLE_SUCCESSOR_H_
#define JSD_SERVER_LIFECYCLE_SUCCESSOR_H_

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/lifecycle/child_process.h"

namespace boost::asio {
class io_context;
}

namespace jsd {

class Listener;

// The process that is to serve in place of this one, where there is no supervisor: it is started from the program's
// file, with the listening sockets, and takes over once it is ready.
//
// Owner: the master. Thread: the master's. Lifetime: within that of the io_context.
class Successor {
 public:
  // Called once, when it serves, or with the reason why it does not; never from within Start.
  using Done = std::function<void(std::optional<std::string> failure)>;

  explicit Successor(boost::asio::io_context& io);
  ~Successor();
  Successor(const Successor&) = delete;
  Successor& operator=(const Successor&) = delete;

  void Start(const Program& program, const std::vector<const Listener*>& sockets, Done done);
  bool starting() const { return done_ != nullptr; }
  // Once it serves.
  pid_t pid() const { return child_->pid(); }

  // SIGCHLD has come.
  void OnChildEnded();

 private:
  struct Timer;

  void Finish(std::optional<std::string> failure);

  boost::asio::io_context& io_;
  std::unique_ptr<Timer> timer_;
  std::unique_ptr<ChildProcess> child_;
  std::vector<std::unique_ptr<ChildProcess>> failed_;  // Until they have ended.
  Done done_;
};

}  // namespace jsd

#endif  // JSD_SERVER_LIFECYCLE_SUCCESSOR_H_

#ifndef JSD_SERVER_LIFECYCLE_CHILD_PROCESS_H_
#define JSD_SERVER_LIFECYCLE_CHILD_PROCESS_H_

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/lifecycle/channel.h"
#include "server/lifecycle/program.h"

namespace jsd {

class Listener;

// How a process has ended, in the words of a log line; and as a shell would say it, 128 + n for signal n.
std::string DescribeStatus(int wait_status);
int ExitStatusOf(int wait_status);

// Another jsd that this process has started, and that may get its listening sockets. See Parent for the other side.
//
// Owner: the supervisor, or a master that is to be replaced. Thread: the owner's.
// Lifetime: any; the process goes on without it.
class ChildProcess {
 public:
  struct Options {
    std::string_view role;  // Of Parent.
    // Where the program's file is gone or no program any more, another copy of this process will do.
    bool or_self = false;
  };

  // Null and `error` where there is no such program, or the system has no room for it.
  static std::unique_ptr<ChildProcess> Start(const Program& program, const std::vector<const Listener*>& sockets,
                                             const Options& options, std::string* error);
  // One that this process had started already when it became a newer version of itself.
  static std::unique_ptr<ChildProcess> Adopt(pid_t pid, UniqueFd channel, std::chrono::milliseconds lived);
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  Channel& channel() { return channel_; }
  std::chrono::steady_clock::time_point started() const { return started_; }

  // The status of wait(2) once the process has ended; then it is gone from the system's table. Does not wait.
  std::optional<int> Ended();

  // For the owner's use:
  bool ready = false;
  std::string failure;  // What it says of why it cannot start.

 private:
  ChildProcess(pid_t pid, UniqueFd channel, std::chrono::milliseconds lived)
      : pid_(pid), channel_(std::move(channel)), started_(std::chrono::steady_clock::now() - lived) {}

  const pid_t pid_;
  Channel channel_;
  const std::chrono::steady_clock::time_point started_;
  std::optional<int> status_;
};

}  // namespace jsd

#endif  // JSD_SERVER_LIFECYCLE_CHILD_PROCESS_H_

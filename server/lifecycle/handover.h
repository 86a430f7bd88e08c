#ifndef JSD_SERVER_LIFECYCLE_HANDOVER_H_
#define JSD_SERVER_LIFECYCLE_HANDOVER_H_

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/lifecycle/channel.h"
#include "server/lifecycle/program.h"
#include "worker/unique_fd.h"

namespace jsd {

// What a supervisor leaves to the newer version of itself that takes its place in the same process. Sockets, channels
// and the children themselves outlast an exec; this says which is which.
struct Inheritance {
  struct Socket {
    std::string name;  // The address as configured.
    UniqueFd descriptor;
    pid_t opened_by = 0;  // 0: systemd.
  };
  struct Child {
    pid_t pid = 0;
    std::chrono::milliseconds lived{};
    bool serves = false;  // Else it finishes what it has.
    UniqueFd channel;
  };
  std::vector<Socket> sockets;
  std::vector<Child> children;
  std::string pid_file;  // Empty: there is none.

  // What the process has been left; none where it is no such process. Before other threads start.
  static std::optional<Inheritance> Find();
};

// The other side: gathers what is left, and becomes the new program.
//
// The parts go into a pair of connected sockets one end of which the program inherits, as messages of a Channel: that
// takes as many of them, and what is unknown to an older or newer version is ignored.
//
// Owner: the supervisor. Thread: its. Lifetime: the attempt.
class Handover {
 public:
  // The variable of the environment with the descriptor's number.
  static constexpr char kVariable[] = "JSD_INHERITANCE";
  // A server says so when it is ready (to_parent::kReady) where its program understands all this.
  static constexpr std::string_view kUnderstood = "inherits-supervision";

  Handover();
  Handover(const Handover&) = delete;
  Handover& operator=(const Handover&) = delete;

  void AddSocket(std::string_view name, int descriptor, pid_t opened_by);
  void AddChild(pid_t pid, std::chrono::milliseconds lived, bool serves, int channel);
  void AddPidFile(std::string_view path);

  // Does not return, except with the reason why this process stays the program that it is.
  std::string Become(const Program& program);

 private:
  void Add(std::string_view word, std::string_view text, int descriptor = -1);

  std::unique_ptr<Channel> mine_;
  UniqueFd its_;
  std::string error_;  // The first that went wrong.
};

}  // namespace jsd

#endif  // JSD_SERVER_LIFECYCLE_HANDOVER_H_

#ifndef JSD_SERVER_LIFECYCLE_INHERITED_SOCKETS_H_
#define JSD_SERVER_LIFECYCLE_INHERITED_SOCKETS_H_

#include <string>
#include <string_view>
#include <vector>

#include "worker/unique_fd.h"

namespace jsd {

// Listening sockets that were open before this process began: those of systemd (socket activation, sd_listen_fds(3)),
// and those of another jsd. Each has the name of the address that it is to be used for, as the configuration has it.
//
// Owner: whoever starts to listen. Thread: the owner's. Lifetime: any; what was not taken is closed with it.
class InheritedSockets {
 public:
  // Adds those that systemd has handed over to this process, and takes the variables about them out of the
  // environment. They are called "systemd:" and their name there. Before other threads start.
  void AddFromSystemd();

  void Add(std::string name, UniqueFd socket) { sockets_.push_back({std::move(name), std::move(socket)}); }

  // The first of that name; not valid where there is none.
  UniqueFd Take(std::string_view name);

  struct Socket {
    std::string name;
    UniqueFd descriptor;
  };
  const std::vector<Socket>& sockets() const { return sockets_; }
  std::vector<Socket> TakeAll() { return std::exchange(sockets_, {}); }

 private:
  std::vector<Socket> sockets_;
};

}  // namespace jsd

#endif  // JSD_SERVER_LIFECYCLE_INHERITED_SOCKETS_H_

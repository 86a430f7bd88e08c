#ifndef JSD_SERVER_METRICS_PROCESS_USAGE_H_
#define JSD_SERVER_METRICS_PROCESS_USAGE_H_

#include <dirent.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "worker/unique_fd.h"

namespace jsd {

// What the process uses of the machine, as proc(5) tells. Its files are opened at once, because a process that has
// confined itself cannot open them later.
//
// Owner: the master. Thread: one at a time. Lifetime: any, within the process that has made it.
class ProcessUsage {
 public:
  struct Figures {
    std::chrono::nanoseconds cpu{};  // Of all threads, in user and kernel mode.
    std::size_t virtual_bytes = 0;
    std::size_t resident_bytes = 0;
    std::size_t open_descriptors = 0;
    std::size_t most_descriptors = 0;
    std::chrono::system_clock::time_point started{};
  };

  ProcessUsage();

  // What cannot be found out is zero.
  Figures Read();

 private:
  struct CloseFolder {
    void operator()(DIR* folder) const { ::closedir(folder); }
  };

  const std::chrono::system_clock::time_point started_;
  const UniqueFd memory_;
  const std::unique_ptr<DIR, CloseFolder> descriptors_;
};

}  // namespace jsd

#endif  // JSD_SERVER_METRICS_PROCESS_USAGE_H_

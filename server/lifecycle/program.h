#ifndef JSD_SERVER_LIFECYCLE_PROGRAM_H_
#define JSD_SERVER_LIFECYCLE_PROGRAM_H_

#include <string>
#include <vector>

namespace jsd {

// How this process was started, for starting another one like it.
struct Program {
  std::string path;  // Absolute; what lies there may be a newer version by now.
  std::vector<std::string> arguments;

  static Program Of(int argc, const char* const* argv);
};

}  // namespace jsd

#endif  // JSD_SERVER_LIFECYCLE_PROGRAM_H_

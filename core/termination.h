#ifndef JSD_CORE_TERMINATION_H_
#define JSD_CORE_TERMINATION_H_

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace jsd {

// JavaScript that was ended from outside, and what it was at.
struct Termination {
  enum class Reason {
    kSlice,      // limits.slice: it did not return.
    kCpu,        // limits.cpu: a request has used too much time in all.
    kHeap,       // limits.heap: the isolate is of no more use.
    kRequested,  // JsRuntime::Terminate.
  };
  static constexpr std::size_t kReasons = 4;
  // The setting whose limit is meant, as logs and metrics name it.
  static constexpr std::array<std::string_view, kReasons> kSettings = {"limits.slice", "limits.cpu", "limits.heap",
                                                                       "server.drain"};
  std::string_view setting() const { return kSettings[static_cast<std::size_t>(reason)]; }

  Reason reason = Reason::kRequested;
  // The request that it ran for; empty where it ran for none, or for one that had its reply.
  std::string method;
  std::string path;  // Without the query, which may hold what no log should.
  // Lines "at function (file:line:column)", innermost first; may be empty.
  std::string stack;
};

// JavaScript that is running, for whoever wants to know what at.
struct Running {
  std::string method;  // As for Termination.
  std::string path;
  std::string stack;
};

}  // namespace jsd

#endif  // JSD_CORE_TERMINATION_H_

#ifndef JSD_SERVER_HTTP_HTTP_ACCESS_LOG_H_
#define JSD_SERVER_HTTP_HTTP_ACCESS_LOG_H_

#include <array>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

#include "config/config.h"
#include "core/request_event.h"
#include "worker/log.h"

namespace jsd {

// A request that is over, as an access log tells of it.
struct AccessEntry {
  const RequestHead& head;  // Empty where the request was refused before it could be read.
  bool http11 = true;
  int status = 0;                       // 499 where the client went before it had one.
  std::uint64_t bytes = 0;              // Of the reply's body, as far as it was written.
  std::chrono::nanoseconds duration{};  // From the request's header to the end of the reply.
};

// The access log of one worker: a line for each request, in the common log format, that with Referer and User-Agent
// ("combined"), or as JSON. Lines are gathered and written many at a time, whole.
//
// Owner: the service. Thread: the worker's. Lifetime: within the sink's; what is left is written when it goes.
class AccessLog {
 public:
  AccessLog(LogSink& sink, AccessLogFormat format) : sink_(sink), format_(format) {}
  ~AccessLog() { Flush(); }
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  void Add(const AccessEntry& entry);
  void Flush();

 private:
  void AddText(const AccessEntry& entry);
  void AddJson(const AccessEntry& entry);
  // Renews the texts of the time, where it is another second.
  void NoteTime();

  LogSink& sink_;
  const AccessLogFormat format_;
  std::string lines_;
  std::time_t second_ = 0;
  std::array<char, 96> common_time_{};  // "31/Jan/2026:12:00:00 +0000"
  std::array<char, 96> iso_time_{};     // "2026-01-31T12:00:00Z"
};

}  // namespace jsd

#endif  // JSD_SERVER_HTTP_HTTP_ACCESS_LOG_H_

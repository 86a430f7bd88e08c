#ifndef JSD_SERVER_HTTP_HTTP_REPLY_H_
#define JSD_SERVER_HTTP_HTTP_REPLY_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <string_view>

#include "core/request_event.h"

namespace jsd {

// The standard phrase of a status, "Not Found"; "Unknown" where there is none.
std::string_view StatusPhrase(int status);

// The body of an answer that the server itself gives, "Not Found\n".
std::string_view GenericBody(int status);

// "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" (RFC 9110 section 5.6.7), made anew once a second.
//
// Owner: the service. Thread: the worker's. Lifetime: the service's.
class DateLine {
 public:
  std::string_view Get();

 private:
  std::time_t second_ = -1;
  std::array<char, 96> text_{};
  std::size_t size_ = 0;
};

// How the end of a reply's body is told (RFC 9112 section 6.3).
enum class Framing {
  kNone,     // No body and no word about it, or the body ends with the connection.
  kLength,   // Content-Length.
  kChunked,  // Transfer-Encoding: chunked.
};

// What the reply says about the connection (RFC 9112 section 9).
enum class ConnectionOption { kNone, kKeepAlive, kClose };

struct ReplyFraming {
  Framing framing = Framing::kNone;
  std::uint64_t length = 0;
  ConnectionOption connection = ConnectionOption::kNone;
  std::string_view hsts;  // A field line that is left out where the fields have it, Strict-Transport-Security.
};

// Replies with these have no body, and no field says how long it were (RFC 9110 section 8.6).
inline bool IsBodyless(int status) { return status == 204 || status == 304; }

// Room that is enough for WriteHead.
inline std::size_t MaxHeadSize(const ReplyHead& head) { return 256 + head.status_text.size() + head.fields.size(); }

// Writes status line, fields and the empty line at `out`, and returns their end. `date` is left out where the fields
// have one.
char* WriteHead(char* out, const ReplyHead& head, const ReplyFraming& framing, std::string_view date);

// The size line of a chunk, "1f4\r\n", at `out`, which has room for kMaxChunkSizeLine bytes. Returns its end.
inline constexpr std::size_t kMaxChunkSizeLine = 18;
char* WriteChunkSize(char* out, std::size_t size);

inline constexpr std::string_view kLastChunk = "0\r\n\r\n";
inline constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
// The fields of an answer that the server itself gives.
inline constexpr std::string_view kGenericFields = "Content-Type: text/plain\r\n";

}  // namespace jsd

#endif  // JSD_SERVER_HTTP_HTTP_REPLY_H_

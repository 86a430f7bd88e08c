#ifndef JSD_SERVER_HTTP_HTTP_CHECK_H_
#define JSD_SERVER_HTTP_HTTP_CHECK_H_

#include <boost/beast/http/field.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "core/request_event.h"

namespace jsd {

// Everything in which Beast's parser is more lenient or stricter than RFC 9110 and RFC 9112 stands here: what is looked
// at before it sees a header, for each field it finds, and after it. A status of 0 means that nothing is wrong; any
// other is the status of the answer, after which no byte of the connection may be read as a request.

// A request's header as the parser records it. Every view lies in the bytes that were parsed, or in a literal.
struct HttpRequest {
  RequestHead head;
  std::vector<HeaderField> fields;
  std::uint64_t content_length = 0;
  unsigned hosts = 0;
  bool http11 = true;
  bool has_content_length = false;
  bool chunked = false;
  bool connection_close = false;
  bool connection_keep_alive = false;
  bool expect_continue = false;
  bool upgrade_websocket = false;   // Upgrade names it,
  bool connection_upgrade = false;  // and Connection names Upgrade.
  bool websocket = false;           // The request asks for a WebSocket (RFC 6455 section 4.2.1).

  // Whether the client wants the connection kept (RFC 9112 section 9.3).
  bool keep_alive() const { return !connection_close && (http11 || connection_keep_alive); }

  // Forgets the last request but keeps the memory.
  void Clear();
};

// Finds the end of a header while it arrives, in whatever pieces, and checks its lines: only CRLF ends a line, none is
// folded, the request line ends in a version that is served (RFC 9112 sections 2.2, 2.3, 3 and 5.2).
//
// Owner: a session. Thread: the worker's. Lifetime: the session's; it is reset for each message.
class HeaderScanner {
 public:
  explicit HeaderScanner(const LimitsConfig& limits) : limits_(limits) {}

  // Goes on in `data`, which holds all bytes of the message that have come. Returns a status.
  int Scan(char* data, std::size_t size);

  // Of the header that Scan found whole: where its request line starts, behind empty lines, and where its body starts.
  bool done() const { return done_; }
  std::size_t start() const { return start_; }
  std::size_t end() const { return position_; }

  // True when nothing but empty lines has come.
  bool blank() const { return position_ == start_; }

  void Reset();

 private:
  int CheckRequestLine(char* line, std::size_t size) const;

  const LimitsConfig& limits_;
  std::size_t position_ = 0;  // Everything before it has been looked at.
  std::size_t line_start_ = 0;
  std::size_t start_ = 0;
  unsigned empty_lines_ = 0;
  bool in_fields_ = false;
  bool done_ = false;
};

// Takes note of what a field means for framing and connection, and checks it.
int CheckField(boost::beast::http::field field, std::string_view value, HttpRequest& request);

// After the whole header: Host, the form of the target, and what both make of authority and target (RFC 9112 section
// 3.2 and 3.3). `default_authority` is used where the client need not say one. May rewrite bytes of the target.
int CheckRequest(HttpRequest& request, std::string_view scheme, std::string_view default_authority);

// The extensions of a chunk as the parser accepted them (RFC 9112 section 7.1.1).
int CheckChunkExtensions(std::string_view extensions);

// What is left of a chunked body when the parser asks for more: the size line of a chunk, with or without the line end
// before it, or the trailer section. Beast would look for the end of a quoted string beyond the line's, and wait for
// the end of a line behind a bare CR or LF.
int CheckUnfinishedChunk(std::string_view rest);

// A field of the trailer section, which may not say what had to be known before (RFC 9110 section 6.5.1).
int CheckTrailer(boost::beast::http::field field);

// uri-host [":" port] (RFC 9110 section 7.2, RFC 3986 section 3.2.2), no user information, no list.
bool IsValidAuthority(std::string_view authority);

}  // namespace jsd

#endif  // JSD_SERVER_HTTP_HTTP_CHECK_H_

#include "server/http/http_reply.h"

#include <time.h>

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "config/ascii.h"

namespace jsd {
namespace {

struct StatusLine {
  int status;
  std::string_view line;
};

// IANA's registry of status codes, as whole status lines.
constexpr StatusLine kStatusLines[] = {
    {200, "HTTP/1.1 200 OK\r\n"},
    {201, "HTTP/1.1 201 Created\r\n"},
    {202, "HTTP/1.1 202 Accepted\r\n"},
    {203, "HTTP/1.1 203 Non-Authoritative Information\r\n"},
    {204, "HTTP/1.1 204 No Content\r\n"},
    {205, "HTTP/1.1 205 Reset Content\r\n"},
    {206, "HTTP/1.1 206 Partial Content\r\n"},
    {207, "HTTP/1.1 207 Multi-Status\r\n"},
    {208, "HTTP/1.1 208 Already Reported\r\n"},
    {226, "HTTP/1.1 226 IM Used\r\n"},
    {300, "HTTP/1.1 300 Multiple Choices\r\n"},
    {301, "HTTP/1.1 301 Moved Permanently\r\n"},
    {302, "HTTP/1.1 302 Found\r\n"},
    {303, "HTTP/1.1 303 See Other\r\n"},
    {304, "HTTP/1.1 304 Not Modified\r\n"},
    {305, "HTTP/1.1 305 Use Proxy\r\n"},
    {307, "HTTP/1.1 307 Temporary Redirect\r\n"},
    {308, "HTTP/1.1 308 Permanent Redirect\r\n"},
    {400, "HTTP/1.1 400 Bad Request\r\n"},
    {401, "HTTP/1.1 401 Unauthorized\r\n"},
    {402, "HTTP/1.1 402 Payment Required\r\n"},
    {403, "HTTP/1.1 403 Forbidden\r\n"},
    {404, "HTTP/1.1 404 Not Found\r\n"},
    {405, "HTTP/1.1 405 Method Not Allowed\r\n"},
    {406, "HTTP/1.1 406 Not Acceptable\r\n"},
    {407, "HTTP/1.1 407 Proxy Authentication Required\r\n"},
    {408, "HTTP/1.1 408 Request Timeout\r\n"},
    {409, "HTTP/1.1 409 Conflict\r\n"},
    {410, "HTTP/1.1 410 Gone\r\n"},
    {411, "HTTP/1.1 411 Length Required\r\n"},
    {412, "HTTP/1.1 412 Precondition Failed\r\n"},
    {413, "HTTP/1.1 413 Content Too Large\r\n"},
    {414, "HTTP/1.1 414 URI Too Long\r\n"},
    {415, "HTTP/1.1 415 Unsupported Media Type\r\n"},
    {416, "HTTP/1.1 416 Range Not Satisfiable\r\n"},
    {417, "HTTP/1.1 417 Expectation Failed\r\n"},
    {418, "HTTP/1.1 418 I'm a Teapot\r\n"},
    {421, "HTTP/1.1 421 Misdirected Request\r\n"},
    {422, "HTTP/1.1 422 Unprocessable Content\r\n"},
    {423, "HTTP/1.1 423 Locked\r\n"},
    {424, "HTTP/1.1 424 Failed Dependency\r\n"},
    {425, "HTTP/1.1 425 Too Early\r\n"},
    {426, "HTTP/1.1 426 Upgrade Required\r\n"},
    {428, "HTTP/1.1 428 Precondition Required\r\n"},
    {429, "HTTP/1.1 429 Too Many Requests\r\n"},
    {431, "HTTP/1.1 431 Request Header Fields Too Large\r\n"},
    {451, "HTTP/1.1 451 Unavailable For Legal Reasons\r\n"},
    {500, "HTTP/1.1 500 Internal Server Error\r\n"},
    {501, "HTTP/1.1 501 Not Implemented\r\n"},
    {502, "HTTP/1.1 502 Bad Gateway\r\n"},
    {503, "HTTP/1.1 503 Service Unavailable\r\n"},
    {504, "HTTP/1.1 504 Gateway Timeout\r\n"},
    {505, "HTTP/1.1 505 HTTP Version Not Supported\r\n"},
    {506, "HTTP/1.1 506 Variant Also Negotiates\r\n"},
    {507, "HTTP/1.1 507 Insufficient Storage\r\n"},
    {508, "HTTP/1.1 508 Loop Detected\r\n"},
    {510, "HTTP/1.1 510 Not Extended\r\n"},
    {511, "HTTP/1.1 511 Network Authentication Required\r\n"},
};

constexpr int kFirstStatus = 200;
constexpr int kLastStatus = 599;
constexpr std::string_view kUnknownPhrase = "Unknown";
constexpr std::string_view kStatusLinePrefix = "HTTP/1.1 ";
constexpr std::size_t kPhraseOffset = kStatusLinePrefix.size() + 4;

// The lines by status; empty where there is none.
constexpr auto kLineOf = [] {
  std::array<std::string_view, kLastStatus - kFirstStatus + 1> lines{};
  for (const StatusLine& entry : kStatusLines) lines[entry.status - kFirstStatus] = entry.line;
  return lines;
}();

std::string_view KnownStatusLine(int status) {
  return status < kFirstStatus || status > kLastStatus ? std::string_view() : kLineOf[status - kFirstStatus];
}

char* Put(char* out, std::string_view text) { return out + text.copy(out, text.size()); }

char* PutNumber(char* out, std::uint64_t number, int base = 10) {
  return std::to_chars(out, out + 20, number, base).ptr;
}

char* PutStatusLine(char* out, int status, std::string_view text) {
  const std::string_view known = KnownStatusLine(status);
  if (!known.empty() && (text.empty() || text == StatusPhrase(status))) return Put(out, known);
  out = Put(out, kStatusLinePrefix);
  out = PutNumber(out, static_cast<std::uint64_t>(status));
  *out++ = ' ';
  out = Put(out, text.empty() ? kUnknownPhrase : text);
  return Put(out, "\r\n");
}

bool HasDate(std::string_view fields) {
  constexpr std::string_view kName = "date:";
  while (fields.size() > kName.size()) {
    if ((fields[0] | 0x20) == 'd' && fields[4] == ':' && (fields[1] | 0x20) == 'a' && (fields[2] | 0x20) == 't' &&
        (fields[3] | 0x20) == 'e') {
      return true;
    }
    const std::size_t end = fields.find('\n');
    if (end == std::string_view::npos) return false;
    fields.remove_prefix(end + 1);
  }
  return false;
}

bool HasHsts(std::string_view fields) {
  constexpr std::string_view kName = "strict-transport-security:";
  for (; fields.size() > kName.size(); fields.remove_prefix(fields.find('\n') + 1)) {
    if (EqualsLower(fields.substr(0, kName.size()), kName)) return true;
  }
  return false;
}

}  // namespace

std::string_view StatusPhrase(int status) {
  std::string_view line = KnownStatusLine(status);
  if (line.empty()) return kUnknownPhrase;
  line.remove_prefix(kPhraseOffset);
  line.remove_suffix(2);
  return line;
}

std::string_view GenericBody(int status) {
  static const auto kBodies = [] {
    std::array<std::array<char, 40>, kLastStatus - kFirstStatus + 1> bodies{};
    for (int i = 0; i < static_cast<int>(bodies.size()); ++i) {
      const std::string_view phrase = StatusPhrase(i + kFirstStatus);
      *Put(bodies[i].data(), phrase) = '\n';
    }
    return bodies;
  }();
  return std::string_view(kBodies[status - kFirstStatus].data(), StatusPhrase(status).size() + 1);
}

std::string_view DateLine::Get() {
  timespec now;
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  if (now.tv_sec != second_) {
    constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    second_ = now.tv_sec;
    std::tm utc{};
    gmtime_r(&second_, &utc);
    // Not strftime, whose names of days and months are the locale's.
    const int size =
        std::snprintf(text_.data(), text_.size(), "Date: %s, %02d %s %d %02d:%02d:%02d GMT\r\n", kDays[utc.tm_wday],
                      utc.tm_mday, kMonths[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
    size_ = static_cast<std::size_t>(size);
  }
  return std::string_view(text_.data(), size_);
}

char* WriteHead(char* out, const ReplyHead& head, const ReplyFraming& framing, std::string_view date) {
  out = PutStatusLine(out, head.status, head.status_text);
  if (!HasDate(head.fields)) out = Put(out, date);
  out = Put(out, head.fields);
  if (!framing.hsts.empty() && !HasHsts(head.fields)) out = Put(out, framing.hsts);
  switch (framing.framing) {
    case Framing::kNone:
      break;
    case Framing::kLength:
      out = Put(out, "Content-Length: ");
      out = PutNumber(out, framing.length);
      out = Put(out, "\r\n");
      break;
    case Framing::kChunked:
      out = Put(out, "Transfer-Encoding: chunked\r\n");
      break;
  }
  switch (framing.connection) {
    case ConnectionOption::kNone:
      break;
    case ConnectionOption::kKeepAlive:
      out = Put(out, "Connection: keep-alive\r\n");
      break;
    case ConnectionOption::kClose:
      out = Put(out, "Connection: close\r\n");
      break;
  }
  return Put(out, "\r\n");
}

char* WriteChunkSize(char* out, std::size_t size) {
  out = PutNumber(out, size, 16);
  return Put(out, "\r\n");
}

}  // namespace jsd

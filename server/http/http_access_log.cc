#include "server/http/http_access_log.h"

#include <boost/beast/core/string.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace jsd {
namespace {

// So many bytes of lines are written together, at least; what is less waits for the next sweep.
constexpr std::size_t kEnoughToWrite = 64 * 1024;

std::string_view ValueOf(const RequestHead& head, std::string_view name) {
  for (const HeaderField& field : head.fields) {
    if (boost::beast::iequals(field.name, name)) return field.value;
  }
  return {};
}

// What a client has sent, so that no line can be forged nor a quoted text be left.
void AppendQuoted(std::string& out, std::string_view text) {
  out += '"';
  if (text.empty()) out += '-';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte >= 0x7f) {
      char escaped[5];
      std::snprintf(escaped, sizeof escaped, "\\x%02x", byte);
      out += escaped;
    } else {
      out += c;
    }
  }
  out += '"';
}

}  // namespace

void AccessLog::Add(const AccessEntry& entry) {
  NoteTime();
  format_ == AccessLogFormat::kJson ? AddJson(entry) : AddText(entry);
  lines_ += '\n';
  if (lines_.size() >= kEnoughToWrite) Flush();
}

void AccessLog::Flush() {
  if (lines_.empty()) return;
  sink_.Write(lines_);
  lines_.clear();
}

void AccessLog::AddText(const AccessEntry& entry) {
  const RequestHead& head = entry.head;
  lines_ += head.remote_address.empty() ? "-" : head.remote_address;
  lines_ += " - - [";
  lines_ += common_time_.data();
  lines_ += "] ";
  std::string request;
  if (!head.method.empty()) {
    request.append(head.method).append(" ").append(head.target).append(entry.http11 ? " HTTP/1.1" : " HTTP/1.0");
  }
  AppendQuoted(lines_, request);
  lines_ += ' ';
  lines_ += std::to_string(entry.status);
  lines_ += ' ';
  lines_ += entry.bytes == 0 ? "-" : std::to_string(entry.bytes);
  if (format_ != AccessLogFormat::kCombined) return;
  lines_ += ' ';
  AppendQuoted(lines_, ValueOf(head, "referer"));
  lines_ += ' ';
  AppendQuoted(lines_, ValueOf(head, "user-agent"));
}

void AccessLog::AddJson(const AccessEntry& entry) {
  const RequestHead& head = entry.head;
  nlohmann::ordered_json object;
  object["time"] = iso_time_.data();
  object["remote"] = head.remote_address;
  object["method"] = head.method;
  object["host"] = head.authority;
  object["target"] = head.target;
  object["version"] = entry.http11 ? "HTTP/1.1" : "HTTP/1.0";
  object["status"] = entry.status;
  object["bytes"] = entry.bytes;
  object["duration_ms"] =
      static_cast<double>(std::chrono::round<std::chrono::microseconds>(entry.duration).count()) / 1000;
  object["referer"] = ValueOf(head, "referer");
  object["user_agent"] = ValueOf(head, "user-agent");
  lines_ += object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

void AccessLog::NoteTime() {
  timespec now;
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  if (now.tv_sec == second_) return;
  second_ = now.tv_sec;
  // Not strftime, whose names of months are the locale's.
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm utc{};
  gmtime_r(&second_, &utc);
  const int year = utc.tm_year + 1900;
  std::snprintf(common_time_.data(), common_time_.size(), "%02d/%s/%d:%02d:%02d:%02d +0000", utc.tm_mday,
                kMonths[utc.tm_mon], year, utc.tm_hour, utc.tm_min, utc.tm_sec);
  std::snprintf(iso_time_.data(), iso_time_.size(), "%d-%02d-%02dT%02d:%02d:%02dZ", year, utc.tm_mon + 1, utc.tm_mday,
                utc.tm_hour, utc.tm_min, utc.tm_sec);
}

}  // namespace jsd

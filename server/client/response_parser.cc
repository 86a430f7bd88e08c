#include "server/client/response_parser.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <charconv>

#include "config/ascii.h"

namespace jsd {
namespace {

namespace http = boost::beast::http;

// Calls `visit` with each member of a list of tokens.
template <typename Visit>
void ForEachToken(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view token = TrimBlanks(list.substr(0, comma));
    if (!token.empty()) visit(token);
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

void AppendField(std::string& lines, std::string_view name, std::string_view value) {
  for (const char c : name) lines += AsciiLower(c);
  lines.append(": ").append(value).append("\r\n");
}

// RFC 9110 section 6.5.1: not what frames or routes a message, says who one is, or how its content is to be taken.
bool MayBeTrailer(http::field name) {
  switch (name) {
    case http::field::authorization:
    case http::field::cache_control:
    case http::field::connection:
    case http::field::content_encoding:
    case http::field::content_length:
    case http::field::content_range:
    case http::field::content_type:
    case http::field::host:
    case http::field::keep_alive:
    case http::field::proxy_authenticate:
    case http::field::proxy_authorization:
    case http::field::proxy_connection:
    case http::field::set_cookie:
    case http::field::te:
    case http::field::trailer:
    case http::field::transfer_encoding:
    case http::field::upgrade:
    case http::field::www_authenticate:
      return false;
    default:
      return true;
  }
}

}  // namespace

ResponseParser::ResponseParser(bool head_only, std::uint32_t most_header, ResponseSink& sink)
    : sink_(sink), most_header_(most_header) {
  header_limit(most_header);
  body_limit(boost::none);
  eager(true);
  skip(head_only);
}

bool ResponseParser::Parse(std::string_view bytes, std::size_t& consumed) {
  consumed = 0;
  while (consumed < bytes.size() && !is_done()) {
    error_code error;
    consumed += put(boost::asio::buffer(bytes.substr(consumed)), error);
    if (error == http::error::need_more) return true;
    if (error) {
      if (error_.empty()) error_ = error.message();
      return false;
    }
  }
  return true;
}

bool ResponseParser::ParseEnd() {
  error_code error;
  if (!is_done() && got_some()) put_eof(error);
  return !error && is_done();
}

void ResponseParser::on_response_impl(int code, string_view reason, int, error_code&) {
  status_ = code;
  reason_.assign(reason.data(), reason.size());
}

void ResponseParser::on_field_impl(field name, string_view name_text, string_view value, error_code& error) {
  if (in_body_) {
    if (!MayBeTrailer(name)) return;
    AppendField(trailers_, name_text, value);
    if (trailers_.size() > most_header_) {
      error_ = "the trailer is too long";
      error = http::error::header_limit;
    }
    return;
  }
  switch (name) {
    case field::connection:
      connection_.append(connection_.empty() ? "" : ",").append(value);
      return;
    case field::keep_alive:
      ForEachToken(value, [this](std::string_view parameter) {
        constexpr std::string_view kTimeout = "timeout=";
        unsigned seconds = 0;
        if (parameter.size() <= kTimeout.size() || !EqualsIgnoringCase(parameter.substr(0, kTimeout.size()), kTimeout))
          return;
        const char* const end = parameter.data() + parameter.size();
        if (std::from_chars(parameter.data() + kTimeout.size(), end, seconds).ec == std::errc()) {
          idle_timeout_ = std::chrono::seconds(seconds);
        }
      });
      return;
    case field::proxy_connection:
    case field::transfer_encoding:
      return;
    case field::upgrade:
      upgrade_.append(upgrade_.empty() ? "" : ", ").append(value);
      return;
    case field::content_encoding:
      content_encoding_.append(content_encoding_.empty() ? "" : ", ").append(value);
      break;
    default:
      break;
  }
  AppendField(fields_, name_text, value);
}

void ResponseParser::on_header_impl(error_code& error) {
  in_body_ = true;
  if (status_ < 100 || status_ > 599) {
    error_ = "the status " + std::to_string(status_) + " is none";
    error = http::error::bad_status;
    return;
  }
  DropNamedByConnection();
  if (!interim()) sink_.OnResponseHead();
}

void ResponseParser::DropNamedByConnection() {
  if (connection_.empty()) return;
  ForEachToken(connection_, [this](std::string_view token) {
    if (EqualsIgnoringCase(token, "close") || EqualsIgnoringCase(token, "keep-alive")) return;
    for (std::size_t at = 0; at < fields_.size();) {
      const std::size_t end = fields_.find("\r\n", at) + 2;
      const std::size_t colon = fields_.find(':', at);
      if (EqualsIgnoringCase(std::string_view(fields_).substr(at, colon - at), token)) {
        fields_.erase(at, end - at);
      } else {
        at = end;
      }
    }
  });
}

std::size_t ResponseParser::on_body_impl(string_view bytes, error_code&) {
  sink_.OnResponseBody({bytes.data(), bytes.size()});
  return bytes.size();
}

std::size_t ResponseParser::on_chunk_body_impl(std::uint64_t, string_view bytes, error_code&) {
  sink_.OnResponseBody({bytes.data(), bytes.size()});
  return bytes.size();
}

}  // namespace jsd

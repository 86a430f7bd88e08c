#include "server/http/http_parser.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <limits>

namespace jsd {

namespace http = boost::beast::http;

namespace {

bool StartsShortLastChunk(std::string_view rest) {
  constexpr std::size_t kShortest = 5;  // "0\r\n\r\n"
  if (rest.size() >= kShortest) return false;
  if (rest.starts_with("\r\n")) rest.remove_prefix(2);
  return rest.starts_with('0');
}

}  // namespace

HttpParser::HttpParser(const LimitsConfig& limits, HttpRequest& request) : limits_(limits), request_(request) {
  // HeaderScanner has seen to the size of the header.
  header_limit(std::numeric_limits<std::uint32_t>::max());
  body_limit(limits.body);
}

int HttpParser::ParseHeader(std::string_view header) {
  error_code error;
  put(boost::asio::buffer(header), error);
  if (error) return StatusOf(error);
  if (!is_header_done()) return 400;
  if (request_.has_content_length) request_.content_length = *content_length();
  return 0;
}

int HttpParser::ParseChunks(std::string_view bytes, std::size_t& consumed, BodySink* body) {
  in_body_ = true;
  body_ = body;
  consumed = 0;
  while (consumed < bytes.size() && !is_done()) {
    error_code error;
    input_ = bytes.substr(consumed);
    // Beast has seen the last chunk's line, and takes it for granted that something has come behind it.
    if (chunk_left_ == 0 && StartsShortLastChunk(input_)) return CheckUnfinishedChunk(input_);
    // A chunk's size line, or the last one with the trailers behind it.
    const bool reads_line = chunk_left_ == 0;
    const std::size_t used = put(boost::asio::buffer(input_), error);
    consumed += used;
    if (error == http::error::need_more) {
      const std::string_view rest = bytes.substr(consumed);
      return rest.size() > limits_.headers ? 431 : CheckUnfinishedChunk(rest);
    }
    if (error) return StatusOf(error);
    if (reads_line && used > limits_.headers) return 431;
  }
  return 0;
}

int HttpParser::StatusOf(const error_code& error) const {
  if (status_ != 0) return status_;
  if (error == http::error::body_limit) return 413;
  return 400;
}

void HttpParser::Reject(int status, error_code& error) {
  status_ = status;
  error = http::error::bad_value;
}

void HttpParser::on_request_impl(http::verb, string_view method_text, string_view target, int version, error_code&) {
  request_.head.method = method_text;
  request_.head.target = target;
  request_.http11 = version >= 11;
}

void HttpParser::on_field_impl(field name, string_view name_text, string_view value, error_code& error) {
  int status = 0;
  if (in_body_) {
    // Trailers are checked and dropped.
    status = IsFolded(name_text, value) ? 400 : CheckTrailer(name);
  } else {
    request_.fields.push_back({name_text, value});
    status = CheckField(name, value, request_);
  }
  if (status != 0) Reject(status, error);
}

bool HttpParser::IsFolded(std::string_view name, std::string_view value) const {
  // Beast unfolds a value into memory of its own, or skips line ends before its first character.
  if (value.data() < input_.data() || value.data() > input_.data() + input_.size()) return true;
  const char* const name_end = name.data() + name.size();
  return std::find(name_end, value.data(), '\r') != value.data();
}

void HttpParser::on_chunk_header_impl(std::uint64_t size, string_view extensions, error_code& error) {
  chunk_left_ = size;
  extension_bytes_ += extensions.size();
  const int status = extension_bytes_ > limits_.headers ? 400 : CheckChunkExtensions(extensions);
  if (status != 0) Reject(status, error);
}

std::size_t HttpParser::on_chunk_body_impl(std::uint64_t, string_view bytes, error_code&) {
  chunk_left_ -= bytes.size();
  if (body_ != nullptr) body_->AppendBody(bytes);
  return bytes.size();
}

}  // namespace jsd

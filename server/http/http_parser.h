#ifndef JSD_SERVER_HTTP_HTTP_PARSER_H_
#define JSD_SERVER_HTTP_HTTP_PARSER_H_

#include <boost/beast/http/basic_parser.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "config/config.h"
#include "server/http/http_check.h"

namespace jsd {

// What takes the decoded bytes of a chunked body.
//
// Owner: whoever parses. Thread: the caller's. Lifetime: the call's to which it is given.
class BodySink {
 public:
  virtual void AppendBody(std::string_view bytes) = 0;

 protected:
  ~BodySink() = default;
};

// Beast's request parser, which records views of the bytes it is given instead of copies of them.
//
// Owner: a session, one for each message. Thread: the worker's. Lifetime: reads a header into the request, which may be
// gone when the body is read.
class HttpParser final : public boost::beast::http::basic_parser<true> {
 public:
  HttpParser(const LimitsConfig& limits, HttpRequest& request);

  // Reads a header, given whole, as HeaderScanner found it. Returns a status, see http_check.h.
  int ParseHeader(std::string_view header);

  // Goes on with a chunked body. `bytes` starts with what the last call left; `consumed` are done with. What it decodes
  // goes into `body`, or nowhere if that is null.
  int ParseChunks(std::string_view bytes, std::size_t& consumed, BodySink* body);

  bool complete() const { return is_done(); }

 private:
  using error_code = boost::beast::error_code;
  using string_view = boost::beast::string_view;
  using field = boost::beast::http::field;

  void on_request_impl(boost::beast::http::verb method, string_view method_text, string_view target, int version,
                       error_code& error) override;
  void on_response_impl(int, string_view, int, error_code&) override {}
  void on_field_impl(field name, string_view name_text, string_view value, error_code& error) override;
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(string_view, error_code&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t size, string_view extensions, error_code& error) override;
  std::size_t on_chunk_body_impl(std::uint64_t remaining, string_view bytes, error_code& error) override;
  void on_finish_impl(error_code&) override {}

  int StatusOf(const error_code& error) const;
  bool IsFolded(std::string_view name, std::string_view value) const;
  void Reject(int status, error_code& error);

  const LimitsConfig& limits_;
  HttpRequest& request_;
  BodySink* body_ = nullptr;
  std::string_view input_;  // What is being parsed, while it is.
  std::size_t extension_bytes_ = 0;
  std::uint64_t chunk_left_ = 0;  // Bytes of the chunk that have not come.
  int status_ = 0;                // Of a check of ours that failed.
  bool in_body_ = false;
};

}  // namespace jsd

#endif  // JSD_SERVER_HTTP_HTTP_PARSER_H_

#ifndef JSD_SERVER_CLIENT_RESPONSE_PARSER_H_
#define JSD_SERVER_CLIENT_RESPONSE_PARSER_H_

#include <boost/beast/http/basic_parser.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace jsd {

// What takes the body that a parser finds.
//
// Owner: whoever parses. Thread: the caller's. Lifetime: the call's to which it is given.
class ResponseSink {
 public:
  virtual void OnResponseHead() = 0;
  virtual void OnResponseBody(std::string_view bytes) = 0;

 protected:
  ~ResponseSink() = default;
};

// Beast's response parser, for one response with the interim ones before it (RFC 9110 section 15.2). Fields are kept as
// the lines that a runtime wants, without what concerns the connection alone (section 7.6.1).
//
// Owner: a connection, one for each response. Thread: the worker's. Lifetime: within that of the sink.
class ResponseParser final : public boost::beast::http::basic_parser<false> {
 public:
  // `head_only`: the request's method has responses without a body, as HEAD. `most_header` in bytes.
  ResponseParser(bool head_only, std::uint32_t most_header, ResponseSink& sink);

  // Takes what it can of `bytes`; what it left comes again in front of the next ones. False: this is no response.
  bool Parse(std::string_view bytes, std::size_t& consumed);
  // The connection has ended. False: before the response was complete.
  bool ParseEnd();

  bool complete() const { return is_done(); }
  // Of the head, once it has come:
  bool interim() const { return status_ >= 100 && status_ < 200; }
  int status() const { return status_; }
  bool upgraded() const { return status_ == 101; }
  bool reusable() const { return keep_alive(); }
  const std::string& reason() const { return reason_; }
  const std::string& fields() const { return fields_; }
  const std::string& trailers() const { return trailers_; }
  const std::string& content_encoding() const { return content_encoding_; }
  // The values of Upgrade and Connection, which fields() lacks.
  const std::string& upgrade() const { return upgrade_; }
  const std::string& connection() const { return connection_; }
  // Keep-Alive: timeout=…, which servers announce.
  std::optional<std::chrono::seconds> idle_timeout() const { return idle_timeout_; }
  // What was wrong.
  const std::string& error() const { return error_; }

 private:
  using error_code = boost::beast::error_code;
  using string_view = boost::beast::string_view;
  using field = boost::beast::http::field;

  void on_request_impl(boost::beast::http::verb, string_view, string_view, int, error_code&) override {}
  void on_response_impl(int code, string_view reason, int version, error_code&) override;
  void on_field_impl(field name, string_view name_text, string_view value, error_code& error) override;
  void on_header_impl(error_code& error) override;
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(string_view bytes, error_code&) override;
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t remaining, string_view bytes, error_code&) override;
  void on_finish_impl(error_code&) override {}

  // Takes out the fields that Connection names.
  void DropNamedByConnection();

  ResponseSink& sink_;
  int status_ = 0;
  bool in_body_ = false;
  std::string reason_;
  std::string fields_;
  std::string trailers_;
  std::size_t most_header_;
  std::string connection_;
  std::string upgrade_;
  std::string content_encoding_;
  std::optional<std::chrono::seconds> idle_timeout_;
  std::string error_;
};

}  // namespace jsd

#endif  // JSD_SERVER_CLIENT_RESPONSE_PARSER_H_

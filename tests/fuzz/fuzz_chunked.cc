// A chunked body, decoded at once and a piece at a time, which must come to the same.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/http/http_check.h"
#include "server/http/http_parser.h"

namespace {

struct Body final : jsd::BodySink {
  void AppendBody(std::string_view bytes) override { text.append(bytes); }
  std::string text;
};

struct Outcome {
  int status = 0;
  bool complete = false;
  std::string body;
};

// `step`: so many bytes come at a time.
Outcome Decode(std::string_view coded, std::size_t step) {
  static const jsd::LimitsConfig kLimits = [] {
    jsd::LimitsConfig limits;
    limits.body = 4096;
    limits.headers = 4096;
    limits.target = 256;
    return limits;
  }();
  constexpr std::string_view kHeader = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  jsd::HttpRequest request;
  jsd::HttpParser parser(kLimits, request);
  if (parser.ParseHeader(kHeader) != 0) std::abort();
  Body body;
  Outcome outcome;
  std::string pending;
  while (!coded.empty() && outcome.status == 0 && !parser.complete()) {
    pending.append(coded.substr(0, step));
    coded.remove_prefix(std::min(step, coded.size()));
    std::size_t consumed = 0;
    // A copy of just this size, so that the address sanitizer sees a read beyond it.
    const std::string input(pending);
    outcome.status = parser.ParseChunks(input, consumed, &body);
    if (consumed > input.size()) std::abort();
    pending.erase(0, consumed);
  }
  outcome.complete = outcome.status == 0 && parser.complete();
  outcome.body = std::move(body.text);
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view coded(reinterpret_cast<const char*>(data + 1), size - 1);
  const Outcome whole = Decode(coded, std::max<std::size_t>(coded.size(), 1));
  const Outcome in_pieces = Decode(coded, data[0] % 16 + 1);
  if (whole.complete != in_pieces.complete) std::abort();
  if (whole.complete && whole.body != in_pieces.body) std::abort();
  if (whole.body.size() > 4096) std::abort();
  return 0;
}

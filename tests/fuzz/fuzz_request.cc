// The way of a header: scanned in two pieces and in one, which must come to the same, then parsed and checked.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/http/http_check.h"
#include "server/http/http_parser.h"

namespace {

using jsd::HeaderScanner;
using jsd::HttpRequest;

jsd::LimitsConfig Limits() {
  jsd::LimitsConfig limits;
  limits.body = 4096;
  limits.headers = 4096;
  limits.target = 256;
  return limits;
}

void Require(bool holds) {
  if (!holds) std::abort();
}

bool LiesIn(std::string_view view, std::string_view whole) {
  return view.empty() || (view.data() >= whole.data() && view.data() + view.size() <= whole.data() + whole.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static const jsd::LimitsConfig kLimits = Limits();
  // The first byte says where the rest is cut.
  std::string whole(reinterpret_cast<const char*>(data + 1), size - 1);
  std::string pieces = whole;
  const std::size_t cut = whole.empty() ? 0 : data[0] % whole.size();

  HeaderScanner scanner(kLimits);
  const int status = scanner.Scan(whole.data(), whole.size());
  HeaderScanner in_pieces(kLimits);
  int status_in_pieces = cut == 0 ? 0 : in_pieces.Scan(pieces.data(), cut);
  if (status_in_pieces == 0 && !in_pieces.done()) status_in_pieces = in_pieces.Scan(pieces.data(), pieces.size());
  Require(scanner.done() == in_pieces.done() || status != 0 || status_in_pieces != 0);
  if (status == 0 && scanner.done()) Require(status_in_pieces == 0 && scanner.end() == in_pieces.end());
  if (status != 0 || !scanner.done()) return 0;

  const std::string_view header = std::string_view(whole).substr(scanner.start(), scanner.end() - scanner.start());
  HttpRequest request;
  jsd::HttpParser parser(kLimits, request);
  if (parser.ParseHeader(header) != 0 || jsd::CheckRequest(request, "http", "default") != 0) return 0;
  // What a script may rely on.
  Require(!request.head.method.empty() && LiesIn(request.head.method, header));
  Require(!request.head.target.empty() && (request.head.target.front() == '/' || request.head.target == "*"));
  Require(jsd::IsValidAuthority(request.head.authority));
  Require(!(request.has_content_length && request.chunked));
  for (const jsd::HeaderField& field : request.fields) {
    Require(!field.name.empty() && LiesIn(field.name, header) && LiesIn(field.value, header));
    for (const char c : field.value) Require(c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f));
  }
  return 0;
}

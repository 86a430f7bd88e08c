// What a proxy says of its client: the header of a connection, which means the same however much follows it and is
// waited for wherever it is cut; and the fields of a request, of which nothing is believed that is not well formed.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/forwarded.h"
#include "server/http/http_check.h"
#include "server/http/proxy_protocol.h"

namespace {

using State = jsd::ProxyHeader::State;

void Check(bool holds) {
  if (!holds) std::abort();
}

bool IsAddress(std::string_view text) {
  jsd::AddressBytes bytes;
  return jsd::ParseAddress(text, &bytes);
}

void Connection(std::string_view bytes) {
  const jsd::ProxyHeader header = jsd::ParseProxyHeader(bytes);
  if (header.state != State::kComplete) return;
  Check(header.size > 0 && header.size <= bytes.size() && header.size <= jsd::kLongestProxyHeader);
  Check(header.address.empty() || IsAddress(header.address));
  const jsd::ProxyHeader alone = jsd::ParseProxyHeader(bytes.substr(0, header.size));
  Check(alone.state == State::kComplete && alone.address == header.address && alone.port == header.port);
  for (std::size_t size = 0; size < header.size; ++size) {
    Check(jsd::ParseProxyHeader(bytes.substr(0, size)).state == State::kIncomplete);
  }
}

void Fields(std::string_view text, jsd::ForwardedFields kind) {
  static const std::vector<jsd::TrustedProxy> trusted = {*jsd::ParseTrustedProxy("10.0.0.0/8").value};
  constexpr std::string_view kNames[] = {"forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"};
  std::vector<jsd::HeaderField> fields;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    if (!line.empty()) fields.push_back({kNames[static_cast<unsigned char>(line[0]) % 4], line.substr(1)});
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  const jsd::Forwarded read = jsd::ReadForwarded(fields, kind, trusted);
  Check(read.address.empty() || IsAddress(read.address));
  Check(read.authority.empty() || jsd::IsValidAuthority(read.authority));
  Check(read.scheme.empty() || read.scheme == "http" || read.scheme == "https");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  // On the heap at its exact size, so that a byte too far is seen.
  const std::string copy(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::vector<char> exact(copy.begin(), copy.end());
  const std::string_view text(exact.data(), exact.size());
  switch (data[0] % 3) {
    case 0:
      Connection(text);
      break;
    case 1:
      Fields(text, jsd::ForwardedFields::kXForwarded);
      break;
    default:
      Fields(text, jsd::ForwardedFields::kForwarded);
  }
  return 0;
}

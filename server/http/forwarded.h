#ifndef JSD_SERVER_HTTP_FORWARDED_H_
#define JSD_SERVER_HTTP_FORWARDED_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "config/app_rules.h"
#include "config/config.h"
#include "core/request_event.h"

namespace jsd {

// What proxies say of a client. The views lie in the fields, or are literals; what is empty was not said.
struct Forwarded {
  std::string_view address;  // An IP address, without brackets and port.
  std::uint16_t port = 0;
  std::string_view scheme;     // "http" or "https".
  std::string_view authority;  // A valid host with or without a port.
};

// Reads the fields of `kind` in a request that came from a trusted proxy. Each proxy adds to their end what it knows of
// its own peer, so they are read backwards, as long as those who have added are trusted: what stands before that may be
// anybody's. Of X-Forwarded-Proto and X-Forwarded-Host the last value counts.
Forwarded ReadForwarded(std::span<const HeaderField> fields, ForwardedFields kind,
                        std::span<const TrustedProxy> trusted);

}  // namespace jsd

#endif  // JSD_SERVER_HTTP_FORWARDED_H_

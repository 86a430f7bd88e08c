#ifndef JSD_CORE_OPS_OUTGOING_URL_H_
#define JSD_CORE_OPS_OUTGOING_URL_H_

#include <ada.h>

#include <cstdint>
#include <string>

#include "core/http_client.h"

namespace jsd {

// Where a request to an http: or https: URL goes.
//
// A plain value. Thread: any one. Lifetime: that of the requests that it was put into.
struct OutgoingUrl {
  explicit OutgoingUrl(const ada::url_aggregator& url)
      : secure(url.get_protocol() == "https:"),
        host(url.get_hostname()),
        target(std::string(url.get_pathname()).append(url.get_search())) {
    const std::uint32_t given = url.get_components().port;
    port = given != ada::url_components::omitted ? static_cast<std::uint16_t>(given) : secure ? 443 : 80;
  }

  void PutInto(OutgoingRequest& request) const {
    request.secure = secure;
    request.host = host;
    request.port = port;
    request.target = target;
  }

  bool secure;
  std::string host;
  std::string target;
  std::uint16_t port;
};

}  // namespace jsd

#endif  // JSD_CORE_OPS_OUTGOING_URL_H_

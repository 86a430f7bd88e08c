#ifndef JSD_SERVER_HTTP_HTTP_SERVICE_H_
#define JSD_SERVER_HTTP_HTTP_SERVICE_H_

#include <boost/asio/io_context.hpp>
#include <memory>
#include <span>

#include "config/config.h"
#include "server/tls/tls_registry.h"
#include "worker/connection_handler.h"
#include "worker/log.h"
#include "worker/metrics.h"
#include "worker/request_sink.h"

namespace jsd {

// HTTP/1.1 (RFC 9110, RFC 9112) for the connections of one worker, over TLS where their listener has it. `apps`
// are the sinks of config.apps, in their order. Log and `tls` must outlive what it returns; a limit or timeout
// of zero is none. `tls` may be null where no listener has TLS; `access`
// is where lines of the access log go, null for none; `metrics` has what is counted, null for nothing. All outlive it.
std::unique_ptr<ConnectionHandler> MakeHttpService(boost::asio::io_context& io, std::span<RequestSink* const> apps,
                                                   const Config& config, Log& log, const TlsRegistry* tls = nullptr,
                                                   LogSink* access = nullptr, Metrics* metrics = nullptr);

}  // namespace jsd

#endif  // JSD_SERVER_HTTP_HTTP_SERVICE_H_

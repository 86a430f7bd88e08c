#ifndef JSD_SERVER_CLIENT_HTTP_CLIENT_H_
#define JSD_SERVER_CLIENT_HTTP_CLIENT_H_

#include <boost/asio/io_context.hpp>
#include <memory>

#include "config/config.h"
#include "core/http_client.h"
#include "worker/log.h"

namespace jsd {

// What sends the requests of one worker's runtimes and connects their WebSockets. The arguments must outlive what it
// returns; a timeout or limit of zero is none.
std::unique_ptr<HttpClient> MakeHttpClient(boost::asio::io_context& io, const FetchConfig& config,
                                           const WebSocketConfig& web_socket_config, Log& log);

}  // namespace jsd

#endif  // JSD_SERVER_CLIENT_HTTP_CLIENT_H_

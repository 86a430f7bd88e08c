#ifndef JSD_CONFIG_CONFIG_H_
#define JSD_CONFIG_CONFIG_H_

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace jsd {

// Every setting, as plain values. Defaults, ranges and meanings stand in the table of config/schema.cc; a Config that
// Load returned has passed all of its checks.

enum class TlsVersion { k12, k13 };
enum class ClientCertificates { kNone, kOptional, kRequired };

// One [[server.tls]]: addresses that are served over TLS.
struct TlsConfig {
  std::vector<std::string> listen;
  std::vector<std::filesystem::path> certificates;  // PEM, each with its chain; at least one.
  std::vector<std::filesystem::path> keys;          // PEM; the one of the certificate of the same number.
  std::vector<std::filesystem::path> ocsp;          // DER; as many as certificates, or none.
  TlsVersion minimum_version = TlsVersion::k12;
  ClientCertificates client_certificates = ClientCertificates::kNone;
  std::filesystem::path client_ca;   // PEM; given unless client certificates are kNone.
  std::chrono::milliseconds hsts{};  // Zero: replies say nothing of it.
  bool kernel = false;               // Kernel TLS, where kernel and cipher allow it.
  unsigned number = 0;               // Not in the file: which one it is; the server keeps it over reloads.
};

struct ServerConfig {
  // "127.0.0.1:8080", "[::1]:8080", "unix:/run/jsd.sock", made absolute, "systemd:web". Empty only where there is TLS.
  std::vector<std::string> listen;
  std::vector<std::string> redirect;  // Addresses where every request is sent on to https.
  std::vector<TlsConfig> tls;
  unsigned workers = 0;               // 0: as many as there are CPUs for this process.
  std::chrono::milliseconds drain{};  // How long requests in flight may take after SIGTERM.
  bool supervise = false;             // A process of its own starts this one again when it has crashed.
  std::filesystem::path pid_file;     // Empty: none, and no control socket.
  bool reuse_port = false;            // SO_REUSEPORT.
  std::string unix_mode;              // Of unix sockets, in octal; empty: by the umask.
  std::string unix_owner;             // The same, "user:group"; empty: who runs the process.
  std::string user;                   // Whom the process serves as; empty: who has started it.
  std::string group;                  // Empty: the user's own.
};

enum class ForwardedFields { kXForwarded, kForwarded, kNone };

// The proxies in front of the server.
struct ProxyConfig {
  std::vector<std::string> trusted;                       // As ParseTrustedProxy reads them. Empty: nobody is believed.
  bool protocol = false;                                  // Their connections begin with a PROXY protocol header.
  ForwardedFields fields = ForwardedFields::kXForwarded;  // What of their requests is believed.
};

enum class SystemCalls { kAny, kRefuse, kKill };

// What the process denies itself once it has started.
struct HardeningConfig {
  SystemCalls system_calls = SystemCalls::kAny;  // What happens to those that a server does not need.
  bool files = true;                             // Files that the configuration does not name are out of reach.
  std::vector<std::filesystem::path> folders;    // Beside those that it names, for reading.
  bool core_dumps = false;
};

enum class TypeScript { kStrip, kTransform };

struct LimitsConfig {
  std::chrono::milliseconds request{};  // Of a handler, to its reply, without waiting for the body.
  std::chrono::milliseconds slice{};    // One call of the script's code, without a break.
  std::chrono::milliseconds cpu{};      // All that runs for a request; 0: any.
  std::size_t heap = 0;                 // Bytes of JavaScript heap in each worker.
  std::size_t buffers = 0;              // Bytes of array buffers in each worker.
  std::size_t body = 0;                 // Bytes of a request's body.
  std::size_t headers = 0;              // Bytes of a request's line and fields.
  std::size_t target = 0;               // Bytes of a request's target.
  unsigned pipeline = 0;                // Requests of one connection that are being handled at a time.
  unsigned connections = 0;             // Of the process; 0: any number, as with the next two.
  unsigned connections_per_address = 0;
  unsigned requests_per_connection = 0;
  std::size_t rate = 0;  // Bytes a second at which a client has to send a body and to take a reply.
};

// What the script of an app may reach beyond its own requests.
struct PermissionsConfig {
  std::vector<std::filesystem::path> read;   // Files, and folders with all that is in them.
  std::vector<std::filesystem::path> write;  // The same.
  std::vector<std::string> net;              // As ParseNetRule reads them.
  bool private_network = false;              // Names may resolve to private addresses.
  std::vector<std::string> env;              // Variables of the process that the script's `env` has.
};

// One [app] or [[app]].
struct AppConfig {
  std::string name;                // Of the log lines and metrics; no two apps have the same.
  std::filesystem::path script;    // Absolute.
  std::vector<std::string> hosts;  // "example.org" and "*.example.org", in lower case. Empty: any.
  unsigned workers = 0;            // Threads of its own; 0: it runs on those that are shared.
  std::string path = "/";          // The prefix of its requests' paths: "/", or "/v1" without a slash behind.
  std::vector<std::pair<std::string, std::string>> env;
  std::filesystem::path root;        // Of modules. Empty: from the package that the script belongs to.
  std::filesystem::path import_map;  // Empty: none.
  std::filesystem::path code_cache;  // Empty: none.
  TypeScript typescript = TypeScript::kStrip;
  bool eval = true;     // Code may be made from text.
  LimitsConfig limits;  // Those of [limits], where [app.limits] does not say otherwise.
  PermissionsConfig permissions;
};

struct TimeoutsConfig {
  std::chrono::milliseconds handshake{};  // Of TLS, from the connection on.
  std::chrono::milliseconds header{};     // From a request's first byte to the end of its header.
  std::chrono::milliseconds body{};       // Without a byte of a body that the script waits for.
  std::chrono::milliseconds idle{};       // Between two requests of a connection.
  std::chrono::milliseconds write{};      // Without progress of a write.
};

enum class WebSocketCompression { kOff, kMessage, kConnection };
enum class WebSocketOverflow { kClose, kDrop };

struct WebSocketConfig {
  std::vector<std::string> origins;  // Empty: any.
  std::size_t message = 0;           // Bytes of a message that comes, decompressed.
  std::size_t frame = 0;             // Bytes of a frame that comes.
  std::size_t queue = 0;             // Bytes that wait for a slow reader.
  WebSocketOverflow overflow = WebSocketOverflow::kClose;
  WebSocketCompression compression = WebSocketCompression::kOff;
  std::chrono::milliseconds ping{};   // Without a sign of life from the client; zero: none is asked for.
  std::chrono::milliseconds idle{};   // Without a message in either direction; zero: for ever.
  std::chrono::milliseconds close{};  // For the closing handshake.
};

struct FetchConfig {
  std::chrono::milliseconds connect{};             // For looking up a name, connecting and the TLS handshake together.
  std::chrono::milliseconds response{};            // From the last of a request to the head of its response.
  std::chrono::milliseconds body{};                // Between two reads of a response's body.
  std::chrono::milliseconds idle{};                // That a connection is kept for the next request.
  std::chrono::milliseconds dns{};                 // That the addresses of a name are kept.
  unsigned connections = 0;                        // To one origin, of each worker.
  std::size_t headers = 0;                         // Bytes of a response's status line and fields.
  std::size_t max_body = 0;                        // Bytes of a response's body as it is sent; 0: any number.
  std::size_t queue = 0;                           // Bytes that a WebSocket may hold until the server takes them.
  std::vector<std::filesystem::path> authorities;  // Files in PEM, trusted beside the system's.
  std::string proxy;                               // As ParseProxy reads it; empty: none.
  std::vector<std::string> no_proxy;               // As ParseNetRule reads them: what is reached without the proxy.
  // Hosts, in lower case, that stand for a Unix socket.
  std::vector<std::pair<std::string, std::filesystem::path>> unix_sockets;
};

enum class LogLevel { kDebug, kInfo, kWarn, kError };
enum class LogFormat { kText, kJson };
enum class AccessLogFormat { kCommon, kCombined, kJson };

struct LogConfig {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
  std::filesystem::path file;    // Empty: standard error.
  std::filesystem::path access;  // Of the access log; empty: none.
  AccessLogFormat access_format = AccessLogFormat::kCombined;
};

struct MetricsConfig {
  std::vector<std::string> listen;  // As server.listen. Empty: there is no page of metrics, and nothing is measured.
};

struct V8Config {
  std::vector<std::string> flags;  // As V8 takes them, "--max-lazy".
};

struct Config {
  ServerConfig server;
  ProxyConfig proxy;
  HardeningConfig hardening;
  std::vector<AppConfig> apps;  // At least one.
  LimitsConfig limits;
  TimeoutsConfig timeouts;
  WebSocketConfig websocket;
  FetchConfig fetch;
  LogConfig log;
  MetricsConfig metrics;
  V8Config v8;
};

}  // namespace jsd

#endif  // JSD_CONFIG_CONFIG_H_

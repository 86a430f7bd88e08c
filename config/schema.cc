#include "config/schema.h"

#include <algorithm>
#include <numeric>
#include <type_traits>

#include "config/app_rules.h"
#include "config/listen_address.h"
#include "config/proxy.h"
#include "config/units.h"

namespace jsd {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

constexpr std::uint64_t kKiB = 1 << 10;
constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kGiB = 1 << 30;
constexpr std::uint64_t kTiB = kGiB << 10;

// In the order of LogLevel and of LogFormat.
constexpr std::string_view kLogLevels[] = {"debug", "info", "warn", "error"};
constexpr std::string_view kLogFormats[] = {"text", "json"};
constexpr std::string_view kAccessLogFormats[] = {"common", "combined", "json"};
// In the order of WebSocketOverflow and of WebSocketCompression.
constexpr std::string_view kOverflows[] = {"close", "drop"};
constexpr std::string_view kCompressions[] = {"off", "message", "connection"};
// In the order of ForwardedFields and of SystemCalls.
constexpr std::string_view kForwardedFields[] = {"x-forwarded", "forwarded", "none"};
constexpr std::string_view kSystemCalls[] = {"any", "refuse", "kill"};
constexpr std::string_view kTypeScript[] = {"strip", "transform"};
// In the order of TlsVersion and of ClientCertificates.
constexpr std::string_view kTlsVersions[] = {"1.2", "1.3"};
constexpr std::string_view kClientCertificates[] = {"none", "optional", "required"};

template <auto kSection, auto kMember>
constexpr auto& At(Config& config) {
  return config.*kSection.*kMember;
}

template <auto kSection, auto kMember>
constexpr void SetChoice(Config& config, std::size_t index) {
  auto& field = At<kSection, kMember>(config);
  field = static_cast<std::remove_reference_t<decltype(field)>>(index);
}

template <auto kMember>
auto& AtTls(Config& config) {
  return config.server.tls.back().*kMember;
}

template <auto kMember>
void SetTlsChoice(Config& config, std::size_t index) {
  auto& field = AtTls<kMember>(config);
  field = static_cast<std::remove_reference_t<decltype(field)>>(index);
}

template <auto kMember>
auto& AtApp(Config& config) {
  return config.apps.back().*kMember;
}

void SetAppTypeScript(Config& config, std::size_t index) {
  config.apps.back().typescript = static_cast<TypeScript>(index);
}

template <auto kMember>
auto& AtAppLimits(Config& config) {
  return config.apps.back().limits.*kMember;
}

template <auto kMember>
auto& AtPermissions(Config& config) {
  return config.apps.back().permissions.*kMember;
}

Parsed<std::string> CheckNetRule(std::string_view text) {
  Parsed<NetRule> rule = ParseNetRule(text);
  if (!rule.value) return {{}, std::move(rule.error)};
  return {std::string(text), {}};
}

Parsed<std::string> CheckProxy(std::string_view text) {
  if (text.empty()) return {std::string(), {}};
  Parsed<Proxy> proxy = ParseProxy(text);
  if (!proxy.value) return {{}, std::move(proxy.error)};
  return {std::string(text), {}};
}

Parsed<std::string> ParseHost(std::string_view text) {
  if (text.starts_with("*")) return {{}, "it is no host name"};
  return ParseHostPattern(text);
}

Parsed<std::string> CheckTrustedProxy(std::string_view text) {
  Parsed<TrustedProxy> proxy = ParseTrustedProxy(text);
  if (!proxy.value) return {{}, std::move(proxy.error)};
  return {std::string(text), {}};
}

Parsed<std::string> CheckAccount(std::string_view text) {
  if (text.find_first_of(std::string_view(":\n\0", 3)) != text.npos) return {{}, "it is no name"};
  return {std::string(text), {}};
}

constexpr Section kSections[] = {
    {"server", "The process and what it listens on."},
    {"server.tls",
     "Addresses that are served over TLS. The section may be repeated, for addresses that differ in what stands here. "
     "Certificates and keys are read again on a reload; connections go on with what they began with.",
     [](Config& config) {
       const auto number = static_cast<unsigned>(config.server.tls.size());
       config.server.tls.emplace_back().number = number;
     }},
    {"proxy",
     "Proxies in front of the server, and what is believed of what they say of their clients. From anybody else it is "
     "not believed: a script sees the fields of a request as they came, and the peer's own address."},
    {"hardening",
     "What the process denies itself once it has opened its addresses and logs, and before it runs a script. In any "
     "case it gains no rights by programs that it starts, and gives up root's powers but those over files and ports. "
     "The log says at the start what is in force, and what the kernel does not have. A reload changes none of it."},
    {"app",
     "The script that answers. Of several, each `[[app]]`, the one serves a request that has the most specific `host`, "
     "and of those the one with the longest `path`; a request that none matches gets status 404. Every app has a "
     "JavaScript heap of its own in each worker.",
     [](Config& config) { config.apps.emplace_back().limits = config.limits; }, true},
    {"app.limits", "Limits of one app that differ from those of all.", nullptr, false, "limits"},
    {"app.permissions",
     "What the script may reach beside its own requests: nothing, unless it is said here. A call that is not allowed "
     "throws a `NotAllowedError`, which names the line that would allow it."},
    {"limits", "What a request and a script may use. A worker is one thread with one JavaScript heap."},
    {"timeouts", "How long a client may take."},
    {"websocket",
     "WebSockets that a handler has accepted and, but for `origins`, `queue` and `overflow`, those that scripts "
     "connect."},
    {"fetch", "Requests that scripts send, by `fetch`."},
    {"log", "The log of the server and of the scripts' consoles."},
    {"metrics", "Figures about the server, for Prometheus and whatever else reads its text format."},
    {"v8", "The JavaScript engine."},
};

// What a wait may last.
template <auto kField>
constexpr DurationKind kTimeout{kField, milliseconds(1), hours(24)};

// Limits that [app.limits] has too.
template <auto kField>
constexpr DurationKind kRequestLimit = kTimeout<kField>;
template <auto kField>
constexpr DurationKind kSliceLimit{kField, milliseconds(50), hours(1)};
template <auto kField>
constexpr DurationKind kCpuLimit{kField, milliseconds(0), hours(24)};
template <auto kField>
constexpr SizeKind kHeapLimit{kField, 16 * kMiB, 64 * kGiB};
template <auto kField>
constexpr SizeKind kBufferLimit{kField, kMiB, 64 * kGiB};
template <auto kField>
constexpr SizeKind kBodyLimit{kField, 0, kTiB};

constexpr Setting kSettings[] = {
    {"server", "listen", R"(["127.0.0.1:8080"])", AddressListKind{At<&Config::server, &ServerConfig::listen>, true},
     "Where clients connect. With port 0 the kernel chooses a free one, which the log names. `0.0.0.0` and `[::]` are "
     "all addresses of the machine; names are not resolved. `systemd:NAME` stands for the sockets that a socket unit "
     "of systemd hands over under this name (`FileDescriptorName=`). The list may be empty where there is a "
     "`[[server.tls]]`."},
    {"server", "redirect", "[]", AddressListKind{At<&Config::server, &ServerConfig::redirect>, true},
     "Where every request is answered by a redirect (status 308) to the same URL with `https`, on the port of the "
     "first `[[server.tls]]`, as for port 80 of a site that is served over TLS."},
    {"server", "workers", R"("auto")", CountKind{At<&Config::server, &ServerConfig::workers>, 1, 1024, true},
     "Threads that run the script, each with its own copy of it. `\"auto\"`: as many as there are CPUs for this "
     "process, by its affinity and its cgroup's quota."},
    {"server", "drain", R"("10s")", DurationKind{At<&Config::server, &ServerConfig::drain>, milliseconds(0), hours(24)},
     "After SIGTERM or SIGINT: how long the requests in flight may still take. Those that are left get status 503."},
    {"server", "supervise", "false", BoolKind{At<&Config::server, &ServerConfig::supervise>},
     "A small process stays in front, keeps the listening sockets, and starts the server again when it has crashed. "
     "Connections that come meanwhile wait in the kernel's queue."},
    {"server", "pid_file", R"("")", PathKind{At<&Config::server, &ServerConfig::pid_file>, true},
     "The file that says which process to send signals to. Beside it, with `.sock` behind its name, is a unix socket "
     "for `jsd reload` and `jsd upgrade`. Empty: neither."},
    {"server", "reuse_port", "false", BoolKind{At<&Config::server, &ServerConfig::reuse_port>},
     "Several processes of the same user may listen on a TCP address at a time; the kernel shares the connections out "
     "among them (`SO_REUSEPORT`)."},
    {"server", "unix_mode", R"("")",
     TextKind{At<&Config::server, &ServerConfig::unix_mode>, ParseFileMode, "permissions in octal such as \"0660\""},
     "The permissions of unix sockets: a client needs those to write. Empty: what the umask leaves."},
    {"server", "unix_owner", R"("")",
     TextKind{At<&Config::server, &ServerConfig::unix_owner>, ParseFileOwner,
              "an owner \"user\", \"user:group\" or \":group\""},
     "Who owns unix sockets, by names or numbers. Another user than that of the process needs the capability "
     "CAP_CHOWN, another group that it is one of the process's. Empty: as the process makes them."},
    {"server", "user", R"("")", TextKind{At<&Config::server, &ServerConfig::user>, CheckAccount, "a user"},
     "Whom the process serves as, by name or number, where root has started it: it becomes that user for good when "
     "addresses and logs are open. What a reload reads, and logs that are opened again, have to be within that user's "
     "reach. Empty: who has started it."},
    {"server", "group", R"("")", TextKind{At<&Config::server, &ServerConfig::group>, CheckAccount, "a group"},
     "The group that goes with `server.user`, by name or number. Empty: the user's own, and those that the user is "
     "in."},

    {"server.tls", "listen", "", AddressListKind{AtTls<&TlsConfig::listen>, false},
     "As `server.listen`. Plain HTTP that comes here gets status 400."},
    {"server.tls", "certificate", "", PathListKind{AtTls<&TlsConfig::certificates>, false},
     "The certificate in PEM, followed by those of its chain. Of several, each with its key, the one is used whose "
     "names (`subjectAltName`) have what the client asks for by SNI, or else the first."},
    {"server.tls", "key", "", PathListKind{AtTls<&TlsConfig::keys>, false},
     "The certificate's private key in PEM, without a passphrase; of several certificates their keys in the same "
     "order."},
    {"server.tls", "ocsp", "[]", PathListKind{AtTls<&TlsConfig::ocsp>, true},
     "An OCSP response in DER, which is stapled to the certificate for clients that ask; of several certificates one "
     "for each. Something else has to renew the file; a reload reads it."},
    {"server.tls", "minimum_version", R"("1.2")", ChoiceKind{SetTlsChoice<&TlsConfig::minimum_version>, kTlsVersions},
     "The least version of TLS. Ciphers are those with forward secrecy and authenticated encryption alone."},
    {"server.tls", "client_certificates", R"("none")",
     ChoiceKind{SetTlsChoice<&TlsConfig::client_certificates>, kClientCertificates},
     "Whether clients are asked for a certificate. One that is sent must be signed by `client_ca`; the script finds it "
     "in `ctx.tls`."},
    {"server.tls", "client_ca", R"("")", PathKind{AtTls<&TlsConfig::client_ca>, true},
     "The certificates in PEM of the authorities that sign the clients'."},
    {"server.tls", "hsts", R"("0ms")", DurationKind{AtTls<&TlsConfig::hsts>, milliseconds(0), hours(24 * 730)},
     "Replies tell browsers to use `https` only for so long, by `Strict-Transport-Security`. Zero: they do not. A "
     "script that sets the field itself goes before."},
    {"server.tls", "kernel", "false", BoolKind{AtTls<&TlsConfig::kernel>},
     "Lets the kernel encrypt what is sent, where it has TLS (the module `tls`) and the cipher; elsewhere nothing "
     "changes. It pays for large replies."},

    {"proxy", "trusted", "[]",
     TextListKind{At<&Config::proxy, &ProxyConfig::trusted>, CheckTrustedProxy, "an address", "addresses"},
     "Addresses of the proxies: `\"192.0.2.1\"`, `\"2001:db8::/32\"`, or `\"unix\"` for whoever connects by a unix "
     "socket. Empty: there is none, and nobody is believed."},
    {"proxy", "protocol", "false", BoolKind{At<&Config::proxy, &ProxyConfig::protocol>},
     "Connections from those addresses begin with a header of the PROXY protocol, version 1 or 2, and are closed where "
     "they do not. Others are served as they are."},
    {"proxy", "fields", R"("x-forwarded")",
     ChoiceKind{SetChoice<&Config::proxy, &ProxyConfig::fields>, kForwardedFields},
     "Which fields of requests from those addresses are believed: `X-Forwarded-For`, `-Proto` and `-Host`, or "
     "`Forwarded` (RFC 7239). Choose what the proxy sets itself; what it passes on as it came could be anybody's. They "
     "give the script the client's address and the scheme and host of `request.url`, by which apps are found too."},

    {"hardening", "system_calls", R"("any")",
     ChoiceKind{SetChoice<&Config::hardening, &HardeningConfig::system_calls>, kSystemCalls},
     "What becomes of system calls that a server never needs, such as starting a program or another process, tracing, "
     "mounting, or io_uring: `\"any\"` allows them as far as the process has the rights, `\"refuse\"` lets them fail, "
     "`\"kill\"` ends the process at once (seccomp). The kernel looks at every system call then, which costs about 0.1 "
     "µs each, two or three for a request. Containers and systemd bring such filters of their own."},
    {"hardening", "files", "true", BoolKind{At<&Config::hardening, &HardeningConfig::files>},
     "The process can open the files and folders alone that this configuration names, what lies beside them, and the "
     "system's own, and run no program but its own (Landlock). A reload that names others fails, and says so."},
    {"hardening", "folders", "[]", PathListKind{At<&Config::hardening, &HardeningConfig::folders>, true},
     "Further folders to read from, such as one in which a later version of an app will be, for a reload."},
    {"hardening", "core_dumps", "false", BoolKind{At<&Config::hardening, &HardeningConfig::core_dumps>},
     "Whether a crash may leave a core dump, which holds keys, environment and whatever the scripts had in memory."},

    {"app", "script", "", PathKind{AtApp<&AppConfig::script>, false},
     "The ES module to serve: its default export has a `fetch` method, or it adds a listener for `fetch` events."},
    {"app", "name", R"("")", TextKind{AtApp<&AppConfig::name>, ParseAppName, "a name"},
     "What log lines call the app. Empty: the name of the script's file."},
    {"app", "host", "[]", TextListKind{AtApp<&AppConfig::hosts>, ParseHostPattern, "a host", "hosts"},
     "The hosts whose requests it serves, without a port: `\"example.org\"`, or `\"*.example.org\"` for every name "
     "below it. An empty list: any."},
    {"app", "path", R"("/")", TextKind{AtApp<&AppConfig::path>, ParsePathPrefix, "a path of a URL"},
     "The path below which it serves: `\"/v1\"` stands for `/v1` and `/v1/…`, not for `/v10`. The script sees the URL "
     "whole. The path is compared as the client has written it."},
    {"app", "workers", "0", CountKind{AtApp<&AppConfig::workers>, 0, 1024, false},
     "Threads of its own, beside those of `server.workers`, on which no other app runs: what this app does with its "
     "threads cannot delay the others, nor they it. A connection begins on a shared thread, and goes to one of these "
     "when a request for the app comes. 0: the app runs on the shared threads."},
    {"app", "env", "{}", StringMapKind{AtApp<&AppConfig::env>},
     "What the script gets as `env`. `--set app.env.NAME=value` adds one."},
    {"app", "root", R"("")", PathKind{AtApp<&AppConfig::root>, true},
     "Modules are read below this folder only, symbolic links resolved. Empty: the folder of the package.json above "
     "the script, or of the npm or pnpm workspaces around that; without one the script's own folder."},
    {"app", "import_map", R"("")", PathKind{AtApp<&AppConfig::import_map>, true},
     "An import map, as JSON: addresses for what scripts import. Empty: none."},
    {"app", "typescript", R"("strip")", ChoiceKind{SetAppTypeScript, kTypeScript},
     "`\"strip\"` blanks the types out and keeps every position; enums, namespaces and parameter properties are "
     "refused. `\"transform\"` translates those too."},
    {"app", "code_cache", R"("")", PathKind{AtApp<&AppConfig::code_cache>, true},
     "A folder for compiled code, so that the next start is quicker; made if it is not there. Other users must not be "
     "able to write to it. Empty: compiled code is shared by the workers of one process only."},
    {"app", "eval", "true", BoolKind{AtApp<&AppConfig::eval>},
     "Whether the script may make code from text, by `eval` and `new Function`. Otherwise these throw an `EvalError`. "
     "WebAssembly does not count."},

    {"app.limits", "request", "", kRequestLimit<AtAppLimits<&LimitsConfig::request>>, "In place of `limits.request`."},
    {"app.limits", "slice", "", kSliceLimit<AtAppLimits<&LimitsConfig::slice>>, "In place of `limits.slice`."},
    {"app.limits", "cpu", "", kCpuLimit<AtAppLimits<&LimitsConfig::cpu>>, "In place of `limits.cpu`."},
    {"app.limits", "heap", "", kHeapLimit<AtAppLimits<&LimitsConfig::heap>>, "In place of `limits.heap`."},
    {"app.limits", "buffers", "", kBufferLimit<AtAppLimits<&LimitsConfig::buffers>>, "In place of `limits.buffers`."},
    {"app.limits", "body", "", kBodyLimit<AtAppLimits<&LimitsConfig::body>>, "In place of `limits.body`."},

    {"app.permissions", "env", "[]",
     TextListKind{AtPermissions<&PermissionsConfig::env>, ParseVariableName, "a variable", "variables"},
     "Environment variables of the process that the script's `env` has, by name; those of `app.env` go before. One "
     "that is not set is left out."},
    {"app.permissions", "read", "[]", PathListKind{AtPermissions<&PermissionsConfig::read>, true},
     "Files that the script may read, by `fetch` of a `file:` URL, and folders with all that is in them. Symbolic "
     "links are followed before the question is asked."},
    {"app.permissions", "net", "[]",
     TextListKind{AtPermissions<&PermissionsConfig::net>, CheckNetRule, "a host", "hosts"},
     "Where the script may connect: a name `\"api.example.org\"`, `\"*.example.org\"` for every name below it, an "
     "address `\"192.0.2.1\"` or `\"[2001:db8::1]\"`, a range `\"10.0.0.0/8\"`, `\"*\"` for every name and every "
     "public address; each with a port, `\"api.example.org:443\"`, or for all ports."},
    {"app.permissions", "private_network", "false", BoolKind{AtPermissions<&PermissionsConfig::private_network>},
     "Whether the names of `net` may stand for addresses that are not public: loopback, private, link-local. What a "
     "name resolves to is looked at for each connection. An address that `net` covers itself is allowed in either "
     "case, and so is `\"localhost\"`."},

    {"limits", "request", R"("30s")", kRequestLimit<At<&Config::limits, &LimitsConfig::request>>,
     "What a handler may take to reply, without the time in which it waits for the client to send more of the body. "
     "After that the client gets status 504, and the request's `signal` aborts."},
    {"limits", "slice", R"("5s")", kSliceLimit<At<&Config::limits, &LimitsConfig::slice>>,
     "How long the script may keep its thread without a break: in a handler, a timer, a run of promise reactions. "
     "After that it is ended where it is, and the request gets status 503."},
    {"limits", "cpu", R"("0s")", kCpuLimit<At<&Config::limits, &LimitsConfig::cpu>>,
     "JavaScript time of one request, all its turns together, by samples of 25 milliseconds. After that it gets status "
     "503. `\"0s\"`: no limit."},
    {"limits", "heap", R"("128MiB")", kHeapLimit<At<&Config::limits, &LimitsConfig::heap>>,
     "JavaScript heap of each worker. A script that needs more is ended: the requests in it get status 503."},
    {"limits", "buffers", R"("128MiB")", kBufferLimit<At<&Config::limits, &LimitsConfig::buffers>>,
     "Memory of the array buffers and WebAssembly memories of each worker, which is beside its heap. A script that "
     "wants more gets a RangeError."},
    {"limits", "body", R"("16MiB")", kBodyLimit<At<&Config::limits, &LimitsConfig::body>>,
     "The body of a request. A longer one gets status 413: at once where the client has declared its length, else when "
     "it has come so far."},
    {"limits", "headers", R"("64KiB")", SizeKind{At<&Config::limits, &LimitsConfig::headers>, kKiB, kMiB},
     "The request line and the header fields of a request together. Longer ones get status 431."},
    {"limits", "target", R"("8KiB")", SizeKind{At<&Config::limits, &LimitsConfig::target>, 64, kMiB},
     "The target of a request, its path and query. A longer one gets status 414."},
    {"limits", "pipeline", "64", CountKind{At<&Config::limits, &LimitsConfig::pipeline>, 1, 1024, false},
     "Requests of one connection that are handled at a time. Further ones wait unread."},
    {"limits", "connections", "0", CountKind{At<&Config::limits, &LimitsConfig::connections>, 0, 10'000'000, false},
     "Connections that are open at a time, in the whole process. Further ones are closed at once. 0: as many as there "
     "are descriptors."},
    {"limits", "connections_per_address", "0",
     CountKind{At<&Config::limits, &LimitsConfig::connections_per_address>, 0, 10'000'000, false},
     "The same for the connections of one IP address; of IPv6 the first 64 bits count, as one client has all of such a "
     "network. Behind a proxy all come from the proxy's. 0: any number."},
    {"limits", "requests_per_connection", "0",
     CountKind{At<&Config::limits, &LimitsConfig::requests_per_connection>, 0, 1'000'000'000, false},
     "Requests of one connection, the last of which is answered with `Connection: close`. 0: any number."},
    {"limits", "rate", R"("240B")", SizeKind{At<&Config::limits, &LimitsConfig::rate>, 0, kGiB},
     "The least bytes a second that a client has to send of a body, while the script waits for it, and to take of "
     "replies, while any are left to send; on average, after 5 seconds. A slower one gets status 408, or its "
     "connection is closed. `\"0B\"`: no limit."},

    {"timeouts", "handshake", R"("10s")", kTimeout<At<&Config::timeouts, &TimeoutsConfig::handshake>>,
     "In total, from the connection to the end of the TLS handshake."},
    {"timeouts", "header", R"("10s")", kTimeout<At<&Config::timeouts, &TimeoutsConfig::header>>,
     "In total, from the first byte of a request to the end of its header."},
    {"timeouts", "body", R"("30s")", kTimeout<At<&Config::timeouts, &TimeoutsConfig::body>>,
     "Idle: without a further byte of a body that the script waits for."},
    {"timeouts", "idle", R"("75s")", kTimeout<At<&Config::timeouts, &TimeoutsConfig::idle>>,
     "Idle: an open connection without a request. Behind a proxy, more than the proxy's own."},
    {"timeouts", "write", R"("30s")", kTimeout<At<&Config::timeouts, &TimeoutsConfig::write>>,
     "Idle: a client that takes nothing of its reply."},

    {"websocket", "origins", "[]", StringListKind{At<&Config::websocket, &WebSocketConfig::origins>},
     "The origins, such as `\"https://example.org\"`, whose pages may open a WebSocket; others get status 403. Empty: "
     "any. Clients that send no origin, which are no browsers, are not refused."},
    {"websocket", "message", R"("1MiB")", SizeKind{At<&Config::websocket, &WebSocketConfig::message>, 1, kGiB},
     "A message that comes, as the script gets it. A longer one closes the WebSocket with code 1009."},
    {"websocket", "frame", R"("1MiB")", SizeKind{At<&Config::websocket, &WebSocketConfig::frame>, 1, kGiB},
     "A frame that comes, as it is sent. A longer one closes the WebSocket with code 1009."},
    {"websocket", "queue", R"("1MiB")", SizeKind{At<&Config::websocket, &WebSocketConfig::queue>, kKiB, kGiB},
     "What may wait for a client that does not read. A message that is sent when more is waiting is the one too many."},
    {"websocket", "overflow", R"("close")",
     ChoiceKind{SetChoice<&Config::websocket, &WebSocketConfig::overflow>, kOverflows},
     "The message too many closes the WebSocket with code 1013, or is dropped."},
    {"websocket", "compression", R"("off")",
     ChoiceKind{SetChoice<&Config::websocket, &WebSocketConfig::compression>, kCompressions},
     "Compression (permessage-deflate) for clients that offer it, and what is offered to servers. `\"message\"`: each "
     "message alone, which takes no memory. `\"connection\"`: each with those before it, which saves more bytes and "
     "takes about 300 KB for each connection."},
    {"websocket", "ping", R"("30s")",
     DurationKind{At<&Config::websocket, &WebSocketConfig::ping>, milliseconds(0), hours(24)},
     "Idle: a client that sent nothing for so long gets a ping; when it sends nothing for as long again, the "
     "connection is closed. Zero: no pings."},
    {"websocket", "idle", R"("0ms")",
     DurationKind{At<&Config::websocket, &WebSocketConfig::idle>, milliseconds(0), hours(24)},
     "Idle: without a message in either direction, after which the WebSocket is closed with code 1001. Zero: for "
     "ever."},
    {"websocket", "close", R"("5s")",
     DurationKind{At<&Config::websocket, &WebSocketConfig::close>, milliseconds(1), hours(1)},
     "In total, for the client to answer when the server closes the WebSocket."},
    {"fetch", "connect", R"("10s")", kTimeout<At<&Config::fetch, &FetchConfig::connect>>,
     "In total, for a new connection: looking up the name, connecting and the TLS handshake."},
    {"fetch", "response", R"("60s")", kTimeout<At<&Config::fetch, &FetchConfig::response>>,
     "Idle: from the last byte that the server took of a request to the head of its response. Also the longest wait "
     "for a connection where `fetch.connections` are in use."},
    {"fetch", "body", R"("60s")", kTimeout<At<&Config::fetch, &FetchConfig::body>>,
     "Idle: without a further byte of a response's body that the script waits for."},
    {"fetch", "idle", R"("15s")", kTimeout<At<&Config::fetch, &FetchConfig::idle>>,
     "How long a connection is kept for the next request to the same origin. A server that announces less by "
     "`Keep-Alive` is taken at its word."},
    {"fetch", "dns", R"("10s")", DurationKind{At<&Config::fetch, &FetchConfig::dns>, milliseconds(0), hours(24)},
     "How long the addresses of a name are kept before it is looked up again."},
    {"fetch", "connections", "256", CountKind{At<&Config::fetch, &FetchConfig::connections>, 1, 65535, false},
     "Connections of each worker to one origin (scheme, host and port). Further requests wait for one of them."},
    {"fetch", "headers", R"("64KiB")", SizeKind{At<&Config::fetch, &FetchConfig::headers>, kKiB, 16 * kMiB},
     "The status line and the header fields of a response together. With longer ones the request fails."},
    {"fetch", "max_body", R"("0B")", SizeKind{At<&Config::fetch, &FetchConfig::max_body>, 0, 1024 * kGiB},
     "The body of a response, as it is sent. Reading a longer one fails. `\"0B\"`: any length."},
    {"fetch", "queue", R"("16MiB")", SizeKind{At<&Config::fetch, &FetchConfig::queue>, kKiB, kGiB},
     "What a script may send over a WebSocket that it has connected before the server takes it. With more the "
     "WebSocket fails. For what comes over it, and for its pings, `[websocket]` holds."},
    {"fetch", "authorities", "[]", PathListKind{At<&Config::fetch, &FetchConfig::authorities>, true},
     "Certificates in PEM that are trusted beside the system's authorities, for servers with a certificate of one's "
     "own."},
    {"fetch", "proxy", R"("")", TextKind{At<&Config::fetch, &FetchConfig::proxy>, CheckProxy, "an http:// URL"},
     "The proxy that requests go through, `\"http://user:password@proxy.example:3128\"`: those to `https:` URLs, and "
     "WebSockets, through a tunnel (CONNECT). The proxy looks the names up, so that `app.permissions.net` is held "
     "against hosts as scripts write them and not against the addresses that they stand for. Empty: none."},
    {"fetch", "no_proxy", "[]",
     TextListKind{At<&Config::fetch, &FetchConfig::no_proxy>, CheckNetRule, "a host", "hosts"},
     "The hosts that are connected to directly, in the form of `app.permissions.net`."},
    {"fetch", "unix", "{}", PathMapKind{At<&Config::fetch, &FetchConfig::unix_sockets>, ParseHost, "hosts"},
     "Hosts that stand for a Unix socket, whatever the port: with `{ docker = \"/run/docker.sock\" }`, "
     "`fetch('http://docker/info')` sends its request there. `app.permissions.net` has to list the host as any other."},

    {"log", "level", R"("info")", ChoiceKind{SetChoice<&Config::log, &LogConfig::level>, kLogLevels},
     "The least that is logged."},
    {"log", "format", R"("text")", ChoiceKind{SetChoice<&Config::log, &LogConfig::format>, kLogFormats},
     "A line of text for people, or one JSON object a line for tools."},
    {"log", "file", R"("")", PathKind{At<&Config::log, &LogConfig::file>, true},
     "The file that the log is appended to. Empty: standard error."},
    {"log", "access", R"("")", PathKind{At<&Config::log, &LogConfig::access>, true},
     "The file that a line for each request is appended to, `/dev/stdout` for standard output. Empty: none is "
     "written."},
    {"log", "access_format", R"("combined")",
     ChoiceKind{SetChoice<&Config::log, &LogConfig::access_format>, kAccessLogFormats},
     "The access log as other servers write it, without or with Referer and User-Agent, or one JSON object a line."},

    {"metrics", "listen", "[]", AddressListKind{At<&Config::metrics, &MetricsConfig::listen>, true},
     "Where `GET /metrics` is answered, by the process itself whatever its scripts are at; addresses as in "
     "`server.listen`. Nobody is asked who they are, so let it be one that only the monitoring reaches. Empty: "
     "nowhere, "
     "and requests are not measured."},

    {"v8", "flags", "[]", FlagListKind{At<&Config::v8, &V8Config::flags>}, "Flags for V8, in its own spelling."},
};

// Describe for each kind.
struct Describer {
  static std::string Range(const char* what, const std::string& minimum, const std::string& maximum) {
    return std::string(what) + " from " + minimum + " to " + maximum;
  }
  static std::string Quote(std::string_view text) { return '"' + std::string(text) + '"'; }

  std::string operator()(const SizeKind& kind) const {
    return Range("a size", Quote(FormatSize(kind.minimum)), Quote(FormatSize(kind.maximum)));
  }
  std::string operator()(const DurationKind& kind) const {
    return Range("a duration", Quote(FormatDuration(kind.minimum)), Quote(FormatDuration(kind.maximum)));
  }
  std::string operator()(const CountKind& kind) const {
    return Range("a number", std::to_string(kind.minimum), std::to_string(kind.maximum)) +
           (kind.auto_is_zero ? " or \"auto\"" : "");
  }
  std::string operator()(const ChoiceKind& kind) const {
    std::string text = Quote(kind.names.front());
    for (const std::string_view& name : kind.names.subspan(1)) {
      text += (&name == &kind.names.back() ? " or " : ", ") + Quote(name);
    }
    return text;
  }
  std::string operator()(const PathKind&) const { return "a path"; }
  std::string operator()(const AddressListKind& kind) const {
    return std::string(kind.may_be_empty ? "an address or a list of addresses"
                                         : "an address or a list of one or more") +
           R"(, each "IPv4:port", "[IPv6]:port", "unix:path" or "systemd:name")";
  }
  std::string operator()(const StringListKind&) const { return "a list of strings"; }
  std::string operator()(const BoolKind&) const { return "true or false"; }
  std::string operator()(const PathListKind&) const { return "a path or a list of paths"; }
  std::string operator()(const TextKind& kind) const { return std::string(kind.what); }
  std::string operator()(const TextListKind& kind) const {
    return std::string(kind.what) + " or a list of " + std::string(kind.many);
  }
  std::string operator()(const FlagListKind&) const { return R"(a list of flags, each "--name" or "--name=value")"; }
  std::string operator()(const StringMapKind&) const { return R"(a table of strings, { NAME = "value" })"; }
  std::string operator()(const PathMapKind& kind) const {
    return "a table of " + std::string(kind.names) + R"( and paths, { name = "path" })";
  }
};

// So many typing errors make another word.
constexpr std::size_t kTooFar = 3;

// Levenshtein distance: the least number of characters to insert, delete or replace; kTooFar where the lengths tell
// that it is that or more.
std::size_t EditDistance(std::string_view from, std::string_view to) {
  if (std::max(from.size(), to.size()) - std::min(from.size(), to.size()) >= kTooFar) return kTooFar;
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < to.size(); ++j) {
      const std::size_t replaced = diagonal + (from[i] != to[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::span<const Section> Sections() { return kSections; }
std::span<const Setting> Settings() { return kSettings; }

const Setting* FindSetting(std::string_view key) {
  const auto* const found =
      std::ranges::find_if(kSettings, [&](const Setting& setting) { return setting.key() == key; });
  return found == std::end(kSettings) ? nullptr : found;
}

const Section* FindSection(std::string_view name) {
  const auto* const found = std::ranges::find(kSections, name, &Section::name);
  return found == std::end(kSections) ? nullptr : found;
}

std::string Describe(const SettingKind& kind) { return std::visit(Describer(), kind); }

std::string NearestKey(std::string_view unknown) {
  std::size_t nearest_distance = kTooFar;
  std::string nearest;
  const auto consider = [&](std::string candidate, std::size_t distance) {
    // One typing error in three characters at most: more make another word. None: a section where a key should be.
    if (distance == 0 || distance >= nearest_distance || distance > (candidate.size() + 1) / 3) return;
    nearest_distance = distance;
    nearest = std::move(candidate);
  };
  for (const Section& section : Sections()) consider(std::string(section.name), EditDistance(unknown, section.name));
  const std::string_view name = unknown.substr(unknown.rfind('.') + 1);
  // Of two that are as near, not the one that stands in for the other.
  for (const bool inherits : {false, true}) {
    for (const Setting& setting : Settings()) {
      if (FindSection(setting.section)->inherits.empty() == inherits) continue;
      // The right name in the wrong section counts as one error.
      consider(setting.key(), name == setting.name ? 1 : EditDistance(unknown, setting.key()));
    }
  }
  return nearest;
}

}  // namespace jsd

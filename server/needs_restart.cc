#include "server/needs_restart.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace jsd {

const char* NeedsRestart(const Config& before, const Config& after) {
  const auto log = [](const LogConfig& config) {
    return std::tie(config.level, config.format, config.file, config.access, config.access_format);
  };
  if (before.server.supervise != after.server.supervise) return "server.supervise";
  if (before.server.pid_file != after.server.pid_file) return "server.pid_file";
  if (before.server.reuse_port != after.server.reuse_port) return "server.reuse_port";
  if (before.server.unix_mode != after.server.unix_mode) return "server.unix_mode";
  if (before.server.unix_owner != after.server.unix_owner) return "server.unix_owner";
  const auto own_workers = [](const Config& config) {
    std::vector<std::pair<std::string, unsigned>> found;
    for (const AppConfig& app : config.apps) {
      if (app.workers != 0) found.emplace_back(app.name, app.workers);
    }
    std::ranges::sort(found);
    return found;
  };
  if (own_workers(before) != own_workers(after)) return "app.workers";
  if (before.limits.connections != after.limits.connections) return "limits.connections";
  if (before.limits.connections_per_address != after.limits.connections_per_address) {
    return "limits.connections_per_address";
  }
  const auto fetch = [](const FetchConfig& config) {
    return std::tie(config.connect, config.response, config.body, config.idle, config.dns, config.connections,
                    config.headers, config.max_body, config.authorities);
  };
  if (fetch(before.fetch) != fetch(after.fetch)) return "fetch";
  if (log(before.log) != log(after.log)) return "log";
  if (before.server.user != after.server.user || before.server.group != after.server.group) return "server.user";
  if (before.metrics.listen != after.metrics.listen) return "metrics.listen";
  const auto hardening = [](const HardeningConfig& config) {
    return std::tie(config.system_calls, config.files, config.folders, config.core_dumps);
  };
  if (hardening(before.hardening) != hardening(after.hardening)) return "hardening";
  return before.v8.flags != after.v8.flags ? "v8.flags" : nullptr;
}

}  // namespace jsd

#include "server/http/http_router.h"

#include <algorithm>
#include <functional>
#include <tuple>

#include "config/ascii.h"
#include "core/check.h"

namespace jsd {
namespace {

// Without the port. The last colon may be one of an IPv6 address, which ends in "]".
std::string_view HostOf(std::string_view authority) {
  const std::size_t colon = authority.rfind(':');
  return colon == std::string_view::npos || authority.ends_with(']') ? authority : authority.substr(0, colon);
}

bool HostMatches(std::string_view host, std::string_view pattern, bool exact) {
  if (pattern.empty()) return true;
  if (exact) return EqualsLower(host, pattern);
  // "*" stands for one label or more.
  return host.size() > pattern.size() && EqualsLower(host.substr(host.size() - pattern.size()), pattern);
}

// Whole segments: "/v1" holds "/v1", "/v1/a" and "/v1?q", not "/v10".
bool PathMatches(std::string_view target, std::string_view prefix) {
  if (prefix.empty()) return true;
  return target.starts_with(prefix) &&
         (target.size() == prefix.size() || target[prefix.size()] == '/' || target[prefix.size()] == '?');
}

}  // namespace

HttpApp& HttpRouter::AppOf(RequestSink* sink, const std::string& name) {
  const auto found = std::ranges::find_if(
      apps_, [&](const HttpApp& app) { return app.sink == sink && (sink != nullptr || app.name == name); });
  if (found != apps_.end()) return *found;
  return apps_.emplace_back(
      HttpApp{.sink = sink, .name = {}, .limits = {}, .counters = {}, .batch = {}, .messages = {}});
}

void HttpRouter::Set(const Config& config, std::span<RequestSink* const> sinks) {
  JSD_CHECK(config.apps.size() == sinks.size());
  routes_.clear();
  spread_ = false;
  limits_ = config.limits;
  limits_.body = 0;
  for (std::size_t i = 0; i < sinks.size(); ++i) {
    const AppConfig& settings = config.apps[i];
    HttpApp& app = AppOf(sinks[i], settings.name);
    app.name = settings.name;
    spread_ = spread_ || sinks[i] == nullptr;
    app.limits = settings.limits;
    limits_.body = std::max(limits_.body, settings.limits.body);
    const std::string path = settings.path == "/" ? std::string() : settings.path;
    if (settings.hosts.empty()) routes_.push_back({"", false, path, &app});
    for (const std::string& host : settings.hosts) {
      const bool exact = !host.starts_with('*');
      routes_.push_back({exact ? host : host.substr(1), exact, path, &app});
    }
  }
  const auto rank = [](const Route& route) {
    return std::make_tuple(route.exact, route.host.size(), route.path.size());
  };
  std::ranges::stable_sort(routes_, std::greater(), rank);
  const Route& first = routes_.front();
  only_ = first.host.empty() && first.path.empty() ? first.app : nullptr;
}

HttpApp* HttpRouter::Search(const RequestHead& head) const {
  const std::string_view host = HostOf(head.authority);
  // "OPTIONS *" is for the host as a whole.
  const std::string_view target = head.target == "*" ? std::string_view("/") : head.target;
  for (const Route& route : routes_) {
    if (HostMatches(host, route.host, route.exact) && PathMatches(target, route.path)) return route.app;
  }
  return nullptr;
}

}  // namespace jsd

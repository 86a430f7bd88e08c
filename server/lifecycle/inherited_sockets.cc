#include "server/lifecycle/inherited_sockets.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>

namespace jsd {
namespace {

// SD_LISTEN_FDS_START.
constexpr int kFirst = 3;

// What a socket is called that has no name (sd_listen_fds_with_names(3)).
constexpr std::string_view kUnnamed = "unknown";

std::optional<int> NumberIn(const char* variable) {
  const char* const value = std::getenv(variable);
  if (value == nullptr) return std::nullopt;
  const std::string_view text(value);
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

}  // namespace

void InheritedSockets::AddFromSystemd() {
  // The variables may have been meant for another process, which passed them on.
  const std::optional<int> count = NumberIn("LISTEN_FDS");
  if (count && *count > 0 && NumberIn("LISTEN_PID") == ::getpid()) {
    const char* const value = std::getenv("LISTEN_FDNAMES");
    std::string_view names = value == nullptr ? "" : value;
    for (int i = 0; i < *count; ++i) {
      const std::size_t colon = std::min(names.find(':'), names.size());
      const std::string_view name = names.substr(0, colon);
      const int descriptor = kFirst + i;
      // Not a number that somebody made up.
      if (::fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0) {
        Add("systemd:" + std::string(name.empty() ? kUnnamed : name), UniqueFd(descriptor));
      }
      names.remove_prefix(std::min(colon + 1, names.size()));
    }
  }
  for (const char* const variable : {"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"}) ::unsetenv(variable);
}

UniqueFd InheritedSockets::Take(std::string_view name) {
  const auto found = std::ranges::find(sockets_, name, &Socket::name);
  if (found == sockets_.end()) return UniqueFd();
  UniqueFd descriptor = std::move(found->descriptor);
  sockets_.erase(found);
  return descriptor;
}

}  // namespace jsd

#include "server/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "worker/unique_fd.h"

namespace jsd {
namespace {

std::optional<std::int64_t> NumberIn(const char* variable) {
  const char* const text = std::getenv(variable);
  if (text == nullptr) return std::nullopt;
  std::int64_t number = 0;
  const char* const end = text + std::strlen(text);
  const auto [last, error] = std::from_chars(text, end, number);
  return error == std::errc() && last == end ? std::optional(number) : std::nullopt;
}

}  // namespace

ServiceManager::ServiceManager() {
  const char* const socket = std::getenv("NOTIFY_SOCKET");
  if (socket == nullptr || (socket[0] != '/' && socket[0] != '@')) return;
  socket_ = socket;
  ReadWatchdogPeriod();
}

ServiceManager::ServiceManager(std::function<void(std::string_view)> forward) : forward_(std::move(forward)) {
  ReadWatchdogPeriod();
}

void ServiceManager::ReadWatchdogPeriod() {
  // The variables may have been meant for another process, which passed them on.
  if (const auto pid = NumberIn("WATCHDOG_PID"); pid && *pid != ::getpid()) return;
  const auto microseconds = NumberIn("WATCHDOG_USEC");
  if (microseconds && *microseconds > 1) watchdog_period_ = std::chrono::microseconds(*microseconds / 2);
}

void ServiceManager::Reloading() const {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const std::int64_t microseconds = std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
  Send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds) + "\n");
}

void ServiceManager::Send(std::string_view state) const {
  if (forward_) return forward_(state);
  sockaddr_un address{};
  if (socket_.empty() || socket_.size() >= sizeof(address.sun_path)) return;
  address.sun_family = AF_UNIX;
  socket_.copy(address.sun_path, socket_.size());
  if (socket_.front() == '@') address.sun_path[0] = '\0';
  const UniqueFd sender(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  // A manager that does not listen is not worth a line: whoever runs it sees that itself.
  static_cast<void>(::sendto(sender.get(), state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                             reinterpret_cast<const sockaddr*>(&address), size));
}

}  // namespace jsd

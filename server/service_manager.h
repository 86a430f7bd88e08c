#ifndef JSD_SERVER_SERVICE_MANAGER_H_
#define JSD_SERVER_SERVICE_MANAGER_H_

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace jsd {

// Tells systemd, or whoever else listens on $NOTIFY_SOCKET, how the server is: the datagrams of sd_notify(3). Without
// the variable nothing is sent.
//
// Owner: the master, or the supervisor. Thread: the owner's. Lifetime: any.
class ServiceManager {
 public:
  ServiceManager();
  // One that is spoken to through the supervisor.
  explicit ServiceManager(std::function<void(std::string_view datagram)> forward);

  void Ready() const { Send("READY=1\n"); }
  // Another process is the service's main one from now on.
  void MainProcess(pid_t pid) const { Send("MAINPID=" + std::to_string(pid) + "\n"); }
  // With the time, by which a service of Type=notify-reload is told from one that has not understood
  // (systemd.service(5)).
  void Reloading() const;
  void Stopping() const { Send("STOPPING=1\n"); }
  void Alive() const { Send("WATCHDOG=1\n"); }

  // How often Alive is wanted: half of what the manager waits for ($WATCHDOG_USEC). None: it does not watch.
  std::optional<std::chrono::microseconds> watchdog_period() const { return watchdog_period_; }

  void Send(std::string_view state) const;

 private:
  void ReadWatchdogPeriod();

  std::function<void(std::string_view)> forward_;
  std::string socket_;  // A path, or "@" and an abstract name; empty: none.
  std::optional<std::chrono::microseconds> watchdog_period_;
};

}  // namespace jsd

#endif  // JSD_SERVER_SERVICE_MANAGER_H_

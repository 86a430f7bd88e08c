#ifndef JSD_SERVER_SERVICE_MANAGER_H_
#define JSD_SERVER_SERVICE_MANAGER_H_

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace jsd {

// Tells systemd, or whoever else listens on $NOTIFY_SOCKET, how the server is: the datagrams of sd_notify(3). Without
// the variable nothing is sent.
//
// Owner: the master. Thread: the master's. Lifetime: any.
class ServiceManager {
 public:
  ServiceManager();

  void Ready() const { Send("READY=1\n"); }
  // With the time, by which a service of Type=notify-reload is told from one that has not understood
  // (systemd.service(5)).
  void Reloading() const;
  void Stopping() const { Send("STOPPING=1\n"); }
  void Alive() const { Send("WATCHDOG=1\n"); }

  // How often Alive is wanted: half of what the manager waits for ($WATCHDOG_USEC). None: it does not watch.
  std::optional<std::chrono::microseconds> watchdog_period() const { return watchdog_period_; }

 private:
  void Send(std::string_view state) const;

  std::string socket_;  // A path, or "@" and an abstract name; empty: none.
  std::optional<std::chrono::microseconds> watchdog_period_;
};

}  // namespace jsd

#endif  // JSD_SERVER_SERVICE_MANAGER_H_

#ifndef JSD_SERVER_LIFECYCLE_SUPERVISOR_H_
#define JSD_SERVER_LIFECYCLE_SUPERVISOR_H_

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "server/lifecycle/child_process.h"
#include "server/lifecycle/handover.h"
#include "server/lifecycle/inherited_sockets.h"
#include "server/lifecycle/pid_file.h"
#include "server/listener.h"
#include "server/service_manager.h"
#include "worker/log.h"

namespace jsd {

// A process that serves nothing itself: it starts the one that does, keeps a copy of its listening sockets, and starts
// it again when it ends without having been told to. It replaces it by a newer version without a gap, too; then it
// becomes that version itself, in the same process and with the same children.
//
// It runs no script and reads nothing that comes from outside, so that what brings the server down leaves it alone.
//
// Owner: main. Thread: the one that calls Run, which is the only one. Lifetime: one Run.
class Supervisor {
 public:
  // The sink outlives the supervisor.
  Supervisor(const Config& config, LogSink& sink, Program program, InheritedSockets sockets);
  // One that goes on where an older version of it has left off.
  Supervisor(const Config& config, LogSink& sink, Program program, Inheritance left);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // Until SIGTERM or SIGINT, or until the server ends before it was ready for the first time. Passes these signals on,
  // as it does with SIGHUP, SIGUSR1 and SIGQUIT; SIGUSR2 replaces the server. Returns its exit status, 128 + n where it
  // ended by signal n. Does not return where it becomes another version.
  int Run();

 private:
  struct Loop;
  using Child = std::unique_ptr<ChildProcess>;

  bool PreparePidFile();
  void AddSocket(std::string_view name, UniqueFd descriptor, pid_t opened_by);
  void Watch(ChildProcess& child);
  // What the version before has left serves already.
  void GoOn();
  void Renew();
  Child StartChild(bool or_self, std::string* error);
  // Starts what is to serve; after a while where that fails.
  void StartServer();
  void WaitForSignal();
  void OnSignal(int signal);
  void Forward(int signal);
  void Stop(int signal);
  void Upgrade();
  void UpgradeFailed(const std::string& reason);
  void OnMessage(ChildProcess& child, Message message);
  void OnReady(ChildProcess& child, std::string_view text);
  void TakeOver();
  void OnChildrenEnded();
  void OnServerEnded(const ChildProcess& child, int wait_status);
  void RestartLater();
  // Removes what it opened and nobody serves.
  void Forget(const ChildProcess& failed);
  // While nobody else can say to the service manager that all is well.
  void SayAlive();
  void Keep(const ChildProcess& child, Message message);
  void Close(std::string_view text);
  // Once the process may end.
  void EndIfDone();
  void End();

  const Config config_;
  LogSink& sink_;
  Log log_;
  const Program program_;
  const ServiceManager service_manager_;
  std::string pid_file_before_;  // Of the version before.
  bool was_ready_ = false;
  bool ended_ = false;   // The process is about to end.
  bool renews_ = false;  // It is to become another version.
  bool stopping_ = false;
  int status_ = 0;
  std::unique_ptr<PidFile> pid_file_;
  std::chrono::milliseconds delay_{};  // Before the next start.

  std::unique_ptr<Loop> loop_;
  struct Socket {
    std::unique_ptr<Listener> listener;
    pid_t opened_by = 0;  // 0: systemd.
  };
  std::vector<Socket> sockets_;
  Child server_;               // Null while it waits for the next start.
  Child next_;                 // The one that is to replace it.
  std::vector<Child> ending_;  // Those that were replaced, or are of no use.
};

}  // namespace jsd

#endif  // JSD_SERVER_LIFECYCLE_SUPERVISOR_H_

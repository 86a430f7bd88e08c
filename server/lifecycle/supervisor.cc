#include "server/lifecycle/supervisor.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <utility>

#include "config/listen_address.h"
#include "core/version.h"
#include "server/lifecycle/parent.h"

namespace jsd {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

// A server that has lived for so long was well: it is started again at once, as it is the first time. Else the pause
// doubles, up to the longest.
constexpr std::chrono::seconds kWell{10};
constexpr milliseconds kFirstPause{100};
constexpr milliseconds kLongestPause{10'000};

// How long a replacement may take until it serves.
constexpr std::chrono::seconds kUpgradePatience{60};

// What close names: a socket by where it was asked for and where it is.
std::string Describe(const Listener& listener) { return listener.name() + "\n" + ToString(listener.address()); }

// What the supervisor acts upon.
constexpr int kSignals[] = {SIGTERM, SIGINT, SIGCHLD, SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT};

// Whether they wait until they are wanted again.
void HoldSignals(bool hold) {
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int signal : kSignals) ::sigaddset(&signals, signal);
  ::sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &signals, nullptr);
}

}  // namespace

struct Supervisor::Loop {
  asio::io_context io{1};
  asio::signal_set signals{io};
  asio::steady_timer restart{io};
  asio::steady_timer upgrade{io};
  asio::steady_timer alive{io};
};

Supervisor::Supervisor(const Config& config, LogSink& sink, Program program, InheritedSockets sockets)
    : config_(config), sink_(sink), log_(sink), program_(std::move(program)), loop_(std::make_unique<Loop>()) {
  for (const int signal : kSignals) loop_->signals.add(signal);
  for (InheritedSockets::Socket& socket : sockets.TakeAll()) AddSocket(socket.name, std::move(socket.descriptor), 0);
}

Supervisor::Supervisor(const Config& config, LogSink& sink, Program program, Inheritance left)
    : Supervisor(config, sink, std::move(program), InheritedSockets()) {
  pid_file_before_ = std::move(left.pid_file);
  was_ready_ = true;
  for (Inheritance::Socket& socket : left.sockets) {
    AddSocket(socket.name, std::move(socket.descriptor), socket.opened_by);
  }
  for (Inheritance::Child& from : left.children) {
    Child child = ChildProcess::Adopt(from.pid, std::move(from.channel), from.lived);
    child->ready = true;
    Watch(*child);
    if (from.serves) {
      server_ = std::move(child);
    } else {
      ending_.push_back(std::move(child));
    }
  }
}

Supervisor::~Supervisor() = default;

void Supervisor::AddSocket(std::string_view name, UniqueFd descriptor, pid_t opened_by) {
  const Parsed<ListenAddress> address = ParseListenAddress(name);
  std::string error = address.error;
  auto listener = address.value ? Listener::Adopt(std::move(descriptor), *address.value, &error) : nullptr;
  if (!listener) return log_.Error(error);
  // The server leaves it to the supervisor.
  if (opened_by != 0) listener->LeaveFile(false);
  sockets_.push_back({std::move(listener), opened_by});
}

int Supervisor::Run() {
  ::signal(SIGPIPE, SIG_IGN);
  if (!PreparePidFile() && !was_ready_) return 1;
  WaitForSignal();
  if (was_ready_) {
    GoOn();
  } else {
    StartServer();
  }
  loop_->io.run();
  while (!ended_) {
    Renew();
    if (ended_) break;
    loop_->io.restart();
    loop_->io.run();
  }
  return status_;
}

bool Supervisor::PreparePidFile() {
  if (config_.server.pid_file.empty()) return true;
  std::string error;
  pid_file_ = PidFile::Prepare(config_.server.pid_file, &error);
  if (!pid_file_) log_.Error(error);
  return pid_file_ != nullptr;
}

void Supervisor::GoOn() {
  log_.Info("the supervisor is of the new version now", {{"version", kVersion}});
  if (pid_file_ && !pid_file_->Publish()) log_.Error("cannot write the pid file");
  if (!pid_file_before_.empty() && pid_file_before_ != config_.server.pid_file) ::unlink(pid_file_before_.c_str());
  // The version before has blocked the signals; what has come meanwhile comes now.
  HoldSignals(false);
  if (!server_) RestartLater();
  OnChildrenEnded();
}

// The loop has been stopped; it runs again where this returns and nothing has ended it.
void Supervisor::Renew() {
  // What has come up to here is dealt with here, what comes later by the next version.
  HoldSignals(true);
  loop_->io.restart();
  loop_->io.poll();
  // Where the server has ended just now, the next one's being ready is the time to try again.
  if (!ended_ && !stopping_ && !next_ && server_ && server_->ready) {
    renews_ = false;
    Handover handover;
    for (const Socket& socket : sockets_) {
      handover.AddSocket(socket.listener->name(), socket.listener->fd(), socket.opened_by);
    }
    const auto now = std::chrono::steady_clock::now();
    const auto add = [&](ChildProcess& child) {
      const auto lived = std::chrono::duration_cast<milliseconds>(now - child.started());
      handover.AddChild(child.pid(), lived, &child == server_.get(), child.channel().fd());
    };
    add(*server_);
    for (const Child& child : ending_) add(*child);
    if (pid_file_) handover.AddPidFile(config_.server.pid_file.string());
    log_.Warn("the supervisor stays of the old version: " + handover.Become(program_));
  }
  HoldSignals(false);
}

void Supervisor::End() {
  ended_ = true;
  loop_->io.stop();
}

Supervisor::Child Supervisor::StartChild(bool or_self, std::string* error) {
  std::vector<const Listener*> sockets;
  for (const Socket& socket : sockets_) sockets.push_back(socket.listener.get());
  Child child = ChildProcess::Start(program_, sockets, {.role = Parent::kSupervised, .or_self = or_self}, error);
  if (!child) return nullptr;
  Watch(*child);
  return child;
}

void Supervisor::Watch(ChildProcess& child) {
  // The end of the process is what SIGCHLD tells.
  child.channel().Watch(
      loop_->io, [this, &child](Message message) { OnMessage(child, std::move(message)); }, [] {});
}

void Supervisor::StartServer() {
  std::string error;
  server_ = StartChild(true, &error);
  SayAlive();
  if (server_) return;
  log_.Error(error);
  if (was_ready_) return RestartLater();
  status_ = 1;
  End();
}

void Supervisor::WaitForSignal() {
  loop_->signals.async_wait([this](const boost::system::error_code& error, int signal) {
    if (error) return;
    OnSignal(signal);
    WaitForSignal();
  });
}

void Supervisor::OnSignal(int signal) {
  switch (signal) {
    case SIGCHLD:
      return OnChildrenEnded();
    case SIGTERM:
    case SIGINT:
      return Stop(signal);
    case SIGUSR2:
      return Upgrade();
    case SIGUSR1: {
      std::string error;
      if (!sink_.Reopen(&error)) log_.Error("cannot reopen the log file", {{"reason", error}});
      break;
    }
    default:
      break;
  }
  Forward(signal);
}

void Supervisor::Forward(int signal) {
  const std::string number = std::to_string(signal);
  // Whoever drains is done with signals, but for one: to open the logs again.
  if (server_) server_->channel().Send(to_child::kSignal, number);
  if (signal != SIGUSR1) return;
  for (const Child& child : ending_) child->channel().Send(to_child::kSignal, number);
}

void Supervisor::Stop(int signal) {
  if (stopping_) {
    log_.Warn("signal while stopping, exiting at once", {{"signal", signal}});
    if (server_) ending_.push_back(std::move(server_));
    for (const Child& child : ending_) ::kill(child->pid(), SIGKILL);
    for (const Child& child : ending_) ::waitpid(child->pid(), nullptr, 0);
    pid_file_.reset();
    std::_Exit(128 + signal);
  }
  stopping_ = true;
  service_manager_.Stopping();
  loop_->restart.cancel();
  loop_->upgrade.cancel();
  loop_->alive.cancel();
  // The server closes its own: from then on nobody can connect.
  sockets_.clear();
  if (next_) {
    ::kill(next_->pid(), SIGKILL);
    ending_.push_back(std::move(next_));
  }
  Forward(signal);
  EndIfDone();
}

void Supervisor::EndIfDone() {
  if (stopping_ && !server_ && ending_.empty()) End();
}

void Supervisor::Upgrade() {
  if (stopping_) return;
  if (next_) return;  // Whoever has asked gets the same answer.
  if (!server_ || !server_->ready) return UpgradeFailed("the server is not ready yet");
  log_.Info("starting another server in place of this one", {{"program", program_.path}});
  std::string error;
  next_ = StartChild(false, &error);
  if (!next_) return UpgradeFailed(error);
  loop_->upgrade.expires_after(kUpgradePatience);
  loop_->upgrade.async_wait([this](const boost::system::error_code& cancelled) {
    if (cancelled || !next_) return;
    ::kill(next_->pid(), SIGKILL);
    Forget(*next_);
    ending_.push_back(std::move(next_));
    UpgradeFailed("the new server does not become ready");
  });
}

void Supervisor::UpgradeFailed(const std::string& reason) {
  log_.Error("the upgrade has failed, the server goes on: " + reason);
  if (server_) server_->channel().Send(to_child::kRefused, reason);
}

void Supervisor::OnMessage(ChildProcess& child, Message message) {
  if (message.word == to_parent::kReady) {
    OnReady(child, message.text);
  } else if (message.word == to_parent::kFailed) {
    child.failure = message.text;
  } else if (message.word == to_parent::kKeep) {
    if (!stopping_) Keep(child, std::move(message));
  } else if (message.word == to_parent::kClose) {
    Close(message.text);
  } else if (message.word == to_parent::kNotify) {
    if (&child == server_.get() && !stopping_) service_manager_.Send(message.text);
  } else if (message.word == to_parent::kUpgrade) {
    Upgrade();
  }
}

void Supervisor::OnReady(ChildProcess& child, std::string_view text) {
  child.ready = true;
  if (!std::exchange(was_ready_, true) && pid_file_ && !pid_file_->Publish()) log_.Error("cannot write the pid file");
  loop_->alive.cancel();
  if (&child == next_.get()) {
    TakeOver();
    renews_ = text == Handover::kUnderstood;
    if (!renews_) log_.Info("the supervisor stays of its version: the new one cannot take its place");
  }
  if (renews_ && server_.get() == &child) loop_->io.stop();
}

void Supervisor::TakeOver() {
  loop_->upgrade.cancel();
  log_.Info("the new server has taken over", {{"pid", static_cast<std::int64_t>(next_->pid())}});
  delay_ = {};
  if (server_) {
    server_->channel().Send(to_child::kRetire);
    ending_.push_back(std::move(server_));
  }
  server_ = std::move(next_);
}

void Supervisor::OnChildrenEnded() {
  std::erase_if(ending_, [](const Child& child) { return child->Ended().has_value(); });
  // What they have said at last.
  for (const Child* const child : {&next_, &server_}) {
    if (*child && (*child)->Ended()) (*child)->channel().ReadAll();
  }
  if (next_ && next_->Ended()) {
    const Child failed = std::move(next_);
    loop_->upgrade.cancel();
    Forget(*failed);
    UpgradeFailed(failed->failure.empty() ? "the new server has ended: " + DescribeStatus(*failed->Ended())
                                          : failed->failure);
  }
  if (server_ && server_->Ended()) {
    const Child ended = std::move(server_);
    OnServerEnded(*ended, *ended->Ended());
  }
  EndIfDone();
}

void Supervisor::OnServerEnded(const ChildProcess& child, int wait_status) {
  if (stopping_ || !was_ready_) {
    status_ = ExitStatusOf(wait_status);
    if (!stopping_) End();
    return;
  }
  const auto lived = std::chrono::steady_clock::now() - child.started();
  if (next_) {
    // It is on its way already.
    log_.Error("the server has ended while it was being replaced", {{"by", DescribeStatus(wait_status)}});
    server_ = std::move(next_);
    loop_->upgrade.cancel();
    return SayAlive();
  }
  delay_ = lived >= kWell ? milliseconds(0) : delay_;
  log_.Error("the server has ended, starting it again",
             {{"by", DescribeStatus(wait_status)},
              {"pid", static_cast<std::int64_t>(child.pid())},
              {"lived_ms", std::chrono::duration_cast<milliseconds>(lived).count()},
              {"pause_ms", delay_.count()}});
  RestartLater();
}

void Supervisor::RestartLater() {
  const milliseconds pause = std::exchange(delay_, std::clamp(delay_ * 2, kFirstPause, kLongestPause));
  if (pause.count() == 0) return StartServer();
  SayAlive();
  loop_->restart.expires_after(pause);
  loop_->restart.async_wait([this](const boost::system::error_code& error) {
    if (!error && !stopping_) StartServer();
  });
}

void Supervisor::SayAlive() {
  const auto period = service_manager_.watchdog_period();
  if (!period || !was_ready_ || stopping_ || (server_ && server_->ready)) return;
  service_manager_.Alive();
  loop_->alive.expires_after(*period);
  loop_->alive.async_wait([this](const boost::system::error_code& error) {
    if (!error) SayAlive();
  });
}

void Supervisor::Keep(const ChildProcess& child, Message message) {
  if (message.descriptor.valid()) AddSocket(message.text, std::move(message.descriptor), child.pid());
}

void Supervisor::Forget(const ChildProcess& failed) {
  std::erase_if(sockets_, [&](const Socket& socket) { return socket.opened_by == failed.pid(); });
}

void Supervisor::Close(std::string_view text) {
  const auto found =
      std::ranges::find_if(sockets_, [&](const Socket& socket) { return Describe(*socket.listener) == text; });
  if (found != sockets_.end()) sockets_.erase(found);
}

}  // namespace jsd

#include "server/lifecycle/supervisor.h"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <utility>

#include "config/listen_address.h"
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

}  // namespace

struct Supervisor::Loop {
  asio::io_context io{1};
  asio::signal_set signals{io, SIGTERM, SIGINT, SIGCHLD};
  asio::steady_timer restart{io};
  asio::steady_timer upgrade{io};
  asio::steady_timer alive{io};
};

Supervisor::Supervisor(const Config& config, LogSink& sink, Program program, InheritedSockets sockets)
    : config_(config), sink_(sink), log_(sink), program_(std::move(program)), loop_(std::make_unique<Loop>()) {
  for (const int signal : {SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT}) loop_->signals.add(signal);
  for (InheritedSockets::Socket& socket : sockets.TakeAll()) {
    const Parsed<ListenAddress> address = ParseListenAddress(socket.name);
    std::string error = address.error;
    auto listener = address.value ? Listener::Adopt(std::move(socket.descriptor), *address.value, &error) : nullptr;
    if (listener) {
      sockets_.push_back({std::move(listener)});
    } else {
      log_.Error(error);
    }
  }
}

Supervisor::~Supervisor() = default;

int Supervisor::Run() {
  ::signal(SIGPIPE, SIG_IGN);
  if (!config_.server.pid_file.empty()) {
    std::string error;
    pid_file_ = PidFile::Prepare(config_.server.pid_file, &error);
    if (!pid_file_) {
      log_.Error(error);
      return 1;
    }
  }
  WaitForSignal();
  StartServer();
  loop_->io.run();
  return status_;
}

Supervisor::Child Supervisor::StartChild(bool or_self, std::string* error) {
  std::vector<const Listener*> sockets;
  for (const Socket& socket : sockets_) sockets.push_back(socket.listener.get());
  Child child = ChildProcess::Start(program_, sockets, {.role = Parent::kSupervised, .or_self = or_self}, error);
  if (!child) return nullptr;
  ChildProcess* const here = child.get();
  // The end of the process is what SIGCHLD tells.
  child->channel().Watch(
      loop_->io, [this, here](Message message) { OnMessage(*here, std::move(message)); }, [] {});
  return child;
}

void Supervisor::StartServer() {
  std::string error;
  server_ = StartChild(true, &error);
  SayAlive();
  if (server_) return;
  log_.Error(error);
  if (was_ready_) return RestartLater();
  status_ = 1;
  loop_->io.stop();
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
  if (stopping_ && !server_ && ending_.empty()) loop_->io.stop();
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
    OnReady(child);
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

void Supervisor::OnReady(ChildProcess& child) {
  child.ready = true;
  if (!std::exchange(was_ready_, true) && pid_file_ && !pid_file_->Publish()) log_.Error("cannot write the pid file");
  loop_->alive.cancel();
  if (&child != next_.get()) return;
  loop_->upgrade.cancel();
  log_.Info("the new server has taken over", {{"pid", static_cast<std::int64_t>(child.pid())}});
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
    if (!stopping_) loop_->io.stop();
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
  const Parsed<ListenAddress> address = ParseListenAddress(message.text);
  if (!address.value || !message.descriptor.valid()) return;
  std::string error;
  auto listener = Listener::Adopt(std::move(message.descriptor), *address.value, &error);
  if (!listener) return log_.Error(error);
  // The server leaves it to the supervisor.
  listener->LeaveFile(false);
  sockets_.push_back({std::move(listener), child.pid()});
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

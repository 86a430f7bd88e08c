#include "server/lifecycle/child_process.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "server/lifecycle/parent.h"
#include "server/listener.h"

namespace jsd {
namespace {

constexpr char kSelf[] = "/proc/self/exe";

// Where the child finds its end of the channel.
constexpr int kChannelInChild = 3;

// Variables that are about this process and not about the other.
constexpr std::string_view kOwnVariables[] = {Parent::kVariable, "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES",
                                              "WATCHDOG_PID"};

std::vector<std::string> Environment(bool supervised) {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text(*variable);
    const std::string_view name = text.substr(0, text.find('='));
    // The service manager listens to the supervisor alone.
    const bool own =
        std::ranges::find(kOwnVariables, name) != std::end(kOwnVariables) || (supervised && name == "NOTIFY_SOCKET");
    if (!own) variables.emplace_back(text);
  }
  variables.push_back(std::string(Parent::kVariable) + "=" + std::to_string(kChannelInChild));
  return variables;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// What posix_spawn(3) takes: no signal is blocked or, but for those that were so from the start, ignored; and the
// process is no target of a terminal's Ctrl-C where its supervisor is.
//
// Owner: Start. Thread: any one. Lifetime: the call.
class SpawnAttributes {
 public:
  SpawnAttributes(int channel, bool own_group) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawn_file_actions_adddup2(&actions_, channel, kChannelInChild);
    ::posix_spawnattr_init(&attributes_);
    sigset_t signals;
    ::sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&attributes_, &signals);
    ::sigaddset(&signals, SIGPIPE);
    ::posix_spawnattr_setsigdefault(&attributes_, &signals);
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (own_group) flags |= POSIX_SPAWN_SETPGROUP;
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(&attributes_, flags);
  }
  ~SpawnAttributes() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;

  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

}  // namespace

Program Program::Of(int argc, const char* const* argv) {
  Program program;
  program.arguments.assign(argv, argv + argc);
  std::error_code error;
  const std::string_view name = argc > 0 ? argv[0] : "";
  // A name without a slash was looked up in $PATH.
  program.path = name.find('/') != name.npos ? std::filesystem::absolute(name, error).string()
                                             : std::filesystem::read_symlink(kSelf, error).string();
  if (program.path.empty()) program.path = kSelf;
  return program;
}

std::string DescribeStatus(int wait_status) {
  if (WIFEXITED(wait_status)) return "exit status " + std::to_string(WEXITSTATUS(wait_status));
  const int number = WTERMSIG(wait_status);
  const char* const name = ::sigabbrev_np(number);
  return name == nullptr ? "signal " + std::to_string(number) : "SIG" + std::string(name);
}

int ExitStatusOf(int wait_status) {
  return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

std::unique_ptr<ChildProcess> ChildProcess::Start(const Program& program, const std::vector<const Listener*>& sockets,
                                                  const Options& options, std::string* error) {
  UniqueFd mine;
  UniqueFd its;
  if (!Channel::MakePair(&mine, &its)) {
    *error = "cannot make a channel: " + std::string(std::strerror(errno));
    return nullptr;
  }
  std::vector<std::string> arguments = program.arguments;
  const bool supervised = options.role == Parent::kSupervised;
  std::vector<std::string> variables = Environment(supervised);
  const SpawnAttributes how(its.get(), supervised);
  const auto spawn = [&](const char* path, pid_t* pid) {
    return ::posix_spawn(pid, path, how.actions(), how.attributes(), Pointers(arguments).data(),
                         Pointers(variables).data());
  };
  pid_t pid = -1;
  int result = spawn(program.path.c_str(), &pid);
  if (result != 0 && options.or_self) result = spawn(kSelf, &pid);
  if (result != 0) {
    *error = "cannot start " + program.path + ": " + std::strerror(result);
    return nullptr;
  }
  std::unique_ptr<ChildProcess> child(new ChildProcess(pid, std::move(mine), {}));
  its.Reset();
  for (const Listener* const listener : sockets) {
    child->channel_.Send(to_child::kSocket, listener->name(), listener->fd());
  }
  child->channel_.Send(to_child::kStart, options.role);
  return child;
}

std::unique_ptr<ChildProcess> ChildProcess::Adopt(pid_t pid, UniqueFd channel, std::chrono::milliseconds lived) {
  return std::unique_ptr<ChildProcess>(new ChildProcess(pid, std::move(channel), lived));
}

std::optional<int> ChildProcess::Ended() {
  int status = 0;
  if (!status_ && ::waitpid(pid_, &status, WNOHANG) == pid_) status_ = status;
  return status_;
}

}  // namespace jsd

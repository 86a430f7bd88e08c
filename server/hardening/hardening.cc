#include "server/hardening/hardening.h"

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>

#include "server/hardening/system_call_filter.h"

namespace jsd {
namespace {

std::optional<unsigned> NumberOf(const std::string& text) {
  unsigned number = 0;
  const char* const end = text.data() + text.size();
  const auto [last, wrong] = std::from_chars(text.data(), end, number);
  // The last number means "leave it" to the kernel.
  return wrong == std::errc() && last == end && number != static_cast<unsigned>(-1) ? std::optional(number)
                                                                                    : std::nullopt;
}

bool BecomeAccount(const Account& account, std::span<LogSink* const> logs, std::string* error) {
  const auto fail = [&](const char* what) {
    *error = "server.user: cannot become " + account.name + ": " + what + ": " + std::strerror(errno);
    return false;
  };
  if (::geteuid() == account.user && ::getegid() == account.group) return true;
  for (LogSink* const sink : logs) {
    if (!sink->GiveTo(account.user, account.group)) return fail("the log's file");
  }
  // The groups first: afterwards there is no right to change them.
  const passwd* const entry = ::getpwuid(account.user);
  const int groups = entry != nullptr ? ::initgroups(entry->pw_name, account.group) : ::setgroups(1, &account.group);
  if (groups != 0) return fail("its groups");
  if (::setresgid(account.group, account.group, account.group) != 0) return fail("its group");
  if (::setresuid(account.user, account.user, account.user) != 0) return fail("the user");
  return true;
}

// What root keeps, where the process goes on as root: whatever else it may do is of no use to a server. A user who is
// not root has nothing of this, or no more than it was given.
bool DropCapabilities() {
  constexpr std::uint64_t kKept = 1ull << CAP_CHOWN | 1ull << CAP_DAC_OVERRIDE | 1ull << CAP_DAC_READ_SEARCH |
                                  1ull << CAP_FOWNER | 1ull << CAP_NET_BIND_SERVICE;
  // The bounding set first, which takes a capability that is given up next. It is of no weight without it: no program
  // can give more than the process has (no_new_privs).
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    if ((kKept >> capability & 1) == 0) ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  }
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct sets[2] = {};
  if (::syscall(SYS_capget, &header, sets) != 0) return false;
  for (int i = 0; i < 2; ++i) {
    const auto kept = static_cast<std::uint32_t>(kKept >> (32 * i));
    sets[i].effective &= kept;
    sets[i].permitted &= kept;
    sets[i].inheritable &= kept;
  }
  return ::syscall(SYS_capset, &header, sets) == 0;
}

// A core dump that goes to a program is made at any limit but this one, which the kernel takes for "never"; and no file
// is as small.
bool ForbidCoreDumps() {
  constexpr rlimit kNone{1, 1};
  return ::setrlimit(RLIMIT_CORE, &kNone) == 0;
}

}  // namespace

std::optional<Account> FindAccount(const ServerConfig& config, std::string* error) {
  error->clear();
  if (config.user.empty()) {
    if (!config.group.empty()) *error = "server.group: it goes with server.user, which is empty";
    return std::nullopt;
  }
  Account account{.user = 0, .group = 0, .name = config.user};
  const passwd* user = ::getpwnam(config.user.c_str());
  const std::optional<unsigned> user_number = NumberOf(config.user);
  if (user == nullptr && user_number) user = ::getpwuid(*user_number);
  if (user != nullptr) {
    account.user = user->pw_uid;
    account.group = user->pw_gid;
  } else if (user_number) {
    account.user = account.group = *user_number;
  } else {
    *error = "server.user: there is no user " + config.user;
    return std::nullopt;
  }
  if (config.group.empty()) return account;
  const group* const found = ::getgrnam(config.group.c_str());
  const std::optional<unsigned> group_number = NumberOf(config.group);
  if (found == nullptr && !group_number) {
    *error = "server.group: there is no group " + config.group;
    return std::nullopt;
  }
  account.group = found != nullptr ? found->gr_gid : *group_number;
  return account;
}

bool Harden(const Config& config, const FileAccess& files, std::span<LogSink* const> logs, Log& log,
            std::string* error) {
  const HardeningConfig& wanted = config.hardening;
  const std::optional<Account> account = FindAccount(config.server, error);
  if (!error->empty()) return false;
  if (account && !BecomeAccount(*account, logs, error)) return false;
  // Becoming another user forbids core dumps too.
  if (wanted.core_dumps && account) ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  const bool no_core = !wanted.core_dumps && ForbidCoreDumps();

  const bool capabilities_dropped = DropCapabilities();
  const bool no_new_privileges = ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
  std::string reason;
  std::string file_state = "off";
  if (wanted.files) {
    const int version = files.Enforce(&reason);
    file_state = version > 0 ? "Landlock " + std::to_string(version) : "unavailable: " + reason;
  }
  // Last: it might deny what the others need.
  std::string call_state = "off";
  if (wanted.system_calls != SystemCalls::kAny) {
    const bool filtered = FilterSystemCalls(wanted.system_calls, &reason);
    call_state = !filtered                                   ? "unavailable: " + reason
                 : wanted.system_calls == SystemCalls::kKill ? "killed"
                                                             : "refused";
  }
  log.Info("hardened", {{"user", static_cast<std::int64_t>(::geteuid())},
                        {"group", static_cast<std::int64_t>(::getegid())},
                        {"capabilities", capabilities_dropped ? "dropped" : "unavailable"},
                        {"no_new_privs", no_new_privileges ? "yes" : "unavailable"},
                        {"system_calls", call_state},
                        {"files", file_state},
                        {"core_dumps", no_core ? "off" : "as the system has it"}});
  return true;
}

}  // namespace jsd

#include "server/hardening/hardening.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

#include "config/load.h"
#include "config/schema.h"
#include "server/hardening/file_access.h"
#include "server/hardening/system_call_filter.h"

namespace jsd {
namespace {

namespace fs = std::filesystem;

// What a process is denied stays denied, so each case has one of its own. Its wait status.
int InProcess(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    ::_exit(body());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

constexpr int kUnavailable = 77;

bool FailsWith(long result, int error) { return result == -1 && errno == error; }

TEST(SystemCallFilterTest, WhatNoServerNeedsIsRefused) {
  const int status = InProcess([] {
    std::string error;
    if (!FilterSystemCalls(SystemCalls::kRefuse, &error)) return kUnavailable;
    char program[] = "/bin/true";
    char* arguments[] = {program, nullptr};
    if (!FailsWith(::execve(program, arguments, nullptr), EPERM)) return 1;
    if (!FailsWith(::unshare(CLONE_NEWUSER), EPERM)) return 2;
    if (!FailsWith(::syscall(SYS_clone3, nullptr, 0), ENOSYS)) return 3;
    if (!FailsWith(::syscall(SYS_clone, CLONE_NEWNS | SIGCHLD, nullptr, nullptr, nullptr, nullptr), EPERM)) return 4;
    if (!FailsWith(::syscall(SYS_bpf, 0, nullptr, 0), EPERM)) return 5;
    if (!FailsWith(::syscall(SYS_keyctl, 0, 0, 0, 0, 0), EPERM)) return 6;
    if (!FailsWith(::syscall(SYS_io_uring_setup, 1, nullptr), EPERM)) return 7;
    if (!FailsWith(::socket(AF_PACKET, SOCK_RAW, 0), EAFNOSUPPORT)) return 8;
    if (!FailsWith(::socket(AF_ALG, SOCK_SEQPACKET, 0), EAFNOSUPPORT)) return 9;
    if (!FailsWith(::syscall(SYS_mount, nullptr, nullptr, nullptr, 0, nullptr), EPERM)) return 10;
#if !defined(__SANITIZE_ADDRESS__)
    if (!FailsWith(::fork(), EPERM)) return 11;
    if (!FailsWith(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr), EPERM)) return 12;
#endif
    return 0;
  });
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == kUnavailable) GTEST_SKIP() << "the kernel has no seccomp filters";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(SystemCallFilterTest, ThreadsAndSocketsWorkAsBefore) {
  const int status = InProcess([] {
    std::string error;
    if (!FilterSystemCalls(SystemCalls::kKill, &error)) return kUnavailable;
    int seen = 0;
    std::thread([&seen] { seen = 1; }).join();
    if (seen != 1) return 1;
    for (const int family : {AF_UNIX, AF_INET, AF_NETLINK}) {
      const int socket = ::socket(family, family == AF_NETLINK ? SOCK_RAW : SOCK_STREAM, 0);
      if (socket < 0) return 2;
      ::close(socket);
    }
    // Without IPv6 in the kernel it fails by itself.
    if (::socket(AF_INET6, SOCK_STREAM, 0) < 0 && errno != EAFNOSUPPORT) return 3;
    return std::ifstream("/proc/self/status").good() ? 0 : 4;
  });
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_TRUE(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == kUnavailable) << WEXITSTATUS(status);
}

TEST(SystemCallFilterTest, ItMayEndTheProcess) {
  const int status = InProcess([] {
    constexpr rlimit kNone{0, 0};
    ::setrlimit(RLIMIT_CORE, &kNone);
    std::string error;
    if (!FilterSystemCalls(SystemCalls::kKill, &error)) return kUnavailable;
    ::unshare(CLONE_NEWUSER);
    return 0;
  });
  if (WIFEXITED(status) && WEXITSTATUS(status) == kUnavailable) GTEST_SKIP() << "the kernel has no seccomp filters";
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGSYS);
}

class FileAccessTest : public testing::Test {
 protected:
  FileAccessTest() {
    std::string pattern = fs::temp_directory_path() / "file_access_test.XXXXXX";
    folder_ = fs::canonical(mkdtemp(pattern.data()));
    for (const char* const name : {"config", "app/lib", "other", "logs", "cache", "releases/1"}) {
      fs::create_directories(folder_ / name);
    }
    for (const char* const name :
         {"config/server.toml", "app/app.mjs", "app/lib/a.mjs", "other/secret", "releases/1/app.mjs"}) {
      std::ofstream(folder_ / name) << "text";
    }
  }
  ~FileAccessTest() override { fs::remove_all(folder_); }

  FileAccess Access(const Config& config) const { return {folder_ / "config/server.toml", config}; }

  Config WithScript(const fs::path& script) const {
    Config config;
    config.apps.push_back({.name = "a", .script = script});
    return config;
  }

  static bool Opens(const fs::path& path, int flags = O_RDONLY) { return ::open(path.c_str(), flags, 0600) >= 0; }

  fs::path folder_;
};

TEST_F(FileAccessTest, WhatTheConfigurationNamesIsInReachAndNothingElse) {
  Config config = WithScript(folder_ / "app/app.mjs");
  config.apps[0].code_cache = folder_ / "cache/made/later";
  config.log.file = folder_ / "logs/jsd.log";
  const FileAccess access = Access(config);
  const int status = InProcess([&] {
    std::string error;
    if (access.Enforce(&error) == 0) return kUnavailable;
    if (!Opens(folder_ / "config/server.toml") || !Opens(folder_ / "app/lib/a.mjs")) return 1;
    if (Opens(folder_ / "other/secret") || Opens(folder_) || Opens("/root") || Opens("/home")) return 2;
    if (Opens(folder_ / "app/app.mjs", O_WRONLY) || Opens(folder_ / "app/new", O_WRONLY | O_CREAT)) return 3;
    if (!Opens(folder_ / "logs/new.log", O_WRONLY | O_CREAT | O_APPEND)) return 4;
    std::error_code failed;
    fs::create_directories(folder_ / "cache/made/later", failed);
    if (failed || !Opens(folder_ / "cache/made/later/a", O_WRONLY | O_CREAT)) return 5;
    fs::rename(folder_ / "cache/made/later/a", folder_ / "cache/made/b", failed);
    if (failed || !fs::remove(folder_ / "cache/made/b", failed)) return 6;
    if (!Opens("/etc/hosts") || !Opens("/dev/null", O_RDWR)) return 7;
    // Of all programs it can run its own alone.
    char program[] = "/bin/true";
    char* arguments[] = {program, nullptr};
    if (!FailsWith(::execve(program, arguments, nullptr), EACCES)) return 8;
    const std::string own = fs::read_symlink("/proc/self/exe");
    char none[] = "--gtest_filter=none";
    char* own_arguments[] = {program, none, nullptr};
    ::execve(own.c_str(), own_arguments, nullptr);
    return 9;
    return 0;
  });
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == kUnavailable) GTEST_SKIP() << "the kernel has no Landlock";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(FileAccessTest, AFileThatIsReplacedAndALinkThatIsTurnedAreInReach) {
  fs::create_directory_symlink("releases/1", folder_ / "current");
  const FileAccess access = Access(WithScript(folder_ / "current/app.mjs"));
  const int status = InProcess([&] {
    std::string error;
    if (access.Enforce(&error) == 0) return kUnavailable;
    return Opens(folder_ / "releases/2/app.mjs") ? 1 : Opens(folder_ / "other/secret") ? 0 : 2;
  });
  // The folder of the link is in reach, with all that the link may be turned to there.
  if (WIFEXITED(status) && WEXITSTATUS(status) == kUnavailable) GTEST_SKIP() << "the kernel has no Landlock";
  EXPECT_EQ(WEXITSTATUS(status), 0);

  fs::create_directories(folder_ / "releases/2");
  const int replaced = InProcess([&] {
    std::string error;
    if (access.Enforce(&error) == 0) return kUnavailable;
    std::ifstream before(folder_ / "current/app.mjs");
    return before.good() && !access.FirstOutOfReach() ? 0 : 1;
  });
  EXPECT_EQ(WEXITSTATUS(replaced), 0);
}

TEST_F(FileAccessTest, AReloadLearnsWhatIsOutOfReach) {
  const FileAccess access = Access(WithScript(folder_ / "app/app.mjs"));
  const FileAccess next = Access(WithScript(folder_ / "other/app.mjs"));
  const int status = InProcess([&] {
    std::string error;
    if (access.Enforce(&error) == 0) return kUnavailable;
    if (access.FirstOutOfReach()) return 1;
    return next.FirstOutOfReach() == folder_ / "other" ? 0 : 2;
  });
  if (WIFEXITED(status) && WEXITSTATUS(status) == kUnavailable) GTEST_SKIP() << "the kernel has no Landlock";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

// A setting that names a file has to stand in the constructor of FileAccess too.
TEST_F(FileAccessTest, EveryPathOfTheConfigurationIsInReach) {
  std::string text;
  std::vector<std::pair<std::string, fs::path>> wanted;
  for (const Section& section : Sections()) {
    const bool repeated = section.add != nullptr && !section.once_too;
    text += repeated ? "[[" : "[";
    text += std::string(section.name) + (repeated ? "]]\n" : "]\n");
    if (section.name == "server.tls") text += "listen = [\"127.0.0.1:0\"]\n";
    for (const Setting& setting : Settings()) {
      const bool path =
          std::holds_alternative<PathKind>(setting.kind) || std::holds_alternative<PathListKind>(setting.kind);
      if (setting.section != section.name || !path) continue;
      const fs::path folder = folder_ / "settings" / setting.key();
      text += std::string(setting.name) + " = \"" + (folder / "file").string() + "\"\n";
      fs::create_directories(folder);
      wanted.emplace_back(setting.key(), folder);
    }
  }
  std::ofstream(folder_ / "config/all.toml") << text;
  const LoadResult loaded = Load(folder_ / "config/all.toml", {});
  ASSERT_TRUE(loaded.config) << loaded.errors.front() << "\n" << text;
  const FileAccess access = Access(*loaded.config);
  for (const auto& [key, folder] : wanted) {
    EXPECT_TRUE(std::ranges::any_of(access.places(), [&](const FileAccess::Place& place) {
      return place.path == folder || place.path == folder / "file";
    })) << key;
  }
}

TEST(HardeningTest, AccountsAreFoundByNameAndByNumber) {
  std::string error;
  ServerConfig config;
  EXPECT_FALSE(FindAccount(config, &error));
  EXPECT_EQ(error, "");
  config.user = "root";
  std::optional<Account> account = FindAccount(config, &error);
  ASSERT_TRUE(account) << error;
  EXPECT_EQ(account->user, 0u);
  EXPECT_EQ(account->group, 0u);
  config = {.user = "54321", .group = "12345"};
  account = FindAccount(config, &error);
  ASSERT_TRUE(account) << error;
  EXPECT_EQ(account->user, 54321u);
  EXPECT_EQ(account->group, 12345u);
  config = {.user = "no-such-user", .group = {}};
  EXPECT_FALSE(FindAccount(config, &error));
  EXPECT_EQ(error, "server.user: there is no user no-such-user");
  config = {.user = "root", .group = "no-such-group"};
  EXPECT_FALSE(FindAccount(config, &error));
  EXPECT_EQ(error, "server.group: there is no group no-such-group");
  config = {.user = {}, .group = "root"};
  EXPECT_FALSE(FindAccount(config, &error));
  EXPECT_EQ(error, "server.group: it goes with server.user, which is empty");
  config = {.user = "4294967295", .group = {}};
  EXPECT_FALSE(FindAccount(config, &error));
}

}  // namespace
}  // namespace jsd

#include "server/hardening/file_access.h"

#include <fcntl.h>
#include <link.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <system_error>
#include <utility>

#include "config/listen_address.h"
#include "core/modules/module_resolver.h"
#include "server/endpoint.h"
#include "worker/unique_fd.h"

namespace jsd {
namespace {

namespace fs = std::filesystem;

// Rights of later versions of the interface than that of the headers which it may be built with.
constexpr std::uint64_t kRefer = 1ull << 13;
constexpr std::uint64_t kTruncate = 1ull << 14;
constexpr std::uint64_t kDeviceControl = 1ull << 15;
constexpr std::uint64_t kFirstVersion = (1ull << 13) - 1;

constexpr std::uint64_t kReading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t kAppending = kReading | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | kTruncate;
constexpr std::uint64_t kRunning = kReading | LANDLOCK_ACCESS_FS_EXECUTE;
constexpr std::uint64_t kSocketMaking = LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REMOVE_FILE;
constexpr std::uint64_t kWriting = kAppending | kSocketMaking | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                                   LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_FIFO |
                                   LANDLOCK_ACCESS_FS_MAKE_SYM | kRefer;
// Of those, what a file can have that is no folder.
constexpr std::uint64_t kOfFiles =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | kTruncate;

// What the C library reads to look up names and times, OpenSSL its authorities, V8 and the C library of the machine.
constexpr const char* kSystem[] = {"/etc", "/usr", "/lib", "/lib64", "/proc", "/sys", "/run/systemd/resolve"};
constexpr const char* kDevices[] = {"/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"};

// As many as the kernel follows.
constexpr int kMostLinks = 40;

std::uint64_t RightsOf(FileAccess::Kind kind) {
  switch (kind) {
    case FileAccess::Kind::kRead:
      return kReading;
    case FileAccess::Kind::kAppend:
      return kAppending;
    case FileAccess::Kind::kSockets:
      return kSocketMaking;
    case FileAccess::Kind::kRun:
      return kRunning;
    case FileAccess::Kind::kWrite:
      return kWriting;
  }
  return 0;
}

std::uint64_t RightsOfVersion(int version) {
  std::uint64_t rights = kFirstVersion;
  if (version >= 2) rights |= kRefer;
  if (version >= 3) rights |= kTruncate;
  if (version >= 5) rights |= kDeviceControl;
  return rights;
}

// False where the path is not there or the kernel does not take the rule.
bool AddRule(int ruleset, const fs::path& path, std::uint64_t rights) {
  const UniqueFd place(::open(path.c_str(), O_PATH | O_CLOEXEC));
  struct stat status;
  if (!place.valid() || ::fstat(place.get(), &status) != 0) return false;
  if (!S_ISDIR(status.st_mode)) rights &= kOfFiles;
  landlock_path_beneath_attr rule{};
  rule.allowed_access = rights;
  rule.parent_fd = place.get();
  return ::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

// What the kernel starts this program by; empty where it is linked statically.
fs::path Loader() {
  fs::path found;
  const auto look = [](dl_phdr_info* program, std::size_t, void* into) {
    for (int i = 0; i < program->dlpi_phnum; ++i) {
      const auto& header = program->dlpi_phdr[i];
      if (header.p_type != PT_INTERP) continue;
      *static_cast<fs::path*>(into) = reinterpret_cast<const char*>(program->dlpi_addr + header.p_vaddr);
    }
    return 1;  // The program itself comes first.
  };
  ::dl_iterate_phdr(look, &found);
  return found;
}

// The nearest that is there, for what will be made later.
fs::path NearestAbove(fs::path path) {
  std::error_code ignored;
  while (path.has_relative_path() && !fs::exists(path, ignored)) path = path.parent_path();
  return path;
}

}  // namespace

FileAccess::FileAccess(const fs::path& config_file, const Config& config) {
  for (const char* const path : kSystem) Add(path, Kind::kRead);
  for (const char* const path : kDevices) Add(path, Kind::kAppend);
  AddFile("/etc/resolv.conf", Kind::kRead);
  for (const char* const variable : {"SSL_CERT_FILE", "SSL_CERT_DIR"}) {
    if (const char* const path = std::getenv(variable)) AddFolder(path, Kind::kRead);
  }
  std::error_code ignored;
  // Another version of the program may take over from this one.
  if (!config.server.supervise) {
    AddFile(fs::read_symlink("/proc/self/exe", ignored), Kind::kRun);
    if (const fs::path loader = Loader(); !loader.empty()) Add(Follow(loader), Kind::kRun);
  }
  AddFile(fs::absolute(config_file, ignored), Kind::kRead);
  for (const fs::path& folder : config.hardening.folders) AddFolder(folder, Kind::kRead);

  const auto add_files = [this](const std::vector<fs::path>& files) {
    for (const fs::path& file : files) AddFile(file, Kind::kRead);
  };
  for (const TlsConfig& tls : config.server.tls) {
    for (const auto* const files : {&tls.certificates, &tls.keys, &tls.ocsp}) add_files(*files);
    AddFile(tls.client_ca, Kind::kRead);
  }
  add_files(config.fetch.authorities);
  for (const Endpoint& endpoint : EndpointsOf(config)) {
    const Parsed<ListenAddress> address = ParseListenAddress(endpoint.address);
    if (address.value && address.value->kind == ListenAddress::Kind::kUnix) {
      AddFile(address.value->path, Kind::kSockets);
    }
  }
  for (const AppConfig& app : config.apps) {
    AddFile(app.script, Kind::kRead);
    AddFolder(app.root.empty() ? fs::path(DefaultModuleRoot(app.script.string())) : app.root, Kind::kRead);
    AddFile(app.import_map, Kind::kRead);
    AddFolder(app.code_cache, Kind::kWrite);
    for (const fs::path& path : app.permissions.read) AddFolder(path, Kind::kRead);
    for (const fs::path& path : app.permissions.write) AddFolder(path, Kind::kWrite);
  }
  AddFile(config.server.pid_file, Kind::kWrite);
  AddFile(config.log.file, Kind::kAppend);
  AddFile(config.log.access, Kind::kAppend);
}

void FileAccess::AddFile(const fs::path& file, Kind kind) {
  if (file.empty()) return;
  const fs::path real = Follow(file);
  // Beside it may lie the whole system.
  Add(real.parent_path() == real.root_path() ? real : real.parent_path(), kind);
}

void FileAccess::AddFolder(const fs::path& folder, Kind kind) {
  if (!folder.empty()) Add(Follow(folder), kind);
}

fs::path FileAccess::Follow(const fs::path& path) {
  std::deque<fs::path> rest;
  const auto put_first = [&rest](const fs::path& names) {
    std::vector<fs::path> parts;
    for (const fs::path& name : names.relative_path()) parts.push_back(name);
    rest.insert(rest.begin(), parts.begin(), parts.end());
  };
  put_first(path);
  fs::path real = "/";
  for (int links = 0; !rest.empty();) {
    const fs::path name = std::move(rest.front());
    rest.pop_front();
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      real = real.parent_path();
      continue;
    }
    std::error_code error;
    const fs::path target = fs::read_symlink(real / name, error);
    if (error || ++links > kMostLinks) {
      real /= name;
      continue;
    }
    if (real.has_relative_path() && real != "/dev") Add(real, Kind::kRead);
    if (target.is_absolute()) real = "/";
    put_first(target);
  }
  return real;
}

void FileAccess::Add(fs::path path, Kind kind) {
  const auto same = [&](const Place& place) { return place.kind == kind && place.path == path; };
  if (std::ranges::none_of(places_, same)) places_.push_back({std::move(path), kind});
}

int FileAccess::Enforce(std::string* error) const {
  const auto fail = [error] {
    *error = errno == ENOSYS || errno == EOPNOTSUPP ? "the kernel does not have it" : std::strerror(errno);
    return 0;
  };
  const auto version =
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION));
  if (version < 1) return fail();
  const std::uint64_t handled = RightsOfVersion(version);
  landlock_ruleset_attr attributes{};
  attributes.handled_access_fs = handled;
  const UniqueFd ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0)));
  if (!ruleset.valid()) return fail();
  for (const Place& place : places_) {
    const fs::path there = place.kind == Kind::kRead ? place.path : NearestAbove(place.path);
    // What is not there, or would be everything, is left out.
    if (there.has_relative_path()) AddRule(ruleset.get(), there, RightsOf(place.kind) & handled);
  }
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) return fail();
  return version;
}

std::optional<fs::path> FileAccess::FirstOutOfReach() const {
  for (const Place& place : places_) {
    std::error_code ignored;
    if (place.kind != Kind::kRead || !fs::exists(place.path, ignored)) continue;
    const UniqueFd opened(::open(place.path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!opened.valid() && errno == EACCES) return place.path;
  }
  return std::nullopt;
}

}  // namespace jsd

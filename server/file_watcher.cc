#include "server/file_watcher.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace jsd {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;

constexpr std::uint32_t kMask = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_ONLYDIR;

// What scripts are and import.
constexpr std::string_view kEndings[] = {".js",  ".mjs", ".cjs", ".ts",   ".mts",
                                         ".cts", ".jsx", ".tsx", ".json", ".wasm"};

bool IsScript(std::string_view name) {
  return std::ranges::any_of(kEndings, [&](std::string_view ending) { return name.ends_with(ending); });
}

bool IsSkipped(std::string_view folder) { return folder.starts_with('.') || folder == "node_modules"; }

}  // namespace

FileWatcher::FileWatcher(asio::io_context& io, std::function<void()> changed)
    : changed_(std::move(changed)), descriptor_(io), quiet_(io) {}

bool FileWatcher::Open(std::string* error) {
  const int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd < 0) {
    *error = std::strerror(errno);
    return false;
  }
  descriptor_.assign(fd);
  Wait();
  return true;
}

FileWatcher::Folder* FileWatcher::Add(const fs::path& path) {
  const int watch = ::inotify_add_watch(descriptor_.native_handle(), path.c_str(), kMask);
  if (watch < 0) return nullptr;
  Folder& folder = folders_[watch];
  folder.path = path;
  return &folder;
}

bool FileWatcher::WatchTree(const fs::path& folder) {
  if (folders_.size() >= kMostFolders) return false;
  // First the folder itself, so that what is made in it meanwhile is not missed.
  Folder* const added = Add(folder);
  if (added == nullptr) return false;
  added->is_tree = true;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    // Links are not followed: what they lead to may lead back.
    if (!entry->is_directory(ignored) || entry->is_symlink(ignored)) continue;
    if (!IsSkipped(entry->path().filename().string()) && !WatchTree(entry->path())) return false;
  }
  return true;
}

bool FileWatcher::WatchFile(const fs::path& file) {
  Folder* const folder = Add(fs::absolute(file).parent_path());
  if (folder == nullptr) return false;
  folder->files.insert(file.filename().string());
  return true;
}

void FileWatcher::Wait() {
  descriptor_.async_wait(asio::posix::stream_descriptor::wait_read, [this](const boost::system::error_code& error) {
    if (error) return;
    ReadEvents();
    Wait();
  });
}

void FileWatcher::ReadEvents() {
  alignas(inotify_event) std::array<char, 16 * 1024> buffer;
  bool changed = false;
  for (;;) {
    const ssize_t count = ::read(descriptor_.native_handle(), buffer.data(), buffer.size());
    if (count <= 0) break;
    for (std::size_t at = 0; at + sizeof(inotify_event) <= static_cast<std::size_t>(count);) {
      inotify_event event;
      std::memcpy(&event, buffer.data() + at, sizeof(event));
      // The name is filled up with zeros.
      const char* const name = buffer.data() + at + sizeof(event);
      changed |= Take(event.wd, event.mask, std::string_view(name, event.len == 0 ? 0 : ::strnlen(name, event.len)));
      at += sizeof(event) + event.len;
    }
  }
  if (!changed) return;
  quiet_.expires_after(kQuiet);
  quiet_.async_wait([this](const boost::system::error_code& error) {
    if (!error) changed_();
  });
}

bool FileWatcher::Take(int watch, std::uint32_t mask, std::string_view name) {
  // Some changes were not told.
  if ((mask & IN_Q_OVERFLOW) != 0) return true;
  const auto found = folders_.find(watch);
  if (found == folders_.end()) return false;
  if ((mask & IN_IGNORED) != 0) {
    folders_.erase(found);
    return false;
  }
  const bool is_tree = found->second.is_tree;
  if ((mask & IN_ISDIR) != 0) {
    if (!is_tree || IsSkipped(name)) return false;
    // Files may be in there already.
    WatchTree(found->second.path / name);
    return true;
  }
  if (found->second.files.contains(std::string(name))) return (mask & IN_CREATE) == 0;
  return is_tree && IsScript(name) && (mask & IN_CREATE) == 0;
}

}  // namespace jsd

#ifndef JSD_SERVER_FILE_WATCHER_H_
#define JSD_SERVER_FILE_WATCHER_H_

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace jsd {

// Tells when scripts or what belongs to them have been saved, by inotify(7).
//
// Owner: the master. Thread: that of the io_context. Lifetime: within the io_context's.
class FileWatcher {
 public:
  // Several files are often saved at once, and one in several steps: nobody is told before nothing has changed for so
  // long.
  static constexpr std::chrono::milliseconds kQuiet{100};

  FileWatcher(boost::asio::io_context& io, std::function<void()> changed);
  FileWatcher(const FileWatcher&) = delete;
  FileWatcher& operator=(const FileWatcher&) = delete;

  // False, with a reason, where the system has no more of these.
  bool Open(std::string* error);

  // Watches the scripts, JSON files and WebAssembly modules in a folder and in those below it, but not in packages and
  // hidden folders. A folder that is watched already stays so. False where the system or kMostFolders allows no more.
  bool WatchTree(const std::filesystem::path& folder);

  // Watches one file, which need not exist.
  bool WatchFile(const std::filesystem::path& file);

  // Folders without end come from a root that was not meant.
  static constexpr std::size_t kMostFolders = 4096;

 private:
  struct Folder {
    std::filesystem::path path;
    bool is_tree = false;                   // Its scripts and its folders count.
    std::unordered_set<std::string> files;  // Names that count in any case.
  };

  Folder* Add(const std::filesystem::path& folder);
  void Wait();
  void ReadEvents();
  // Whether the event is about something that counts.
  bool Take(int watch, std::uint32_t mask, std::string_view name);

  const std::function<void()> changed_;
  boost::asio::posix::stream_descriptor descriptor_;
  boost::asio::steady_timer quiet_;
  std::unordered_map<int, Folder> folders_;  // By the kernel's number of the watch.
};

}  // namespace jsd

#endif  // JSD_SERVER_FILE_WATCHER_H_

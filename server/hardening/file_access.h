#ifndef JSD_SERVER_HARDENING_FILE_ACCESS_H_
#define JSD_SERVER_HARDENING_FILE_ACCESS_H_

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"

namespace jsd {

// The folders that a process needs by its configuration, and those of the system; and how it denies itself all others
// (Landlock). Folders, not files: what is written anew and renamed into its place has to be found again. For the same
// reason a symbolic link brings the folder that it lies in.
//
// A value. Thread: any that has it. Lifetime: its owner's; what it denies holds until the process ends.
class FileAccess {
 public:
  enum class Kind {
    kRead,     // Files are read and folders listed.
    kAppend,   // Files are made, read and written to.
    kSockets,  // Unix sockets are made and removed.
    kRun,      // Programs are run.
    kWrite,    // Whatever files and folders allow, but for running programs.
  };
  struct Place {
    std::filesystem::path path;  // Absolute; without symbolic links, as far as it is there.
    Kind kind;
  };

  // `config_file` may be relative to the working directory.
  FileAccess(const std::filesystem::path& config_file, const Config& config);

  const std::vector<Place>& places() const { return places_; }

  // Denies the calling thread, and those that it starts from now on, all files but these; what is open stays open.
  // Needs no_new_privs. Returns the version of the kernel's interface, or 0 and `error` where it has none.
  int Enforce(std::string* error) const;

  // One of the folders that is there and cannot be read: for a reload in a process that has denied itself others.
  std::optional<std::filesystem::path> FirstOutOfReach() const;

 private:
  void AddFile(const std::filesystem::path& file, Kind kind);
  void AddFolder(const std::filesystem::path& folder, Kind kind);
  // The path without symbolic links; the folders of those are added for reading.
  std::filesystem::path Follow(const std::filesystem::path& path);
  void Add(std::filesystem::path path, Kind kind);

  std::vector<Place> places_;
};

}  // namespace jsd

#endif  // JSD_SERVER_HARDENING_FILE_ACCESS_H_

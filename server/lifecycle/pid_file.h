#ifndef JSD_SERVER_LIFECYCLE_PID_FILE_H_
#define JSD_SERVER_LIFECYCLE_PID_FILE_H_

#include <filesystem>
#include <memory>
#include <string>

namespace jsd {

// The file that says which process to send signals to: its number and a line break.
//
// Owner: the supervisor, or the master where there is none. Thread: the owner's.
// Lifetime: the file goes with it, unless another process has put its own number there meanwhile.
class PidFile {
 public:
  // Makes sure that the file can be written. Null and `error` where it cannot.
  static std::unique_ptr<PidFile> Prepare(const std::filesystem::path& path, std::string* error);
  ~PidFile();
  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;

  // Puts the file, whole, in the place of what is there. False with errno where that fails.
  bool Publish();

 private:
  PidFile(std::filesystem::path path, std::filesystem::path prepared);

  const std::filesystem::path path_;
  const std::filesystem::path prepared_;
  const std::string text_;
};

}  // namespace jsd

#endif  // JSD_SERVER_LIFECYCLE_PID_FILE_H_

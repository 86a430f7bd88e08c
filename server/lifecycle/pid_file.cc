#include "server/lifecycle/pid_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string_view>
#include <utility>

#include "worker/unique_fd.h"

namespace jsd {

std::unique_ptr<PidFile> PidFile::Prepare(const std::filesystem::path& path, std::string* error) {
  const std::filesystem::path prepared = path.string() + "." + std::to_string(::getpid());
  std::unique_ptr<PidFile> file(new PidFile(path, prepared));
  const UniqueFd descriptor(::open(prepared.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644));
  const std::string& text = file->text_;
  if (!descriptor.valid() || ::write(descriptor.get(), text.data(), text.size()) != std::ssize(text)) {
    *error = "cannot write the pid file " + path.string() + ": " + std::strerror(errno);
    return nullptr;
  }
  return file;
}

PidFile::PidFile(std::filesystem::path path, std::filesystem::path prepared)
    : path_(std::move(path)), prepared_(std::move(prepared)), text_(std::to_string(::getpid()) + "\n") {}

bool PidFile::Publish() { return std::rename(prepared_.c_str(), path_.c_str()) == 0; }

PidFile::~PidFile() {
  ::unlink(prepared_.c_str());
  std::ifstream file(path_);
  std::string line;
  if (std::getline(file, line) && line + "\n" == text_) ::unlink(path_.c_str());
}

}  // namespace jsd

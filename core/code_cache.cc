#include "core/code_cache.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>
#include <v8.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "core/version.h"

namespace jsd {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMemoryLimit = 32 << 20;
constexpr std::uintmax_t kFolderLimit = 256 << 20;
constexpr std::string_view kMagic = "jsd code 1\n";
constexpr std::size_t kSumLength = 64;
constexpr std::string_view kEnding = ".code";

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  const int fd_;
};

// Nobody but this user, or root, can have changed it.
bool IsOursAlone(const struct stat& status) {
  return (status.st_uid == ::geteuid() || status.st_uid == 0) && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

int OpenFolder(const std::string& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct stat status;
  if (fd >= 0 && (::fstat(fd, &status) != 0 || !IsOursAlone(status))) {
    ::close(fd);
    return -1;
  }
  return fd;
}

std::shared_ptr<const std::string> ReadCode(const std::string& folder, const std::string& key) {
  const Descriptor directory(OpenFolder(folder));
  if (!directory.valid()) return nullptr;
  const Descriptor file(
      ::openat(directory.get(), (key + std::string(kEnding)).c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat status;
  if (!file.valid() || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode) || !IsOursAlone(status)) {
    return nullptr;
  }
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t count = ::read(file.get(), text.data() + done, text.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return nullptr;
    done += static_cast<std::size_t>(count);
  }
  if (!text.starts_with(kMagic) || text.size() < kMagic.size() + kSumLength) return nullptr;
  const std::string_view code = std::string_view(text).substr(kMagic.size() + kSumLength);
  // The key is part of the sum: a file under another's name is no use.
  if (CodeCache::Sum({key, code}) != std::string_view(text).substr(kMagic.size(), kSumLength)) return nullptr;
  text.erase(0, kMagic.size() + kSumLength);
  return std::make_shared<const std::string>(std::move(text));
}

bool WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

// Removes the oldest files where there are too many.
void Trim(const std::string& folder) {
  struct File {
    fs::file_time_type time;
    std::uintmax_t size;
    fs::path path;
  };
  std::vector<File> files;
  std::uintmax_t total = 0;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (!entry.path().string().ends_with(kEnding)) continue;
    const File file = {entry.last_write_time(error), entry.file_size(error), entry.path()};
    if (error) continue;
    total += file.size;
    files.push_back(file);
  }
  if (total <= kFolderLimit) return;
  std::ranges::sort(files, {}, &File::time);
  for (const File& file : files) {
    if (total <= kFolderLimit) return;
    if (fs::remove(file.path, error)) total -= file.size;
  }
}

void WriteCode(const std::string& folder, const std::string& key, std::string_view code) {
  const Descriptor directory(OpenFolder(folder));
  if (!directory.valid()) return;
  static std::atomic<unsigned> count{0};
  const std::string temporary = "." + std::to_string(::getpid()) + "-" + std::to_string(count.fetch_add(1));
  bool written = false;
  {
    const Descriptor file(::openat(directory.get(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file.valid()) return;
    written =
        WriteAll(file.get(), kMagic) && WriteAll(file.get(), CodeCache::Sum({key, code})) && WriteAll(file.get(), code);
  }
  const std::string name = key + std::string(kEnding);
  if (!written || ::renameat(directory.get(), temporary.c_str(), directory.get(), name.c_str()) != 0) {
    ::unlinkat(directory.get(), temporary.c_str(), 0);
    return;
  }
  Trim(folder);
}

}  // namespace

CodeCache& CodeCache::Get() {
  static auto* const cache = new CodeCache;
  return *cache;
}

std::string CodeCache::Sum(std::initializer_list<std::string_view> texts) {
  unsigned char sum[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  EVP_MD_CTX* const digest = ::EVP_MD_CTX_new();
  ::EVP_DigestInit_ex(digest, ::EVP_sha256(), nullptr);
  for (const std::string_view text : texts) ::EVP_DigestUpdate(digest, text.data(), text.size());
  ::EVP_DigestFinal_ex(digest, sum, &length);
  ::EVP_MD_CTX_free(digest);
  constexpr char kDigits[] = "0123456789abcdef";
  std::string digits;
  for (unsigned i = 0; i < length; ++i) {
    digits.push_back(kDigits[sum[i] >> 4]);
    digits.push_back(kDigits[sum[i] & 15]);
  }
  return digits;
}

std::string CodeCache::KeyOf(std::string_view kind, std::string_view sum) {
  const std::uint32_t tag = v8::ScriptCompiler::CachedDataVersionTag();
  return Sum({kVersion, "\n", v8::V8::GetVersion(), "\n", std::to_string(tag), "\n", kind, "\n", sum});
}

std::string CodeCache::CheckFolder(const std::string& folder) {
  std::error_code error;
  fs::create_directories(fs::path(folder).parent_path(), error);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return folder + " cannot be made: " + std::generic_category().message(errno);
  }
  struct stat status;
  if (::stat(folder.c_str(), &status) != 0) return folder + ": " + std::generic_category().message(errno);
  if (!S_ISDIR(status.st_mode)) return folder + " is not a folder";
  if (!IsOursAlone(status)) return folder + " can be written by other users, who could put code into it";
  return {};
}

void CodeCache::Keep(const std::string& key, std::shared_ptr<const std::string> code) {
  const std::lock_guard lock(mutex_);
  if (by_key_.contains(key) || code->size() > kMemoryLimit) return;
  size_ += code->size();
  entries_.push_front({key, std::move(code)});
  by_key_[key] = entries_.begin();
  while (size_ > kMemoryLimit) {
    size_ -= entries_.back().code->size();
    by_key_.erase(entries_.back().key);
    entries_.pop_back();
  }
}

std::shared_ptr<const std::string> CodeCache::Find(const std::string& folder, const std::string& key) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = by_key_.find(key); known != by_key_.end()) {
      entries_.splice(entries_.begin(), entries_, known->second);
      return known->second->code;
    }
  }
  if (folder.empty()) return nullptr;
  auto code = ReadCode(folder, key);
  if (code) Keep(key, code);
  return code;
}

void CodeCache::Store(const std::string& folder, const std::string& key, std::string code) {
  const auto shared = std::make_shared<const std::string>(std::move(code));
  Keep(key, shared);
  if (!folder.empty()) WriteCode(folder, key, *shared);
}

void CodeCache::Drop(const std::string& folder, const std::string& key) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = by_key_.find(key); known != by_key_.end()) {
      size_ -= known->second->code->size();
      entries_.erase(known->second);
      by_key_.erase(known);
    }
  }
  if (folder.empty()) return;
  const Descriptor directory(OpenFolder(folder));
  if (directory.valid()) ::unlinkat(directory.get(), (key + std::string(kEnding)).c_str(), 0);
}

std::size_t CodeCache::size() {
  const std::lock_guard lock(mutex_);
  return size_;
}

}  // namespace jsd

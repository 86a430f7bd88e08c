#include "core/script_text.h"

#include <icu_simdutf.h>
#include <sys/stat.h>

#include <cstdint>
#include <ctime>
#include <filesystem>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/background_pool.h"
#include "core/code_cache.h"
#include "core/modules/file_text.h"
#include "core/ops/encoding.h"

namespace jsd {
namespace {

// What tells one state of a file from another.
struct FileState {
  dev_t device;
  ino_t inode;
  off_t size;
  std::int64_t changed;  // Nanoseconds since 1970.

  bool operator==(const FileState&) const = default;
};

constexpr std::int64_t kSecond = 1'000'000'000;

std::int64_t Nanoseconds(const timespec& time) { return time.tv_sec * kSecond + time.tv_nsec; }

// A file that has changed in the same tick of the file system's clock may look unchanged, so only one that has been
// left alone for a while is known by its state.
bool StateOf(const std::string& path, FileState* state) {
  struct stat status;
  timespec now;
  if (::stat(path.c_str(), &status) != 0) return false;
  ::clock_gettime(CLOCK_REALTIME, &now);
  *state = {status.st_dev, status.st_ino, status.st_size, Nanoseconds(status.st_ctim)};
  return Nanoseconds(now) - state->changed > 2 * kSecond;
}

// The texts of files that somebody has.
//
// Owner: the process, never destroyed. Thread: any.
class Texts {
 public:
  static Texts& Get() {
    static auto* const texts = new Texts;
    return *texts;
  }

  ScriptText::File Read(const std::string& path) {
    FileState state;
    if (!StateOf(path, &state) || static_cast<std::size_t>(state.size) < ScriptText::kLarge) return ReadAlone(path);
    const std::lock_guard lock(mutex_);  // Whoever comes second waits for the first.
    std::erase_if(entries_, [](const auto& known) { return known.second.text.expired(); });
    Entry& entry = entries_[path];
    if (auto text = entry.text.lock(); text && entry.state == state) return {std::move(text), {}};
    ScriptText::File file = ReadAlone(path);
    entry = {file.text, state};
    return file;
  }

 private:
  struct Entry {
    std::weak_ptr<const ScriptText> text;
    FileState state{};
  };

  static ScriptText::File ReadAlone(const std::string& path) {
    FileText file = ReadFileText(path);
    if (!file.error.empty()) return {nullptr, std::move(file.error)};
    return {ScriptText::Of(std::move(file.text)), {}};
  }

  std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;  // By path. Guarded by mutex_.
};

// Characters that lie in a ScriptText.
template <typename Resource, typename Char>
class Shared final : public Resource {
 public:
  Shared(std::shared_ptr<const ScriptText> text, const Char* characters, std::size_t length)
      : text_(std::move(text)), characters_(characters), length_(length) {}
  const Char* data() const override { return characters_; }
  std::size_t length() const override { return length_; }

 private:
  const std::shared_ptr<const ScriptText> text_;
  const Char* const characters_;
  const std::size_t length_;
};
using SharedLatin1 = Shared<v8::String::ExternalOneByteStringResource, char>;
using SharedUtf16 = Shared<v8::String::ExternalStringResource, std::uint16_t>;

}  // namespace

ScriptText::File ScriptText::Read(const std::string& path) { return Texts::Get().Read(path); }

std::shared_ptr<const ScriptText> ScriptText::Of(std::string utf8) {
  return std::make_shared<const ScriptText>(std::move(utf8));
}

const std::string& ScriptText::sum() const {
  std::call_once(summed_, [this] { sum_ = CodeCache::Sum({utf8_}); });
  return sum_;
}

void ScriptText::Convert() const {
  ascii_ = simdutf::validate_ascii(utf8_.data(), utf8_.size());
  if (ascii_ || !simdutf::validate_utf8(utf8_.data(), utf8_.size())) return;
  length_ = simdutf::utf16_length_from_utf8(utf8_.data(), utf8_.size());
  if (IsLatin1(utf8_)) {
    latin1_ = std::make_unique_for_overwrite<char[]>(length_);
    simdutf::convert_utf8_to_latin1(utf8_.data(), utf8_.size(), latin1_.get());
  } else {
    utf16_ = std::make_unique_for_overwrite<char16_t[]>(length_);
    simdutf::convert_valid_utf8_to_utf16le(utf8_.data(), utf8_.size(), utf16_.get());
  }
}

v8::MaybeLocal<v8::String> ScriptText::ToString(v8::Isolate* isolate) const {
  constexpr auto kLongest = static_cast<std::size_t>(v8::String::kMaxLength);
  if (utf8_.size() < kLarge || utf8_.size() > kLongest) return DecodeUtf8(isolate, utf8_);
  std::call_once(converted_, [this] { Convert(); });
  const auto self = shared_from_this();
  if (ascii_) return v8::String::NewExternalOneByte(isolate, new SharedLatin1(self, utf8_.data(), utf8_.size()));
  if (latin1_) return v8::String::NewExternalOneByte(isolate, new SharedLatin1(self, latin1_.get(), length_));
  if (!utf16_) return DecodeUtf8(isolate, utf8_);
  const auto* const characters = reinterpret_cast<const std::uint16_t*>(utf16_.get());
  return v8::String::NewExternalTwoByte(isolate, new SharedUtf16(self, characters, length_));
}

void ScriptText::Prepare() const {
  sum();
  std::call_once(converted_, [this] { Convert(); });
}

std::shared_ptr<const void> ReadAhead(const std::string& path, const std::string& folder) {
  std::error_code error;
  const std::string real = std::filesystem::canonical(path, error).string();
  FileState state;
  if (error || !StateOf(real, &state) || static_cast<std::size_t>(state.size) < ScriptText::kLarge) return nullptr;
  const auto kept = std::make_shared<std::shared_ptr<const ScriptText>>();
  BackgroundPool::Get().Run([kept, real, folder] {
    *kept = ScriptText::Read(real).text;
    if (!*kept) return;
    (*kept)->Prepare();
    CodeCache::Get().Find(folder, CodeCache::KeyOf(CodeCache::kModule, (*kept)->sum()));
  });
  return kept;
}

}  // namespace jsd

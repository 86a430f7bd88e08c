#ifndef JSD_CORE_CODE_CACHE_H_
#define JSD_CORE_CODE_CACHE_H_

#include <cstddef>
#include <initializer_list>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace jsd {

// What V8 compiled of scripts, by their text: in memory for the workers of this process, and in a folder for the next
// one. V8 runs what it finds there without checking it, so a file counts only if nobody else could have written it and
// its contents have the sum that stands in it.
//
// Owner: the process, never destroyed. Thread: any.
class CodeCache {
 public:
  static CodeCache& Get();

  // SHA-256 of these texts one after the other, in hexadecimal digits.
  static std::string Sum(std::initializer_list<std::string_view> texts);

  // Names a text of this sum that is compiled as `kind`, by this version of jsd and of V8 with these flags.
  static std::string KeyOf(std::string_view kind, std::string_view sum);
  static constexpr char kModule[] = "module";  // The kind of modules.

  // Makes the folder if it is not there. What is wrong with it, or "".
  static std::string CheckFolder(const std::string& folder);

  // Null where nothing is known. `folder` may be empty.
  std::shared_ptr<const std::string> Find(const std::string& folder, const std::string& key);
  // What cannot be written is left out: it will be compiled again.
  void Store(const std::string& folder, const std::string& key, std::string code);
  // V8 did not take what Find returned.
  void Drop(const std::string& folder, const std::string& key);

  // Bytes in memory, for tests.
  std::size_t size();

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<const std::string> code;
  };

  void Keep(const std::string& key, std::shared_ptr<const std::string> code);

  std::mutex mutex_;
  // Guarded by mutex_:
  std::list<Entry> entries_;  // The least recently used last.
  std::unordered_map<std::string, std::list<Entry>::iterator> by_key_;
  std::size_t size_ = 0;
};

}  // namespace jsd

#endif  // JSD_CORE_CODE_CACHE_H_

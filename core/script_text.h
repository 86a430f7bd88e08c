#ifndef JSD_CORE_SCRIPT_TEXT_H_
#define JSD_CORE_SCRIPT_TEXT_H_

#include <v8.h>

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace jsd {

// The text of a module. A file that several isolates load is read, converted and summed up once for all of them, and
// where it is large they share its characters: nothing is copied into their heaps.
//
// Owner: shared by those who load it and by the strings that V8 has of it. Thread: any.
class ScriptText : public std::enable_shared_from_this<ScriptText> {
 public:
  struct File {
    std::shared_ptr<const ScriptText> text;
    std::string error;  // Why there is none.
  };
  static File Read(const std::string& path);
  static std::shared_ptr<const ScriptText> Of(std::string utf8);

  explicit ScriptText(std::string utf8) : utf8_(std::move(utf8)) {}

  const std::string& utf8() const { return utf8_; }

  // SHA-256 of the text, in hexadecimal digits.
  const std::string& sum() const;

  // Its string in this isolate, with U+FFFD for what is not UTF-8. Empty where it is too long, with an exception
  // pending.
  v8::MaybeLocal<v8::String> ToString(v8::Isolate* isolate) const;

  // From this many bytes on the characters are shared.
  static constexpr std::size_t kLarge = 128 * 1024;

  // For a large text: does now what `sum` and `ToString` do only once.
  void Prepare() const;

 private:
  void Convert() const;

  const std::string utf8_;
  mutable std::once_flag summed_;
  mutable std::string sum_;
  mutable std::once_flag converted_;
  // Since Convert; where none of the three is set, the text is not UTF-8.
  mutable bool ascii_ = false;
  mutable std::unique_ptr<char[]> latin1_;
  mutable std::unique_ptr<char16_t[]> utf16_;
  mutable std::size_t length_ = 0;  // Of latin1_ or utf16_.
};

// A large script that is read, and with it what is compiled of it, by another thread while its isolate is being made.
// `folder` as of CodeCache. Null where this is not worth it; else to be kept until the script has been loaded.
std::shared_ptr<const void> ReadAhead(const std::string& path, const std::string& folder);

}  // namespace jsd

#endif  // JSD_CORE_SCRIPT_TEXT_H_

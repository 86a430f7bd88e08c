#ifndef JSD_CORE_SOURCE_MAPS_H_
#define JSD_CORE_SOURCE_MAPS_H_

#include <v8.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/source_map.h"

namespace jsd {

// The source maps of one runtime's scripts. They are noted when a script is compiled, and read when somebody first
// wants to know where an error comes from.
//
// Owner: ModuleSource. Thread: the runtime's. Lifetime: ends before the isolate.
class SourceMaps {
 public:
  explicit SourceMaps(v8::Isolate* isolate) : isolate_(isolate) {}

  // Maps are read from files below this folder only, symbolic links resolved; until it is set, from none.
  void set_root(std::string root) { root_ = std::move(root); }

  // The map that the translation of a file has made, as JSON.
  void NoteTranslation(const std::string& path, std::string json) { noted_[path].json = std::move(json); }
  // What the comment `//# sourceMappingURL=` of a script says; anything but a text means that there is none. A
  // translation's map goes before.
  void NoteUrl(const std::string& name, v8::Local<v8::Value> url);

  struct Position {
    std::string file;  // A path where the map says one, else what it says.
    std::uint32_t line = 0;
    std::uint32_t column = 0;
    std::string_view text;  // The line, or empty. Valid for as long as this object.
  };
  // Where a position of a script comes from, all lines and columns from 1. None where there is no map, or none that can
  // be read, or it says nothing.
  std::optional<Position> Find(const std::string& name, std::uint32_t line, std::uint32_t column);

 private:
  struct Noted {
    std::string json;
    v8::Global<v8::String> url;
    bool read = false;
    std::unique_ptr<const SourceMap> map;
    std::string folder;  // What relative sources are relative to.
  };

  void Read(const std::string& name, Noted& noted);
  // The text of the map that a comment names.
  std::string Fetch(const std::string& name, const std::string& url, std::string* folder);

  v8::Isolate* const isolate_;
  std::string root_;
  std::unordered_map<std::string, Noted> noted_;  // By the script's name.
};

}  // namespace jsd

#endif  // JSD_CORE_SOURCE_MAPS_H_

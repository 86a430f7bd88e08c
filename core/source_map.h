#ifndef JSD_CORE_SOURCE_MAP_H_
#define JSD_CORE_SOURCE_MAP_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace jsd {

// A source map (ECMA-426): where the positions of a generated file come from.
//
// Owner: whoever parsed it. Thread: any; it never changes. Lifetime: its owner's, within which its texts are valid.
class SourceMap {
 public:
  struct Position {
    std::string_view source;  // As the map names it, with its sourceRoot. May be empty.
    std::uint32_t line = 0;   // Both from 0.
    std::uint32_t column = 0;
    std::string_view text;  // The line, where the map has the contents of its sources.
  };

  // The JSON of a map, indexed or not; null, with a reason in `error`, where it is none.
  static std::unique_ptr<const SourceMap> Parse(std::string_view json, std::string* error);

  // What the last mapping at or before the position says, lines and columns from 0; none where it says nothing. Valid
  // for as long as the map.
  std::optional<Position> Find(std::uint32_t line, std::uint32_t column) const;

 private:
  struct Segment {
    std::uint32_t line, column;  // Generated.
    std::int32_t source;         // -1: generated code that comes from nowhere.
    std::uint32_t source_line, source_column;
  };
  struct Source {
    std::string name;
    std::string content;
  };
  struct Loader;

  SourceMap() = default;

  std::vector<Segment> segments_;  // By generated position.
  std::vector<Source> sources_;
};

// What a comment `//# sourceMappingURL=` that is a `data:` URL holds; none where that is no JSON in base64 or
// percent-encoding.
std::optional<std::string> InlineSourceMap(std::string_view url);

}  // namespace jsd

#endif  // JSD_CORE_SOURCE_MAP_H_

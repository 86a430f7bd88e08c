#include "core/source_map.h"

#include <ada.h>
#include <icu_simdutf.h>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

namespace jsd {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();

int Base64Value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

// The next base64 VLQ of a segment (ECMA-426, section 5): five bits a digit, the least first, the lowest bit of all the
// sign. None where it is malformed.
std::optional<std::int64_t> ReadVlq(std::string_view& text) {
  std::int64_t value = 0;
  for (int shift = 0; shift < 35; shift += 5) {
    if (text.empty()) return std::nullopt;
    const int digit = Base64Value(text.front());
    if (digit < 0) return std::nullopt;
    text.remove_prefix(1);
    value |= static_cast<std::int64_t>(digit & 31) << shift;
    if ((digit & 32) == 0) return (value & 1) != 0 ? -(value >> 1) : value >> 1;
  }
  return std::nullopt;
}

std::string TextOf(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::int64_t NumberOf(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : -1;
}

bool IsPosition(std::int64_t number) { return number >= 0 && number <= kMost; }

std::optional<std::string> Base64Decode(std::string_view text) {
  std::string decoded(text.size(), '\0');
  const auto result =
      simdutf::base64_to_binary(text.data(), text.size(), decoded.data(), simdutf::base64_default, simdutf::loose);
  if (result.error != simdutf::SUCCESS) return std::nullopt;
  decoded.resize(result.count);
  return decoded;
}

}  // namespace

// Fills a map from the JSON of one, whose sections have maps of their own.
struct SourceMap::Loader {
  SourceMap& map;
  std::string& error;

  bool Fail(const char* reason) {
    error = reason;
    return false;
  }

  // The generated code of this map begins at `line` and `column`.
  bool Load(const Json& json, std::uint32_t line, std::uint32_t column, bool may_have_sections) {
    if (!json.is_object() || NumberOf(json, "version") != 3) return Fail("it is not a source map of version 3");
    if (const auto sections = json.find("sections"); sections != json.end()) {
      return may_have_sections ? LoadSections(*sections) : Fail("a section has sections");
    }
    const auto sources = json.find("sources");
    if (sources == json.end() || !sources->is_array()) return Fail("it lacks 'sources'");
    const std::size_t first = map.sources_.size();
    AddSources(*sources, TextOf(json, "sourceRoot"), json);
    const auto mappings = json.find("mappings");
    if (mappings == json.end() || !mappings->is_string()) return Fail("it lacks 'mappings'");
    return AddMappings(mappings->get_ref<const std::string&>(), first, line, column);
  }

  bool LoadSections(const Json& sections) {
    if (!sections.is_array()) return Fail("'sections' is not an array");
    for (const Json& section : sections) {
      if (!section.is_object()) return Fail("a section is not an object");
      const auto offset = section.find("offset");
      const auto part = section.find("map");
      if (offset == section.end() || !offset->is_object() || part == section.end())
        return Fail("a section lacks parts");
      const std::int64_t line = NumberOf(*offset, "line"), column = NumberOf(*offset, "column");
      if (!IsPosition(line) || !IsPosition(column)) return Fail("a section's offset is not a position");
      if (!Load(*part, static_cast<std::uint32_t>(line), static_cast<std::uint32_t>(column), false)) return false;
    }
    return true;
  }

  void AddSources(const Json& sources, std::string root, const Json& json) {
    if (!root.empty() && !root.ends_with('/')) root.push_back('/');
    const auto contents = json.find("sourcesContent");
    for (std::size_t i = 0; i < sources.size(); ++i) {
      Source source;
      if (sources[i].is_string()) source.name = root + sources[i].get<std::string>();
      if (contents != json.end() && contents->is_array() && i < contents->size() && (*contents)[i].is_string()) {
        source.content = (*contents)[i].get<std::string>();
      }
      map.sources_.push_back(std::move(source));
    }
  }

  bool AddMappings(std::string_view mappings, std::size_t first_source, std::uint32_t line, std::uint32_t column) {
    const std::size_t sources = map.sources_.size() - first_source;
    std::int64_t generated = column, source = 0, source_line = 0, source_column = 0;
    while (!mappings.empty()) {
      if (mappings.front() == ';') {
        ++line;
        generated = 0;
        mappings.remove_prefix(1);
        continue;
      }
      if (mappings.front() == ',') {
        mappings.remove_prefix(1);
        continue;
      }
      std::string_view segment = mappings.substr(0, mappings.find_first_of(",;"));
      mappings.remove_prefix(segment.size());
      // Each number is the difference to the last one of its kind.
      const auto add = [&](std::int64_t& number) {
        const auto difference = ReadVlq(segment);
        if (difference) number += *difference;
        return difference && IsPosition(number);
      };
      if (!add(generated)) return Fail("'mappings' is malformed");
      Segment entry{line, static_cast<std::uint32_t>(generated), -1, 0, 0};
      if (!segment.empty()) {
        if (!add(source) || !add(source_line) || !add(source_column)) return Fail("'mappings' is malformed");
        if (static_cast<std::size_t>(source) >= sources) return Fail("'mappings' refers to a source that is not there");
        entry.source = static_cast<std::int32_t>(first_source + static_cast<std::size_t>(source));
        entry.source_line = static_cast<std::uint32_t>(source_line);
        entry.source_column = static_cast<std::uint32_t>(source_column);
      }
      map.segments_.push_back(entry);
    }
    return true;
  }
};

std::unique_ptr<const SourceMap> SourceMap::Parse(std::string_view json, std::string* error) {
  // An answer to XMLHttpRequest may begin with this (section 9.2.1).
  if (json.starts_with(")]}'")) json.remove_prefix(std::min(json.find('\n'), json.size()));
  const Json parsed = Json::parse(json, nullptr, false);
  if (parsed.is_discarded()) {
    *error = "it is not valid JSON";
    return nullptr;
  }
  std::unique_ptr<SourceMap> map(new SourceMap);
  if (!Loader{*map, *error}.Load(parsed, 0, 0, true)) return nullptr;
  std::ranges::stable_sort(map->segments_, {},
                           [](const Segment& segment) { return std::pair(segment.line, segment.column); });
  return map;
}

std::optional<SourceMap::Position> SourceMap::Find(std::uint32_t line, std::uint32_t column) const {
  auto after = std::ranges::upper_bound(segments_, std::pair(line, column), {},
                                        [](const Segment& segment) { return std::pair(segment.line, segment.column); });
  if (after == segments_.begin() || (--after)->line != line || after->source < 0) return std::nullopt;
  const Source& source = sources_[static_cast<std::size_t>(after->source)];
  Position position{source.name, after->source_line, after->source_column, {}};
  std::string_view text = source.content;
  for (std::uint32_t i = 0; i < after->source_line; ++i) {
    const std::size_t end = text.find('\n');
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  position.text = text.substr(0, text.find('\n'));
  if (position.text.ends_with('\r')) position.text.remove_suffix(1);
  return position;
}

std::optional<std::string> InlineSourceMap(std::string_view url) {
  if (!url.starts_with("data:")) return std::nullopt;
  const std::size_t comma = url.find(',');
  if (comma == url.npos) return std::nullopt;
  const std::string_view type = url.substr(0, comma);
  url.remove_prefix(comma + 1);
  if (type.ends_with(";base64")) return Base64Decode(url);
  return ada::unicode::percent_decode(url, url.find('%'));
}

}  // namespace jsd

// toml++ is compiled here, and nowhere else.
#define TOML_IMPLEMENTATION
#include "config/toml.h"

#include <sstream>
#include <utility>

namespace jsd {

std::string Show(const toml::node& node) {
  constexpr std::size_t kLongest = 60;
  if (node.is_table()) return "a table";
  if (node.is_array()) return "a list";
  constexpr auto kOneLine = toml::toml_formatter::default_flags & ~toml::format_flags::allow_literal_strings &
                            ~toml::format_flags::allow_multi_line_strings;
  std::ostringstream stream;
  stream << toml::toml_formatter(node, kOneLine);
  std::string text = std::move(stream).str();
  if (text.size() <= kLongest) return text;
  std::size_t end = kLongest;
  while ((text[end] & 0xC0) == 0x80) --end;  // Not within a character.
  return text.substr(0, end) + "…";
}

}  // namespace jsd

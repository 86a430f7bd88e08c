#ifndef JSD_CONFIG_ASCII_H_
#define JSD_CONFIG_ASCII_H_

#include <algorithm>
#include <string>
#include <string_view>

// Text of protocols: the case of ASCII letters does not count in names of hosts, fields, codings and the like, whatever
// the locale is.
namespace jsd {

constexpr char AsciiLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

inline std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = AsciiLower(c);
  return lower;
}

constexpr bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return AsciiLower(x) == AsciiLower(y); });
}

// For a second text that is known to be in lower case.
constexpr bool EqualsLower(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower, [](char x, char y) { return AsciiLower(x) == y; });
}

// Without the spaces and tabs at both ends: OWS of RFC 9110, section 5.6.3.
constexpr std::string_view TrimBlanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace jsd

#endif  // JSD_CONFIG_ASCII_H_

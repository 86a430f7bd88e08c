#ifndef JSD_CONFIG_UNITS_H_
#define JSD_CONFIG_UNITS_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace jsd {

// A value, or a phrase that says why the text is none: "it has no unit: use B, KiB, MiB, GiB or TiB".
template <typename T>
struct Parsed {
  std::optional<T> value;
  std::string error;
};

// Bytes of "512B", "64KiB", "16MiB", "1GiB": a whole number and a binary unit, without a space between them. Decimal
// units are refused, because servers disagree on what "MB" means.
Parsed<std::uint64_t> ParseSize(std::string_view text);

// "250ms", "30s", "5m", "2h": a whole number and a unit, without a space between them.
Parsed<std::chrono::milliseconds> ParseDuration(std::string_view text);

// The shortest text that parses to the same value.
std::string FormatSize(std::uint64_t bytes);
std::string FormatDuration(std::chrono::milliseconds duration);

}  // namespace jsd

#endif  // JSD_CONFIG_UNITS_H_

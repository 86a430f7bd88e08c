#include "config/units.h"

#include <charconv>
#include <limits>
#include <span>
#include <system_error>
#include <utility>

namespace jsd {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// From the smallest to the largest.
constexpr Unit kSizeUnits[] = {{"B", 1}, {"KiB", 1u << 10}, {"MiB", 1u << 20}, {"GiB", 1u << 30}, {"TiB", 1ull << 40}};
constexpr Unit kDurationUnits[] = {{"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 60 * 60 * 1000}};

// "B, KiB, MiB, GiB or TiB".
std::string ListNames(std::span<const Unit> units) {
  std::string names(units.front().name);
  for (const Unit& unit : units.subspan(1)) {
    names += &unit == &units.back() ? " or " : ", ";
    names += unit.name;
  }
  return names;
}

Parsed<std::uint64_t> ParseQuantity(std::string_view text, std::span<const Unit> units, std::uint64_t maximum) {
  if (text.starts_with('-')) return {{}, "it is negative"};
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::invalid_argument) return {{}, "it does not start with a number"};
  const std::string_view name = text.substr(end - text.data());
  if (name.empty()) return {{}, "it has no unit: use " + ListNames(units)};
  if (name.starts_with('.')) return {{}, "it is not a whole number"};
  for (const Unit& unit : units) {
    if (unit.name != name) continue;
    if (error == std::errc::result_out_of_range || number > maximum / unit.factor) return {{}, "it is too large"};
    return {number * unit.factor, {}};
  }
  return {{}, "unknown unit \"" + std::string(name) + "\": use " + ListNames(units)};
}

std::string FormatQuantity(std::uint64_t quantity, std::span<const Unit> units) {
  const Unit* best = &units.front();
  for (const Unit& unit : units) {
    if (quantity != 0 && quantity % unit.factor == 0) best = &unit;
  }
  return std::to_string(quantity / best->factor) + std::string(best->name);
}

}  // namespace

Parsed<std::uint64_t> ParseSize(std::string_view text) {
  return ParseQuantity(text, kSizeUnits, std::numeric_limits<std::uint64_t>::max());
}

Parsed<std::chrono::milliseconds> ParseDuration(std::string_view text) {
  using Milliseconds = std::chrono::milliseconds;
  Parsed<std::uint64_t> parsed = ParseQuantity(text, kDurationUnits, Milliseconds::max().count());
  if (!parsed.value) return {{}, std::move(parsed.error)};
  return {Milliseconds(*parsed.value), {}};
}

std::string FormatSize(std::uint64_t bytes) { return FormatQuantity(bytes, kSizeUnits); }

std::string FormatDuration(std::chrono::milliseconds duration) {
  return FormatQuantity(static_cast<std::uint64_t>(duration.count()), kDurationUnits);
}

}  // namespace jsd

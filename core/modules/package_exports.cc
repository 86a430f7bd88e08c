#include "core/modules/package_exports.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "config/ascii.h"

namespace jsd {
namespace {

using Json = nlohmann::ordered_json;

// Conditions within conditions; real packages have three or four levels.
constexpr int kDeepest = 64;

std::string Quote(std::string_view text) { return "'" + std::string(text) + "'"; }

void ReplaceAll(std::string* text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text->find(from, at)) != text->npos; at += to.size())
    text->replace(at, from.size(), to);
}

// Whether a part between slashes would leave the package or reach into the packages below it, percent-encoded or not.
bool IsForbiddenSegment(std::string_view segment) {
  std::string plain = LowerCase(segment);
  ReplaceAll(&plain, "%2e", ".");
  ReplaceAll(&plain, "%6e", "n");
  ReplaceAll(&plain, "%5f", "_");
  return plain.empty() || plain == "." || plain == ".." || plain == "node_modules";
}

bool HasForbiddenSegment(std::string_view path) {
  for (;;) {
    const std::size_t end = path.find_first_of("/\\");
    if (IsForbiddenSegment(path.substr(0, end))) return true;
    if (end == path.npos) return false;
    path.remove_prefix(end + 1);
  }
}

// True where `key` is an array index, which has no order of its own among the conditions.
bool IsIndex(std::string_view key) {
  return !key.empty() && key.size() < 10 &&
         std::all_of(key.begin(), key.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// One walk through the targets of an entry.
class Walk {
 public:
  Walk(const PackageJson& package, std::string_view key, std::optional<std::string> match, bool is_imports,
       std::span<const std::string_view> conditions)
      : package_(package), key_(key), match_(std::move(match)), is_imports_(is_imports), conditions_(conditions) {}

  // Nothing where no condition holds (Node's `undefined`); a target without anything in it where access is forbidden
  // (its `null`).
  std::optional<PackageTarget> Resolve(const Json& target, int depth = 0) {
    if (depth > kDeepest) return Fail("its conditions are nested too deeply");
    if (target.is_string()) return FromText(target.get<std::string>());
    if (target.is_object()) return FromConditions(target, depth);
    if (target.is_array()) return FromList(target, depth);
    if (target.is_null()) return PackageTarget();
    return Fail("its target is not a text");
  }

 private:
  PackageTarget Fail(const std::string& reason) const {
    return {.path = {},
            .specifier = {},
            .error = package_.path + ": " + (is_imports_ ? "imports" : "exports") + " " + Quote(key_) + ": " + reason};
  }

  PackageTarget FromText(std::string target) const {
    if (!target.starts_with("./")) {
      if (!is_imports_ || target.starts_with("../") || target.starts_with("/") || target.empty()) {
        return Fail("its target " + Quote(target) + " does not begin with './'");
      }
      if (match_) ReplaceAll(&target, "*", *match_);
      return {.path = {}, .specifier = target, .error = {}};
    }
    if (HasForbiddenSegment(std::string_view(target).substr(2))) {
      return Fail("its target " + Quote(target) + " leaves the package");
    }
    if (match_) {
      // A pattern may end in a slash only where the target does not matter: as a file it would not exist.
      if (HasForbiddenSegment(*match_)) return Fail(Quote(*match_) + " leaves the package");
      ReplaceAll(&target, "*", *match_);
    }
    return {.path = package_.folder + target.substr(1), .specifier = {}, .error = {}};
  }

  std::optional<PackageTarget> FromConditions(const Json& target, int depth) {
    for (const auto& [condition, value] : target.items()) {
      if (IsIndex(condition)) return Fail("a condition cannot be a number");
    }
    for (const auto& [condition, value] : target.items()) {
      if (condition != "default" && std::ranges::find(conditions_, condition) == conditions_.end()) continue;
      if (auto resolved = Resolve(value, depth + 1)) return resolved;
    }
    return std::nullopt;
  }

  std::optional<PackageTarget> FromList(const Json& target, int depth) {
    std::optional<PackageTarget> last = PackageTarget();
    for (const Json& member : target) {
      auto resolved = Resolve(member, depth + 1);
      if (!resolved) continue;
      if (!resolved->path.empty() || !resolved->specifier.empty()) return resolved;
      last = std::move(resolved);
    }
    return last;
  }

  const PackageJson& package_;
  const std::string_view key_;
  const std::optional<std::string> match_;
  const bool is_imports_;
  const std::span<const std::string_view> conditions_;
};

// PATTERN_KEY_COMPARE: what is more specific comes first.
bool MoreSpecific(const std::string& a, const std::string& b) {
  const std::size_t base_a = a.find('*'), base_b = b.find('*');
  if (base_a != base_b) return base_a > base_b;
  return a.size() > b.size();
}

// PACKAGE_IMPORTS_EXPORTS_RESOLVE. Nothing where no entry fits.
std::optional<PackageTarget> ResolveEntry(const PackageJson& package, const Json& entries, const std::string& key,
                                          bool is_imports, std::span<const std::string_view> conditions) {
  if (key.ends_with('/')) return std::nullopt;
  if (const auto entry = entries.find(key); entry != entries.end() && key.find('*') == key.npos) {
    return Walk(package, key, std::nullopt, is_imports, conditions).Resolve(*entry);
  }
  std::vector<std::string> patterns;
  for (const auto& [pattern, target] : entries.items()) {
    const std::size_t star = pattern.find('*');
    if (star == pattern.npos || pattern.find('*', star + 1) != pattern.npos) continue;
    const auto base = std::string_view(pattern).substr(0, star);
    const auto trailer = std::string_view(pattern).substr(star + 1);
    if (key.starts_with(base) && key.size() > base.size() &&
        (trailer.empty() || (key.ends_with(trailer) && key.size() >= pattern.size()))) {
      patterns.push_back(pattern);
    }
  }
  if (patterns.empty()) return std::nullopt;
  const std::string pattern = *std::ranges::min_element(patterns, MoreSpecific);
  const std::size_t star = pattern.find('*');
  const std::string match = key.substr(star, key.size() - (pattern.size() - 1));
  return Walk(package, pattern, match, is_imports, conditions).Resolve(entries.at(pattern));
}

bool IsUsable(const std::optional<PackageTarget>& target) {
  return target && !(target->path.empty() && target->specifier.empty() && target->error.empty());
}

std::string JoinConditions(std::span<const std::string_view> conditions) {
  std::string text;
  for (const std::string_view condition : conditions) text += std::string(condition) + ", ";
  return text + "default";
}

}  // namespace

PackageTarget ResolveExports(const PackageJson& package, const std::string& subpath,
                             std::span<const std::string_view> conditions) {
  const Json& exports = package.exports;
  bool subpaths = false, others = false;
  if (exports.is_object()) {
    for (const auto& [key, target] : exports.items()) (key.starts_with('.') ? subpaths : others) = true;
  }
  if (subpaths && others) {
    return {.path = {},
            .specifier = {},
            .error = package.path + ": exports mixes subpaths, which begin with '.', and conditions"};
  }
  std::optional<PackageTarget> target;
  if (subpaths) {
    target = ResolveEntry(package, exports, subpath, false, conditions);
  } else if (subpath == ".") {
    target = Walk(package, ".", std::nullopt, false, conditions).Resolve(exports);
  }
  if (IsUsable(target)) return *target;
  return {.path = {},
          .specifier = {},
          .error = "the package does not export " + Quote(subpath) + " under the conditions " +
                   JoinConditions(conditions) + " (" + package.path + ")"};
}

PackageTarget ResolveImports(const PackageJson& package, const std::string& specifier,
                             std::span<const std::string_view> conditions) {
  std::optional<PackageTarget> target;
  if (package.imports.is_object() && specifier != "#" && !specifier.starts_with("#/")) {
    target = ResolveEntry(package, package.imports, specifier, true, conditions);
  }
  if (IsUsable(target)) return *target;
  return {.path = {}, .specifier = {}, .error = "the imports of " + package.path + " do not have it"};
}

}  // namespace jsd

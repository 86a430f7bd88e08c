#include "config/problems.h"

#include <algorithm>
#include <utility>

namespace jsd {

void Problems::Report(const toml::source_region& source, const std::string& key, const std::string& message) {
  if (source.begin) {
    ReportFile(source.begin, key + ": " + message);
  } else {
    problems_.push_back({{true, 0, 0}, "--set " + key + ": " + message});
  }
}

void Problems::ReportFile(const toml::source_position& position, const std::string& message) {
  std::string prefix = file_ + ":";
  if (position) prefix += std::to_string(position.line) + ":" + std::to_string(position.column) + ":";
  problems_.push_back({{false, position.line, position.column}, prefix + " " + message});
}

std::vector<std::string> Problems::Take() {
  std::ranges::stable_sort(problems_, {}, &Problem::order);
  std::vector<std::string> texts;
  for (Problem& problem : problems_) texts.push_back(std::move(problem.text));
  problems_.clear();
  return texts;
}

}  // namespace jsd

#ifndef JSD_CONFIG_PROBLEMS_H_
#define JSD_CONFIG_PROBLEMS_H_

#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "config/toml.h"

namespace jsd {

// What is wrong with a configuration, each a line for a person that names file, line, column and key.
//
// Owner: whoever loads a file. Thread: any one. Lifetime: the call.
class Problems {
 public:
  // `file` as the lines name it.
  explicit Problems(std::string file) : file_(std::move(file)) {}

  // A source without a position is that of an override, `--set`.
  void Report(const toml::source_region& source, const std::string& key, const std::string& message);
  // Without a position the file as a whole is meant.
  void ReportFile(const toml::source_position& position, const std::string& message);

  bool empty() const { return problems_.empty(); }

  // Those of the file in its order, then the others. There are none afterwards.
  std::vector<std::string> Take();

 private:
  struct Problem {
    std::tuple<bool, toml::source_index, toml::source_index> order;  // Not in the file; line; column.
    std::string text;
  };

  const std::string file_;
  std::vector<Problem> problems_;
};

}  // namespace jsd

#endif  // JSD_CONFIG_PROBLEMS_H_

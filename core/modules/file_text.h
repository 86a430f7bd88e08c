#ifndef JSD_CORE_MODULES_FILE_TEXT_H_
#define JSD_CORE_MODULES_FILE_TEXT_H_

#include <string>

namespace jsd {

struct FileText {
  std::string text;
  std::string error;  // Why it cannot be read; empty where it was.
};

// The text of a file without a byte order mark.
FileText ReadFileText(const std::string& path);

}  // namespace jsd

#endif  // JSD_CORE_MODULES_FILE_TEXT_H_

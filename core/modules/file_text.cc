#include "core/modules/file_text.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

namespace jsd {

FileText ReadFileText(const std::string& path) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) return {.text = {}, .error = "no such file"};
  if (std::filesystem::is_directory(status)) return {.text = {}, .error = "it is a directory"};
  // A pipe or a device might never end.
  if (!std::filesystem::is_regular_file(status)) return {.text = {}, .error = "it is not a regular file"};
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return {.text = {}, .error = "it cannot be read"};
  const auto size = std::filesystem::file_size(path, error);
  std::string text(error ? 0 : size, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  text.append(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  return {.text = std::move(text), .error = {}};
}

}  // namespace jsd

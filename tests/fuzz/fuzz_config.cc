// A config file of any text: it is taken, or refused with at least one error.

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "config/load.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string path = "/tmp/jsd-fuzz-" + std::to_string(getpid()) + ".toml";
  std::FILE* const file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) std::abort();
  std::fwrite(data, 1, size, file);
  std::fclose(file);
  const jsd::LoadResult result = jsd::Load(path, {});
  if (result.config.has_value() == !result.errors.empty()) std::abort();
  return 0;
}

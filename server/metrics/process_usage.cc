#include "server/metrics/process_usage.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cstdio>

namespace jsd {

ProcessUsage::ProcessUsage()
    : started_(std::chrono::system_clock::now()),
      memory_(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC)),
      descriptors_(::opendir("/proc/self/fd")) {}

ProcessUsage::Figures ProcessUsage::Read() {
  Figures figures{.started = started_};
  if (timespec cpu; clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu) == 0) {
    figures.cpu = std::chrono::seconds(cpu.tv_sec) + std::chrono::nanoseconds(cpu.tv_nsec);
  }
  std::array<char, 128> text{};
  std::size_t pages = 0;
  std::size_t resident_pages = 0;
  if (::pread(memory_.get(), text.data(), text.size() - 1, 0) > 0 &&
      std::sscanf(text.data(), "%zu %zu", &pages, &resident_pages) == 2) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    figures.virtual_bytes = pages * page;
    figures.resident_bytes = resident_pages * page;
  }
  if (descriptors_) {
    ::rewinddir(descriptors_.get());
    while (const dirent* const entry = ::readdir(descriptors_.get())) {
      if (entry->d_name[0] != '.') ++figures.open_descriptors;
    }
  }
  if (rlimit limit; ::getrlimit(RLIMIT_NOFILE, &limit) == 0) figures.most_descriptors = limit.rlim_cur;
  return figures;
}

}  // namespace jsd

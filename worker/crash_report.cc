#include "worker/crash_report.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <link.h>
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "worker/log.h"

namespace jsd {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kInstalled = false;
#else
constexpr bool kInstalled = true;
#endif

constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
constexpr int kMostFrames = 64;
constexpr std::size_t kStackSize = 64 * 1024;

// A lock that the crashed thread held may keep the report from being written: the process ends all the same.
constexpr unsigned kPatienceSeconds = 5;

// What the handler needs; it may not look for it.
const LogSink* log_sink = nullptr;
const char* program_version = "";
std::uintptr_t program_bias = 0;  // What addr2line does not know of the program's addresses.

// Text in a place of its own: the handler may not allocate. What is too long is cut.
class Text {
 public:
  explicit Text(bool json) : json_(json) {}

  void Add(std::string_view text) {
    const std::size_t size = std::min(text.size(), sizeof(buffer_) - size_);
    std::memcpy(buffer_ + size_, text.data(), size);
    size_ += size;
  }
  void Hex(std::uintptr_t number) {
    char digits[2 * sizeof number];
    std::size_t at = sizeof digits;
    do {
      digits[--at] = "0123456789abcdef"[number & 15];
      number >>= 4;
    } while (number != 0);
    Add("0x");
    Add({digits + at, sizeof digits - at});
  }
  void Decimal(std::int64_t number, std::size_t least_digits = 1) {
    char digits[20];
    std::size_t at = sizeof digits;
    do {
      digits[--at] = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number != 0 || sizeof digits - at < least_digits);
    Add({digits + at, sizeof digits - at});
  }
  // The names of symbols and threads hold nothing that JSON escapes, but for what somebody made up.
  void Name(std::string_view name) {
    for (const char c : name) {
      const bool plain = c >= ' ' && c < 0x7f && c != '"' && c != '\\';
      Add(plain ? std::string_view(&c, 1) : "?");
    }
  }
  void LineBreak() { Add(json_ ? "\\n" : "\n    "); }

  void WriteTo(int descriptor) const {
    for (std::size_t written = 0; written < size_;) {
      const ssize_t size = ::write(descriptor, buffer_ + written, size_ - written);
      if (size < 0 && errno != EINTR) return;
      if (size > 0) written += static_cast<std::size_t>(size);
    }
  }

 private:
  const bool json_;
  std::size_t size_ = 0;
  char buffer_[8192];
};

// As LogSink has it, without the C library's tables of time zones. The calendar is Howard Hinnant's civil_from_days,
// whose years begin in March.
void AddTime(Text& text) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const std::int64_t seconds = now.tv_sec % 86400;
  const std::int64_t days = now.tv_sec / 86400 + 719468;
  const std::int64_t era = days / 146097;
  const std::int64_t day_of_era = days - era * 146097;
  const std::int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month_from_march = (5 * day_of_year + 2) / 153;
  const std::int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  text.Decimal(year_of_era + era * 400 + (month <= 2 ? 1 : 0), 4);
  text.Add("-");
  text.Decimal(month, 2);
  text.Add("-");
  text.Decimal(day_of_year - (153 * month_from_march + 2) / 5 + 1, 2);
  text.Add("T");
  text.Decimal(seconds / 3600, 2);
  text.Add(":");
  text.Decimal(seconds / 60 % 60, 2);
  text.Add(":");
  text.Decimal(seconds % 60, 2);
  text.Add(".");
  text.Decimal(now.tv_nsec / 1'000'000, 3);
  text.Add("Z");
}

std::string_view NameOf(int signal) {
  const char* const name = ::sigabbrev_np(signal);  // A table of constants.
  return name == nullptr ? "?" : name;
}

void AddFrame(Text& text, void* address) {
  const auto number = reinterpret_cast<std::uintptr_t>(address);
  Dl_info info{};
  if (::dladdr(address, &info) == 0 || info.dli_fname == nullptr) {
    // Generated code, or nonsense.
    return text.Hex(number);
  }
  const std::string_view path = info.dli_fname;
  const auto base = reinterpret_cast<std::uintptr_t>(info.dli_fbase);
  // Where the program is not position-independent its own addresses are what addr2line wants.
  const bool program = info.dli_fbase == nullptr || base == program_bias || program_bias == 0;
  text.Name(path.substr(path.rfind('/') + 1));
  text.Add("+");
  text.Hex(number - (program ? program_bias : base));
  if (info.dli_sname == nullptr) return;
  text.Add(" (");
  text.Name(info.dli_sname);
  text.Add(")");
}

void AddStack(Text& text) {
  void* frames[kMostFrames];
  const int count = ::backtrace(frames, kMostFrames);
  for (int i = 0; i < count; ++i) {
    text.LineBreak();
    AddFrame(text, frames[i]);
  }
}

void OnFatalSignal(int signal, siginfo_t* info, void*) {
  ::alarm(kPatienceSeconds);
  const bool json = log_sink->format() == LogFormat::kJson;
  char thread[16] = "";
  ::prctl(PR_GET_NAME, thread);
  Text text(json);
  if (json) text.Add(R"({"time":")");
  AddTime(text);
  text.Add(json ? R"(","level":"error","message":")" : " error  ");
  text.Add("the process has crashed: SIG");
  text.Name(NameOf(signal));
  if (info->si_code > 0 && signal != SIGTRAP && signal != SIGABRT) {
    text.Add(" at ");
    text.Hex(reinterpret_cast<std::uintptr_t>(info->si_addr));
  } else if (info->si_code <= 0 && info->si_pid != ::getpid()) {
    text.Add(" from process ");
    text.Decimal(info->si_pid);
  }
  text.Add(json ? R"(","thread":")" : " thread=");
  text.Name(thread);
  text.Add(json ? R"(","version":")" : " version=");
  text.Name(program_version);
  text.Add(json ? R"(","stack":")" : "");
  AddStack(text);
  text.Add(json ? "\"}\n" : "\n");
  text.WriteTo(STDERR_FILENO);
  if (const int file = log_sink->file_descriptor(); file >= 0) text.WriteTo(file);
  // Its action is the default one again, by SA_RESETHAND. It comes when the handler returns.
  ::raise(signal);
}

int FindBias(dl_phdr_info* info, std::size_t, void*) {
  program_bias = info->dlpi_addr;
  return 1;  // The program is the first.
}

}  // namespace

void InstallCrashReport(const LogSink& sink, const char* version) {
  if (!kInstalled) return;
  log_sink = &sink;
  program_version = version;
  ::dl_iterate_phdr(FindBias, nullptr);
  // The first call loads what the others need.
  void* frame = nullptr;
  ::backtrace(&frame, 1);
  struct sigaction action {};
  action.sa_sigaction = OnFatalSignal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND;
  ::sigfillset(&action.sa_mask);
  ::sigdelset(&action.sa_mask, SIGALRM);
  for (const int signal : kSignals) ::sigaction(signal, &action, nullptr);
}

SignalStack::SignalStack() : memory_(kInstalled ? new char[kStackSize] : nullptr) {
  if (!memory_) return;
  const stack_t stack{.ss_sp = memory_.get(), .ss_flags = 0, .ss_size = kStackSize};
  ::sigaltstack(&stack, nullptr);
}

SignalStack::~SignalStack() {
  if (!memory_) return;
  const stack_t none{.ss_sp = nullptr, .ss_flags = SS_DISABLE, .ss_size = 0};
  ::sigaltstack(&none, nullptr);
}

}  // namespace jsd

#include "worker/log.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <nlohmann/json.hpp>
#include <utility>

namespace jsd {
namespace {

// How long a line may wait for a reader of a non-blocking pipe before it is given up.
constexpr int kWriteWaitMilliseconds = 1000;

UniqueFd OpenFile(const std::filesystem::path& path, std::string* error) {
  UniqueFd file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644));
  if (!file.valid()) *error = "cannot open the log file " + path.string() + ": " + std::strerror(errno);
  return file;
}

const char* LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarn:
      return "warn";
    case LogLevel::kError:
      return "error";
  }
  return "";
}

// ISO 8601, UTC, to the millisecond.
std::string Timestamp() {
  const auto now = std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[64];
  std::size_t length = std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
  length += std::snprintf(text + length, sizeof(text) - length, ".%03dZ",
                          static_cast<int>(now.time_since_epoch().count() % 1000));
  return std::string(text, length);
}

// Values with white space or quotes are quoted, so that a line splits back into its fields.
void AppendTextValue(std::string& line, std::string_view value) {
  if (!value.empty() && value.find_first_of(" \t\r\n\"=") == std::string_view::npos) {
    line += value;
  } else {
    line += nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
}

}  // namespace

std::unique_ptr<LogSink> LogSink::Open(const LogConfig& config, std::string* error) {
  UniqueFd file;
  if (!config.file.empty()) {
    file = OpenFile(config.file, error);
    if (!file.valid()) return nullptr;
  }
  return std::unique_ptr<LogSink>(new LogSink(config, std::move(file)));
}

LogSink::LogSink(const LogConfig& config, UniqueFd file)
    : level_(config.level),
      format_(config.format),
      path_(config.file),
      file_(std::move(file)),
      descriptor_(file_.get()) {}

void LogSink::Write(std::string_view line) {
  const std::lock_guard lock(mutex_);
  const int fd = file_.valid() ? file_.get() : STDERR_FILENO;
  while (!line.empty()) {
    const ssize_t written = ::write(fd, line.data(), line.size());
    if (written >= 0) {
      line.remove_prefix(static_cast<std::size_t>(written));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return;
    pollfd writable{fd, POLLOUT, 0};
    if (::poll(&writable, 1, kWriteWaitMilliseconds) <= 0) return;
  }
}

bool LogSink::Reopen(std::string* error) {
  if (path_.empty()) return true;
  UniqueFd file = OpenFile(path_, error);
  if (!file.valid()) return false;
  const std::lock_guard lock(mutex_);
  std::swap(file_, file);
  descriptor_.store(file_.get(), std::memory_order_relaxed);
  return true;
}

bool LogSink::GiveTo(unsigned user, unsigned group) {
  const std::lock_guard lock(mutex_);
  struct stat status;
  if (!file_.valid() || ::fstat(file_.get(), &status) != 0 || !S_ISREG(status.st_mode)) return true;
  return ::fchown(file_.get(), user, group) == 0;
}

void Log::Write(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  if (!Enabled(level)) return;
  std::string line;
  if (sink_.format() == LogFormat::kJson) {
    nlohmann::ordered_json object;
    object["time"] = Timestamp();
    object["level"] = LevelName(level);
    if (worker_) object["worker"] = *worker_;
    if (!app_.empty()) object["app"] = app_;
    object["message"] = message;
    for (const LogField& field : fields) {
      std::visit([&](const auto& value) { object[std::string(field.key)] = value; }, field.value);
    }
    // Scripts may log bytes that are no UTF-8; the line must be JSON all the same.
    line = object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  } else {
    line = Timestamp();
    line += ' ';
    line += LevelName(level);
    line.append(31 - line.size(), ' ');  // Levels have up to five letters; what follows stands in one column.
    if (worker_) line += "worker=" + std::to_string(*worker_) + ' ';
    if (!app_.empty()) {
      line += "app=";
      AppendTextValue(line, app_);
      line += ' ';
    }
    line += message;
    for (const LogField& field : fields) {
      line += ' ';
      line += field.key;
      line += '=';
      if (const auto* number = std::get_if<std::int64_t>(&field.value)) {
        line += std::to_string(*number);
      } else {
        AppendTextValue(line, std::get<std::string_view>(field.value));
      }
    }
  }
  line += '\n';
  sink_.Write(line);
}

}  // namespace jsd

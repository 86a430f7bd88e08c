#ifndef JSD_WORKER_LOG_H_
#define JSD_WORKER_LOG_H_

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "config/config.h"
#include "worker/unique_fd.h"

namespace jsd {

// Something a log line says beside its message.
struct LogField {
  std::string_view key;
  std::variant<std::int64_t, std::string_view> value;
};

// Where log lines go: one file or standard error, for the whole process.
//
// Owner: main. Thread: any, for every method.
// Lifetime: longer than every Log that writes to it.
class LogSink {
 public:
  // Opens the file for appending and makes it if need be. Null and `error` in words where that fails.
  static std::unique_ptr<LogSink> Open(const LogConfig& config, std::string* error);

  // Writes a whole line by one write(2), so that lines of several threads or processes never mix. What cannot be
  // written is lost: there is no place left to complain to.
  void Write(std::string_view line);

  // Opens the path again, for when the file was moved away. On failure the old file stays in use and `error` says why.
  bool Reopen(std::string* error);

  // Makes the file another's, if it is one of the file system: whoever opens it again may be nobody else by then.
  bool GiveTo(unsigned user, unsigned group);

  LogLevel level() const { return level_; }
  LogFormat format() const { return format_; }
  bool is_file() const { return !path_.empty(); }
  // The file's, -1 for standard error; for handlers of signals.
  int file_descriptor() const { return descriptor_.load(std::memory_order_relaxed); }

 private:
  LogSink(const LogConfig& config, UniqueFd file);

  const LogLevel level_;
  const LogFormat format_;
  const std::filesystem::path path_;
  std::mutex mutex_;
  UniqueFd file_;  // Guarded by mutex_. Not valid where the sink is standard error.
  std::atomic<int> descriptor_;
};

// Writes lines to a sink and says in each who wrote it.
// As text:  2026-01-31T12:00:00.123Z info  worker=0 app=hello.mjs the message key=value
// As JSON:  {"time":"…","level":"info","worker":0,"app":"hello.mjs","message":"the message","key":"value"}
// A message of several lines stays so in text and is one line in JSON.
//
// Owner: what it speaks for: the master, a worker. Thread: any. Lifetime: within the sink's.
class Log {
 public:
  explicit Log(LogSink& sink) : sink_(sink) {}
  Log(LogSink& sink, std::optional<unsigned> worker, std::string app)
      : sink_(sink), worker_(worker), app_(std::move(app)) {}

  // Whether lines of this level are kept; for callers to whom a message is dear.
  bool Enabled(LogLevel level) const { return level >= sink_.level(); }

  void Write(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});

  void Debug(std::string_view message, std::initializer_list<LogField> fields = {}) {
    Write(LogLevel::kDebug, message, fields);
  }
  void Info(std::string_view message, std::initializer_list<LogField> fields = {}) {
    Write(LogLevel::kInfo, message, fields);
  }
  void Warn(std::string_view message, std::initializer_list<LogField> fields = {}) {
    Write(LogLevel::kWarn, message, fields);
  }
  void Error(std::string_view message, std::initializer_list<LogField> fields = {}) {
    Write(LogLevel::kError, message, fields);
  }

  LogSink& sink() const { return sink_; }

 private:
  LogSink& sink_;
  const std::optional<unsigned> worker_;
  const std::string app_;
};

}  // namespace jsd

#endif  // JSD_WORKER_LOG_H_

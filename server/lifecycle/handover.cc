#include "server/lifecycle/handover.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace jsd {
namespace {

constexpr std::string_view kSocket = "socket";    // Who has opened it, and its name.
constexpr std::string_view kServer = "server";    // The process, and how long it has lived, in milliseconds.
constexpr std::string_view kEnding = "ending";    // The same of one that finishes what it has.
constexpr std::string_view kPidFile = "pidfile";  // Its path.
constexpr std::string_view kEnd = "end";          // That was all.

// Takes the number and the space behind it from the front; 0 where there is none.
std::int64_t TakeNumber(std::string_view* text) {
  std::int64_t number = 0;
  const char* const end = std::from_chars(text->data(), text->data() + text->size(), number).ptr;
  text->remove_prefix(static_cast<std::size_t>(end - text->data()));
  if (text->starts_with(' ')) text->remove_prefix(1);
  return number;
}

}  // namespace

std::optional<Inheritance> Inheritance::Find() {
  const char* const value = std::getenv(Handover::kVariable);
  if (value == nullptr) return std::nullopt;
  std::string_view number(value);
  const auto descriptor = static_cast<int>(TakeNumber(&number));
  ::unsetenv(Handover::kVariable);
  // Somebody else may have set the variable.
  if (descriptor <= STDERR_FILENO || ::fcntl(descriptor, F_SETFD, FD_CLOEXEC) != 0) return std::nullopt;
  Channel channel{UniqueFd(descriptor)};
  Inheritance left;
  for (Message message; channel.Receive(&message);) {
    std::string_view text(message.text);
    if (message.word == kSocket) {
      const auto opened_by = static_cast<pid_t>(TakeNumber(&text));
      left.sockets.push_back({std::string(text), std::move(message.descriptor), opened_by});
    } else if (message.word == kServer || message.word == kEnding) {
      const auto pid = static_cast<pid_t>(TakeNumber(&text));
      const std::chrono::milliseconds lived(TakeNumber(&text));
      left.children.push_back({pid, lived, message.word == kServer, std::move(message.descriptor)});
    } else if (message.word == kPidFile) {
      left.pid_file = text;
    } else if (message.word == kEnd) {
      return left;
    }
  }
  return std::nullopt;
}

Handover::Handover() {
  UniqueFd mine;
  if (Channel::MakePair(&mine, &its_)) {
    mine_ = std::make_unique<Channel>(std::move(mine));
  } else {
    error_ = "cannot make a channel: " + std::string(std::strerror(errno));
  }
}

void Handover::Add(std::string_view word, std::string_view text, int descriptor) {
  if (error_.empty() && !mine_->Send(word, text, descriptor)) error_ = "there is too much to hand over";
}

void Handover::AddSocket(std::string_view name, int descriptor, pid_t opened_by) {
  Add(kSocket, std::to_string(opened_by) + " " + std::string(name), descriptor);
}

void Handover::AddChild(pid_t pid, std::chrono::milliseconds lived, bool serves, int channel) {
  Add(serves ? kServer : kEnding, std::to_string(pid) + " " + std::to_string(lived.count()), channel);
}

void Handover::AddPidFile(std::string_view path) { Add(kPidFile, path); }

std::string Handover::Become(const Program& program) {
  Add(kEnd, {});
  if (!error_.empty()) return error_;
  std::vector<std::string> arguments = program.arguments;
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  ::setenv(kVariable, std::to_string(its_.get()).c_str(), 1);
  ::fcntl(its_.get(), F_SETFD, 0);
  ::execv(program.path.c_str(), pointers.data());
  const int error = errno;
  ::unsetenv(kVariable);
  return "cannot start " + program.path + ": " + std::strerror(error);
}

}  // namespace jsd

#include "server/lifecycle/parent.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <string>
#include <utility>

namespace jsd {

std::unique_ptr<Parent> Parent::Find() {
  const char* const value = std::getenv(kVariable);
  if (value == nullptr) return nullptr;
  const std::string text(value);
  ::unsetenv(kVariable);
  int descriptor = -1;
  std::from_chars(text.data(), text.data() + text.size(), descriptor);
  // Somebody else may have set the variable.
  if (descriptor <= STDERR_FILENO || ::fcntl(descriptor, F_SETFD, FD_CLOEXEC) != 0) return nullptr;
  std::unique_ptr<Parent> parent(new Parent(UniqueFd(descriptor)));
  for (Message message; parent->channel_.Receive(&message);) {
    if (message.word == to_child::kSocket) {
      parent->sockets_.Add(std::move(message.text), std::move(message.descriptor));
    } else if (message.word == to_child::kStart) {
      parent->supervises_ = message.text == kSupervised;
      return parent;
    }
  }
  return nullptr;
}

void Parent::Watch(boost::asio::io_context& io, Handlers handlers) {
  handlers_ = std::move(handlers);
  channel_.Watch(
      io, [this](const Message& message) { OnMessage(message); },
      [this] {
        // One that was replaced has ended, as it should.
        if (supervises_) handlers_.gone();
      });
}

void Parent::OnMessage(const Message& message) {
  if (message.word == to_child::kSignal) {
    int number = 0;
    std::from_chars(message.text.data(), message.text.data() + message.text.size(), number);
    handlers_.signal(number);
  } else if (message.word == to_child::kRetire) {
    handlers_.retire();
  } else if (message.word == to_child::kRefused) {
    handlers_.upgrade_refused(message.text);
  }
}

}  // namespace jsd

#include "server/lifecycle/channel.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>
#include <vector>

namespace jsd {
namespace {

namespace asio = boost::asio;

// Well below what a socket takes at a time; only reports of errors are long at all.
constexpr std::size_t kLongest = 32 * 1024;

constexpr int kSendWaitMilliseconds = 1000;

union ControlBuffer {
  char bytes[CMSG_SPACE(sizeof(int))];
  cmsghdr alignment;
};

UniqueFd DescriptorOf(msghdr& header) {
  UniqueFd found;
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    int descriptor = -1;
    std::memcpy(&descriptor, CMSG_DATA(part), sizeof descriptor);
    found.Reset(descriptor);
  }
  return found;
}

}  // namespace

struct Channel::Watcher {
  explicit Watcher(asio::io_context& io) : readable(io) {}
  ~Watcher() { readable.release(); }
  asio::posix::stream_descriptor readable;  // The channel's socket, borrowed.
};

bool Channel::MakePair(UniqueFd* one, UniqueFd* other) {
  int sockets[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) return false;
  one->Reset(sockets[0]);
  other->Reset(sockets[1]);
  return true;
}

Channel::Channel(UniqueFd socket) : socket_(std::move(socket)), self_(std::make_shared<Channel*>(this)) {}

Channel::~Channel() = default;

bool Channel::Send(std::string_view word, std::string_view text, int descriptor) {
  std::string packet(word);
  packet += ' ';
  packet += text.substr(0, kLongest - packet.size());
  iovec part{packet.data(), packet.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  ControlBuffer control{};
  if (descriptor >= 0) {
    header.msg_control = control.bytes;
    header.msg_controllen = sizeof control.bytes;
    cmsghdr* const rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof descriptor);
    std::memcpy(CMSG_DATA(rights), &descriptor, sizeof descriptor);
  }
  for (;;) {
    if (::sendmsg(socket_.get(), &header, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return true;
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return false;
    pollfd writable{socket_.get(), POLLOUT, 0};
    if (::poll(&writable, 1, kSendWaitMilliseconds) <= 0) return false;
  }
}

Channel::Result Channel::Read(Message* message, int flags) {
  std::vector<char> buffer(kLongest);
  iovec part{buffer.data(), buffer.size()};
  ControlBuffer control{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.bytes;
  header.msg_controllen = sizeof control.bytes;
  ssize_t size = -1;
  do {
    size = ::recvmsg(socket_.get(), &header, flags | MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size < 0 && errno == EAGAIN) return Result::kNothing;
  if (size <= 0) return Result::kClosed;
  const std::string_view packet(buffer.data(), static_cast<std::size_t>(size));
  const std::size_t space = std::min(packet.find(' '), packet.size());
  message->word = packet.substr(0, space);
  message->text = packet.substr(std::min(space + 1, packet.size()));
  message->descriptor = DescriptorOf(header);
  return Result::kMessage;
}

bool Channel::Receive(Message* message) { return Read(message, 0) == Result::kMessage; }

void Channel::Watch(asio::io_context& io, std::function<void(Message)> received, std::function<void()> closed) {
  received_ = std::move(received);
  closed_ = std::move(closed);
  watcher_ = std::make_unique<Watcher>(io);
  watcher_->readable.assign(socket_.get());
  Wait();
}

void Channel::Wait() {
  watcher_->readable.async_wait(asio::posix::stream_descriptor::wait_read,
                                [weak = std::weak_ptr<Channel*>(self_)](const boost::system::error_code& error) {
                                  // Not held while it is called: what it calls may destroy it, and it has to see that.
                                  Channel* const channel = weak.expired() ? nullptr : *weak.lock();
                                  if (!error && channel != nullptr && channel->ReadAll()) channel->Wait();
                                });
}

void Channel::Unwatch() { watcher_.reset(); }

bool Channel::ReadAll() {
  // They may be what destroys this.
  const std::weak_ptr<Channel*> alive(self_);
  const auto received = received_;
  for (Message message; !alive.expired();) {
    switch (Read(&message, MSG_DONTWAIT)) {
      case Result::kMessage:
        received(std::exchange(message, {}));
        break;
      case Result::kNothing:
        return true;
      case Result::kClosed:
        if (const auto closed = std::exchange(closed_, nullptr)) closed();
        return false;
    }
  }
  return false;
}

}  // namespace jsd

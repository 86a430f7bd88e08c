#ifndef JSD_SERVER_LISTENER_H_
#define JSD_SERVER_LISTENER_H_

#include <sys/types.h>

#include <memory>
#include <string>

#include "config/listen_address.h"
#include "worker/unique_fd.h"

namespace jsd {

// A listening socket: TCP over IPv4 or IPv6, or unix.
//
// Owner: the master. Thread: the master's.
// Lifetime: the address is taken until destroyed; a unix socket's file goes with it.
class Listener {
 public:
  // Binds and listens; connections wait in the kernel's queue from here on. Null and `error`, with the address and the
  // reason, where that fails. A unix socket that nobody answers on is a leftover and is replaced.
  static std::unique_ptr<Listener> Open(const ListenAddress& address, std::string* error);

  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Non-blocking.
  int fd() const { return socket_.get(); }
  bool is_tcp() const { return address_.kind != ListenAddress::Kind::kUnix; }
  // As bound: with the port that the kernel chose.
  const ListenAddress& address() const { return address_; }

 private:
  Listener(UniqueFd socket, const ListenAddress& address);

  UniqueFd socket_;
  ListenAddress address_;
  // The socket file of a unix listener as it was made, so that another one's is never removed.
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace jsd

#endif  // JSD_SERVER_LISTENER_H_

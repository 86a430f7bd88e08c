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
// Owner: the master, or the supervisor. Thread: the owner's.
// Lifetime: the address is taken until destroyed; a unix socket's file goes with it, unless somebody else sees to that.
class Listener {
 public:
  // Binds and listens; connections wait in the kernel's queue from here on. Null and `error`, with the address and the
  // reason, where that fails. A unix socket that nobody answers on is a leftover and is replaced.
  struct Options {
    bool reuse_port = false;
    std::string unix_mode;   // As ParseFileMode reads it; empty: by the umask.
    std::string unix_owner;  // As ParseFileOwner reads it; empty: who runs the process.
  };
  static std::unique_ptr<Listener> Open(const ListenAddress& address, const Options& options, std::string* error);
  static std::unique_ptr<Listener> Open(const ListenAddress& address, std::string* error) {
    return Open(address, {}, error);
  }

  // A socket that somebody else has opened for `address`, and whose file is left to them at first. Null and `error`
  // where it does not listen.
  static std::unique_ptr<Listener> Adopt(UniqueFd socket, const ListenAddress& address, std::string* error);

  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Non-blocking.
  int fd() const { return socket_.get(); }
  bool is_tcp() const { return address_.kind != ListenAddress::Kind::kUnix; }
  // As bound: with the port that the kernel chose, or where systemd has bound it.
  const ListenAddress& address() const { return address_; }
  // As it was asked for.
  const std::string& name() const { return name_; }

  // Whether somebody else who has the socket removes its file. That of systemd is always left to it.
  void LeaveFile(bool leave) { leaves_file_ = leave; }

 private:
  Listener(UniqueFd socket, const ListenAddress& address);
  void ReadBoundAddress();

  UniqueFd socket_;
  ListenAddress address_;
  std::string name_;
  bool leaves_file_ = false;
  bool systemd_ = false;  // It has the socket too, and its file.
  // The socket file of a unix listener as it was made, so that another one's is never removed.
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace jsd

#endif  // JSD_SERVER_LISTENER_H_

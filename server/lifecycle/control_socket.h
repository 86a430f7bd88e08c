#ifndef JSD_SERVER_LIFECYCLE_CONTROL_SOCKET_H_
#define JSD_SERVER_LIFECYCLE_CONTROL_SOCKET_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "server/acceptor.h"
#include "server/listener.h"
#include "worker/log.h"

namespace boost::asio {
class io_context;
}

namespace jsd {

// A unix socket beside the pid file, by which `jsd reload` and the like ask for something and wait for what comes of
// it. A client sends a line with a word, and gets "ok", or "failed" and, behind a line break, why; then the connection
// ends.
//
// Owner: the master. Thread: the master's. Lifetime: within that of the io_context and the log.
class ControlSocket {
 public:
  // Called once, at any time.
  using Answer = std::function<void(bool ok, std::string_view reason)>;
  using Handler = std::function<void(std::string_view word, Answer answer)>;

  // The permissions of the socket: who may write to it may do what it is for.
  static Listener::Options Permissions() { return {.unix_mode = "0600"}; }

  ControlSocket(boost::asio::io_context& io, std::unique_ptr<Listener> listener, Log& log, Handler handler);
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

  void Start() { acceptor_.Start(); }
  // No more of them; those that wait for an answer still get it.
  void Stop(bool leave_file);

  // Null after Stop.
  const Listener* listener() const { return listener_.get(); }
  Listener* listener() { return listener_.get(); }

 private:
  class Client;

  std::unique_ptr<Listener> listener_;
  Acceptor acceptor_;
};

// The other side: sends the word and waits. The exit status of the process, 0 or 1, with a text for the person in front
// of it.
struct ControlResult {
  int status = 0;
  std::string text;
};
ControlResult AskServer(const std::string& address, std::string_view word);

}  // namespace jsd

#endif  // JSD_SERVER_LIFECYCLE_CONTROL_SOCKET_H_

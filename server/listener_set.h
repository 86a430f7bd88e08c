#ifndef JSD_SERVER_LISTENER_SET_H_
#define JSD_SERVER_LISTENER_SET_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "server/acceptor.h"
#include "server/endpoint.h"
#include "server/lifecycle/inherited_sockets.h"
#include "server/listener.h"
#include "worker/connection.h"
#include "worker/log.h"

namespace boost::asio {
class io_context;
}

namespace jsd {

// The listening sockets of a server and what accepts on them, as they follow the configuration: an address that it has
// before and after a reload keeps its socket.
//
// Owner: the master. Thread: the master's. Lifetime: within that of the io_context and the log.
class ListenerSet {
 public:
  struct Functions {
    // A connection, whose `listener` is the number of the endpoint at which it came in (Endpoint::number).
    std::function<void(Connection)> accepted;
    // A socket was opened here, or is about to be closed for good. Not called for those of systemd, nor by Stop.
    std::function<void(const Listener&)> opened;
    std::function<void(const Listener&)> closed;
  };

  // `leaves_files`: those of unix sockets are somebody else's.
  ListenerSet(boost::asio::io_context& io, Log& log, bool leaves_files, Functions functions);
  ~ListenerSet();
  ListenerSet(const ListenerSet&) = delete;
  ListenerSet& operator=(const ListenerSet&) = delete;

  // Sockets to use before others are opened.
  void Inherit(InheritedSockets sockets) { inherited_ = std::move(sockets); }
  // One of them, for something else.
  UniqueFd TakeInherited(std::string_view name) { return inherited_.Take(name); }

  // Opens what the configuration has and this does not: connections wait there from now on. False and lines for a
  // person where an address cannot be had; what was opened stays so until Discard. Commit or Discard comes next.
  bool Prepare(const Config& config, std::vector<std::string>* errors);
  // Accepts on all that was prepared, and no more on what was not.
  void Commit();
  void Discard();

  // Accepts what has come so far and closes all. The files of unix sockets stay where somebody else listens there.
  void Stop(bool leave_files = false);

  // Those that another process may go on with.
  std::vector<const Listener*> listeners() const;

 private:
  struct Entry {
    std::unique_ptr<Listener> listener;
    std::unique_ptr<Acceptor> acceptor;  // From Commit on.
    unsigned number = 0;
    Endpoint next;       // What it is from Commit on,
    bool wanted = true;  // if it is there at all.
    bool fresh = true;   // Opened by the last Prepare.
  };

  bool PrepareEndpoint(const Endpoint& endpoint, const Listener::Options& options, std::vector<std::string>* errors);
  // All sockets of systemd's that have the name.
  bool AdoptInherited(const Endpoint& endpoint, const ListenAddress& address, std::vector<std::string>* errors);
  void Add(std::unique_ptr<Listener> listener, const Endpoint& endpoint);
  // The entries for which it is so.
  template <typename Condition>
  void Close(Condition condition);

  boost::asio::io_context& io_;
  Log& log_;
  const bool leaves_files_;
  const Functions functions_;
  InheritedSockets inherited_;
  std::vector<std::unique_ptr<Entry>> entries_;
};

}  // namespace jsd

#endif  // JSD_SERVER_LISTENER_SET_H_

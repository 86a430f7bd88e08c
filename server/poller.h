#ifndef JSD_SERVER_POLLER_H_
#define JSD_SERVER_POLLER_H_

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>
#include <memory>

namespace jsd {

// Tells the connections of one worker when their sockets can be read or written: an epoll of its own that Asio watches
// as one descriptor. A socket that Asio reads itself costs an attempt that finds nothing and a pass
// through its queue for each request; here it costs the read alone, and all connections that are ready come up in one
// turn, so that their requests can be one batch.
//
// Owner: the service whose connections it watches. Thread: the worker's. Lifetime: within the io_context's.
class Poller {
 public:
  // One watched socket. It must stay until it is no longer watched.
  class Client {
   public:
    // `events` as of epoll(7). Closing this client's own socket is fine; another's is not.
    virtual void OnReady(std::uint32_t events) = 0;

   protected:
    ~Client() = default;
  };

  // `turn_over` is called after the clients that were ready have been told.
  Poller(boost::asio::io_context& io, std::function<void()> turn_over);
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // False where the kernel refuses to watch one more. Closing the socket ends it.
  bool Watch(int socket, std::uint32_t events, Client& client);
  void Change(int socket, std::uint32_t events, Client& client);
  // Ends it without closing the socket.
  void Forget(int socket);

 private:
  struct Anchor;

  void Wait();
  void Tell();

  const std::function<void()> turn_over_;
  boost::asio::posix::stream_descriptor epoll_;
  const std::shared_ptr<Anchor> anchor_;
  bool waiting_ = false;
};

}  // namespace jsd

#endif  // JSD_SERVER_POLLER_H_

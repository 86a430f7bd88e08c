#ifndef JSD_SERVER_POLLER_H_
#define JSD_SERVER_POLLER_H_

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace jsd {

// Tells the connections of one worker when their sockets can be read or written: an epoll of its own that Asio watches
// as one descriptor. A socket that Asio reads itself costs an attempt that finds nothing and a pass
// through its queue for each request; here it costs the read alone, and all connections that are ready come up in one
// turn, so that their requests can be one batch.
//
// Owner: the service whose connections it watches. Thread: the worker's. Lifetime: within the io_context's.
class Poller {
 public:
  // One watched socket. It is no longer watched when it ends.
  class Client {
   public:
    // `events` as of epoll(7). Closing this client's own socket is fine; another's is not.
    virtual void OnReady(std::uint32_t events) = 0;

   protected:
    Client() = default;
    ~Client() {
      if (poller_ != nullptr) poller_->Leave(*this);
    }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

   private:
    friend class Poller;
    Poller* poller_ = nullptr;
    std::uint32_t slot_ = 0;
  };

  // `turn_over` is called after the clients that were ready have been told.
  Poller(boost::asio::io_context& io, std::function<void()> turn_over);
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // False where the kernel refuses to watch one more.
  bool Watch(int socket, std::uint32_t events, Client& client);
  void Change(int socket, std::uint32_t events, Client& client);
  // Ends it without closing the socket.
  void Forget(int socket, Client& client);
  // The same where the socket is closed: the client is told nothing more.
  void Leave(Client& client);

 private:
  struct Anchor;

  // What the kernel is given for a client. A process that is being started has copies of this one's descriptors for a
  // moment, and a socket that is closed meanwhile is watched until these are closed too: its events come up when the
  // client may be gone. So they name a slot and its use, of which the next client's differs.
  struct Slot {
    Client* client = nullptr;
    std::uint32_t use = 0;
  };

  std::uint64_t Name(const Client& client) const;

  void Wait();
  void Tell();

  const std::function<void()> turn_over_;
  boost::asio::posix::stream_descriptor epoll_;
  const std::shared_ptr<Anchor> anchor_;
  bool waiting_ = false;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
};

}  // namespace jsd

#endif  // JSD_SERVER_POLLER_H_

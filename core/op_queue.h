#ifndef JSD_CORE_OP_QUEUE_H_
#define JSD_CORE_OP_QUEUE_H_

#include <v8.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace jsd {

// Asynchronous ops of one runtime. An op starts on the runtime's thread, does its work anywhere, and ends by a function
// that makes its value there; all that have ended reach JavaScript in one call of `recv` per turn.
//
// Owner: the runtime's state. Ops that are still at work hold the shared inner queue, so one that ends after the
// runtime is gone ends in nothing.
// Thread: Start and Take on the runtime's, Finish on any.
class OpQueue {
 public:
  // Makes the op's value on the runtime's thread, in its context. Throwing rejects the promise.
  using MakeValue = std::function<v8::MaybeLocal<v8::Value>(v8::Local<v8::Context>)>;
  struct Finished {
    std::uint32_t id;
    MakeValue make_value;
  };

  // The thread-safe end that work elsewhere holds.
  class Port {
   public:
    void Finish(std::uint32_t id, MakeValue make_value);

   private:
    friend class OpQueue;
    std::mutex mutex_;
    std::vector<Finished> finished_;  // Guarded by mutex_.
    std::function<void()> wake_up_;   // Guarded by mutex_. Empty once the runtime is gone.
  };

  OpQueue() : port_(std::make_shared<Port>()) {}
  ~OpQueue();

  void set_wake_up(std::function<void()> wake_up);
  // Counts an op as pending; the binding passes the port and the id to the work.
  std::shared_ptr<Port> Start();
  // Runs `work` on a thread of the background pool and finishes op `id` with the function that it returns.
  void StartOnPool(std::uint32_t id, std::function<MakeValue()> work);
  std::vector<Finished> Take();
  std::size_t pending() const { return pending_; }

 private:
  std::shared_ptr<Port> port_;
  std::size_t pending_ = 0;
};

}  // namespace jsd

#endif  // JSD_CORE_OP_QUEUE_H_

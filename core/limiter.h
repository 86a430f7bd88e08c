#ifndef JSD_CORE_LIMITER_H_
#define JSD_CORE_LIMITER_H_

#include <v8.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "core/execution.h"
#include "core/termination.h"

namespace jsd {

class RuntimeState;

// Ends the JavaScript of one runtime that oversteps limits.slice, limits.cpu or limits.heap, and says what it was at.
//
// limits.slice is the time of one call from outside: a handler, a timer, a run of microtasks. limits.cpu is the sum
// over all that runs for a request, wherever the engine knows for which: V8 carries the handle of the request that code
// runs for through promises, and timers are given the handle of the code that started them. It is found by sampling:
// what runs when the watchdog looks is charged a tick.
//
// Owner: JsRuntime, which tells the execution to forget it before the isolate goes. Thread: the runtime's, but for
// Prod. Lifetime: the isolate's.
class Limiter final : public Execution::Watched {
 public:
  struct Limits {
    std::chrono::milliseconds slice{};  // 0: none, as for each.
    std::chrono::milliseconds cpu{};
    std::size_t heap = 0;  // Bytes.
  };

  Limiter(v8::Isolate* isolate, RuntimeState& state, const Limits& limits);
  Limiter(const Limiter&) = delete;
  Limiter& operator=(const Limiter&) = delete;

  // Execution::Watched:
  void Prod() override;
  void Force() override;
  void Describe() override;
  Execution::Tick slice() const override { return slice_; }
  bool counts() const override { return cpu_ != 0; }

  // Ends what runs, from any thread; nothing where nothing does.
  void Request();

  // What was to be forced to its end has ended by itself.
  void BeginEntry() {
    if (forced_.load(std::memory_order_relaxed)) [[unlikely]]
      Conclude();
  }

  // What runs has been told to end, or is about to be, and the call that it belongs to has not been concluded yet.
  bool terminating() const { return terminating_ || near_heap_limit_; }

  // After a call that was ended: V8 may run JavaScript again.
  Termination Conclude();

  // The heap limit has been reached: some of the script's state is lost.
  bool exhausted() const { return exhausted_; }

 private:
  static void OnInterrupt(v8::Isolate* isolate, void* data);
  static void OnDescribe(v8::Isolate* isolate, void* data);
  Running WhatRuns();
  static std::size_t OnNearHeapLimit(void* data, std::size_t current, std::size_t initial);
  void Look();
  bool ChargeRequest(std::uint32_t ticks);
  void Terminate(Termination::Reason reason);

  v8::Isolate* const isolate_;
  RuntimeState& state_;
  Execution& execution_;
  const Execution::Tick slice_;
  const std::uint32_t cpu_;  // Ticks.
  const std::size_t headroom_;
  std::atomic<std::uint32_t> prods_{0};  // Since the script last looked.
  std::atomic<bool> forced_{false};
  std::atomic<bool> requested_{false};
  std::atomic<std::uint64_t> described_{0};  // The entry that is to say what it is at, as Stamp::entry has it.
  bool terminating_ = false;
  bool near_heap_limit_ = false;  // Since the last call was concluded.
  bool exhausted_ = false;
  Termination termination_;
};

}  // namespace jsd

#endif  // JSD_CORE_LIMITER_H_

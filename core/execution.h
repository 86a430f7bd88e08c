#ifndef JSD_CORE_EXECUTION_H_
#define JSD_CORE_EXECUTION_H_

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

namespace jsd {

// Where a worker's thread is: outside of JavaScript, in it since when, or in a native function that JavaScript called.
// Others read it to end what runs too long, and where nothing can end it, to take from the thread what it holds: they
// declare it lost. Both sides change one word, so that either the thread got out in time or it has lost everything.
//
// A thread that is lost may come back from JavaScript years later, or never. It then touches nothing but its runtimes:
// native functions that JavaScript calls find no BeginOp, and at the end of the entry `abandoned` takes over.
//
// Owner: the worker. Thread: the worker's, but for what watchers use. Lifetime: longer than the thread's last runtime.
class Execution {
 public:
  enum class Place : std::uint64_t { kOutside, kScript, kOp, kLost };

  // Time as far as slices are concerned: how often the watchdog has looked. It stands still when the whole process
  // does, so that a machine that was asleep finds nobody guilty; and reading it costs one load.
  using Tick = std::uint32_t;
  static constexpr std::chrono::milliseconds kTick{25};
  static Tick Now() { return now_.load(std::memory_order_relaxed); }
  static void Advance() { now_.fetch_add(1, std::memory_order_relaxed); }

  // What runs: a runtime, as watchers see it.
  class Watched {
   public:
    // Asks the runtime to look at its limits, from any thread. It does so on its own, from the JavaScript that runs.
    virtual void Prod() = 0;
    // Ends it where it does not come to looking: some long built-ins know no other interrupt. From any thread.
    virtual void Force() = 0;
    // Has it say what it is at, as soon as it looks for interrupts in what runs now. From any thread.
    virtual void Describe() = 0;
    // How many ticks one entry may take; 0: any.
    virtual Tick slice() const = 0;
    // Whether the time of single requests is counted, so that Prod is wanted at every tick.
    virtual bool counts() const = 0;

   protected:
    ~Watched() = default;
  };

  // A value of the word: the place, which entry it is, and the tick at which that began.
  class Stamp {
   public:
    explicit Stamp(std::uint64_t word) : word_(word) {}
    Place place() const { return static_cast<Place>(word_ & kPlaceMask); }
    bool in_javascript() const { return place() == Place::kScript || place() == Place::kOp; }
    std::uint64_t entry() const { return word_ >> kEntryShift; }
    bool SameEntry(Stamp other) const { return entry() == other.entry(); }
    // Ticks since the entry began.
    Tick age() const { return (Now() - static_cast<Tick>(word_ >> kTickShift)) & kTickMask; }

   private:
    friend class Execution;
    std::uint64_t word_;
  };

  Execution() = default;
  Execution(const Execution&) = delete;
  Execution& operator=(const Execution&) = delete;

  // --- For the thread.

  // Called when an entry ends that was lost meanwhile, with nothing of it left on the stack. Never returns.
  void set_abandoned(std::function<void()> abandoned) { abandoned_ = std::move(abandoned); }

  // The execution of the calling thread, for handlers of signals and of V8's fatal errors. Null on other threads.
  static Execution* OfThread();
  void AttachToThread();
  static void DetachFromThread();

  // JavaScript runs within its scope. Entries may nest.
  class Entry {
   public:
    Entry(Execution& execution, Watched& watched)
        : execution_(execution),
          before_(execution.mine_),
          watched_before_(execution.watched_.load(std::memory_order_relaxed)) {
      // Nobody else changes the word while the thread is outside.
      execution.watched_.store(&watched, std::memory_order_relaxed);
      execution.mine_ = execution.NextEntry();
      execution.word_.store(execution.mine_, std::memory_order_release);
    }
    ~Entry() {
      if (!execution_.Change(before_)) execution_.Abandon();
      execution_.watched_.store(watched_before_, std::memory_order_relaxed);
    }
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

   private:
    Execution& execution_;
    const std::uint64_t before_;
    Watched* const watched_before_;
  };

  // Another call within the same entry, which gets a slice of its own. False where the thread is lost: the entry must
  // end without touching anything of the worker's.
  bool BeginCall() {
    if (static_cast<Tick>(mine_ >> kTickShift) == (Now() & kTickMask)) [[likely]]
      return true;
    return Change(NextEntry());
  }

  // Native code that JavaScript called and that uses what belongs to the worker, not to the runtime.
  class Op {
   public:
    explicit Op(Execution& execution) : execution_(execution), before_(execution.mine_) {
      entered_ = (before_ & kPlaceMask) != kScriptBits || execution.Change(before_ - kScriptBits + kOpBits);
    }
    ~Op() {
      if (!entered_) return;
      execution_.mine_ = before_;
      execution_.word_.store(before_, std::memory_order_release);
    }
    Op(const Op&) = delete;
    Op& operator=(const Op&) = delete;
    // False where the thread is lost: there is nothing that it may use.
    explicit operator bool() const { return entered_; }

   private:
    Execution& execution_;
    const std::uint64_t before_;
    bool entered_;
  };

  // The thread gives itself up, from within JavaScript that cannot go on; `last_words` say why. It never returns then.
  // Outside of JavaScript nothing happens. Allocates nothing.
  void GiveUp(const char* last_words);

  // The thread sleeps for ever.
  [[noreturn]] void Park();

  // The runtime is about to go.
  void Forget(const Watched& watched) {
    const std::lock_guard lock(mutex_);
    if (watched_.load(std::memory_order_relaxed) == &watched) watched_.store(nullptr, std::memory_order_relaxed);
  }

  // --- For watchers, from any thread.

  Stamp stamp() const { return Stamp(word_.load(std::memory_order_acquire)); }

  // One look at the thread, in each tick: has what runs look at its limits where it may have overstepped one. The stamp
  // where it has not ended within `grace` ticks after that, so that DeclareLost is in order.
  std::optional<Stamp> Watch(Tick grace);

  // Has the JavaScript that runs say what it is at (RuntimeHost::Describes); nothing where none does.
  void Describe();

  // What a thread that gave itself up said.
  const char* last_words() const { return last_words_.data(); }

  // A lost thread that was not parked has come back from JavaScript, and uses nothing but its runtimes.
  bool returned() const { return returned_.load(std::memory_order_acquire); }
  bool parked() const { return parked_.load(std::memory_order_acquire); }

  // For the signal that parks a lost thread.
  void AllowParking(bool anywhere) { (anywhere ? may_be_parked_anywhere_ : may_be_parked_).store(true); }
  bool may_be_parked() const { return may_be_parked_ && !returned_ && stamp().place() == Place::kLost; }
  bool may_be_parked_anywhere() const { return may_be_parked_anywhere_; }

  // Takes from the thread what it holds, if it is in JavaScript and still in the same entry. Once this has returned
  // true, all that is the worker's and not its runtimes' belongs to the caller.
  bool DeclareLost(Stamp stamp) {
    if (stamp.place() != Place::kScript) return false;
    return word_.compare_exchange_strong(stamp.word_, kLostBits, std::memory_order_acq_rel);
  }

 private:
  static constexpr std::uint64_t kPlaceMask = 3;
  static constexpr std::uint64_t kScriptBits = static_cast<std::uint64_t>(Place::kScript);
  static constexpr std::uint64_t kOpBits = static_cast<std::uint64_t>(Place::kOp);
  static constexpr std::uint64_t kLostBits = static_cast<std::uint64_t>(Place::kLost);
  static constexpr unsigned kEntryShift = 2;
  static constexpr unsigned kTickShift = 34;
  static constexpr Tick kTickMask = (1u << 30) - 1;

  std::uint64_t NextEntry() {
    return (static_cast<std::uint64_t>(Now() & kTickMask) << kTickShift) |
           (static_cast<std::uint64_t>(++entries_) << kEntryShift) | kScriptBits;
  }
  bool Change(std::uint64_t word) {
    std::uint64_t expected = mine_;
    if (!word_.compare_exchange_strong(expected, word, std::memory_order_acq_rel)) return false;
    mine_ = word;
    return true;
  }
  [[noreturn]] void Abandon();

  static inline std::atomic<Tick> now_{1};

  std::atomic<std::uint64_t> word_{0};
  std::uint64_t mine_ = 0;  // What the thread wrote last.
  std::uint32_t entries_ = 0;
  std::function<void()> abandoned_;
  std::array<char, 160> last_words_{};  // Written before the thread gives itself up.
  std::atomic<bool> returned_{false};
  std::atomic<bool> parked_{false};
  std::atomic<bool> may_be_parked_{false};
  std::atomic<bool> may_be_parked_anywhere_{false};
  std::mutex mutex_;  // Held while a watcher uses what runs.
  std::atomic<Watched*> watched_{nullptr};
};

}  // namespace jsd

#endif  // JSD_CORE_EXECUTION_H_

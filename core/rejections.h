#ifndef JSD_CORE_REJECTIONS_H_
#define JSD_CORE_REJECTIONS_H_

#include <v8.h>

#include <vector>

namespace jsd {

// Promises that were rejected while nobody listened. They are told to JavaScript after the microtask checkpoint, when
// a handler can no longer come in the same turn (HTML, unhandled promise rejections).
//
// Owner: the runtime's state. Thread: the runtime's. Lifetime: within the isolate's, whose handles it holds.
class RejectionTracker {
 public:
  // For Isolate::SetPromiseRejectCallback.
  static void OnPromiseReject(v8::PromiseRejectMessage message);

  // Calls `unhandledRejection` and `rejectionHandled` for what has come together.
  void Notify(v8::Local<v8::Context> context);

  bool empty() const { return unhandled_.empty() && handled_late_.empty(); }
  void Clear() {
    unhandled_.clear();
    handled_late_.clear();
  }

 private:
  struct Rejection {
    v8::Global<v8::Promise> promise;
    v8::Global<v8::Value> reason;
  };
  std::vector<Rejection> unhandled_;
  std::vector<v8::Global<v8::Promise>> handled_late_;
};

}  // namespace jsd

#endif  // JSD_CORE_REJECTIONS_H_

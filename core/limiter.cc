#include "core/limiter.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/module_loader.h"
#include "core/runtime_state.h"
#include "core/source_maps.h"
#include "core/value.h"

namespace jsd {
namespace {

constexpr int kMostFrames = 10;

// What a script may use beyond its heap limit until it has ended: for the garbage that is collected only then. In
// steps, because V8 asks once for each.
constexpr std::size_t kHeadroomStep = 16 << 20;
constexpr std::size_t kLeastHeadroom = 64 << 20;

// In whole ticks and never too short: the entry may have begun at the very end of its first.
Execution::Tick TicksOf(std::chrono::milliseconds time) {
  if (time.count() == 0) return 0;
  return static_cast<Execution::Tick>((time + Execution::kTick - std::chrono::milliseconds(1)) / Execution::kTick + 1);
}

// With the positions of the author's files, where `maps` knows them.
std::string StackOf(v8::Isolate* isolate, SourceMaps* maps) {
  const v8::HandleScope handle_scope(isolate);
  const v8::Local<v8::Context> context = isolate->GetCurrentContext();
  const v8::Local<v8::StackTrace> trace = v8::StackTrace::CurrentStackTrace(isolate, kMostFrames);
  const auto text = [&](v8::Local<v8::String> string) {
    return string.IsEmpty() ? std::string() : DescribeValue(context, string);
  };
  std::string stack;
  for (int i = 0; i < trace->GetFrameCount(); ++i) {
    const v8::Local<v8::StackFrame> frame = trace->GetFrame(isolate, i);
    const std::string file = text(frame->GetScriptName());
    // The runtime's own functions say nothing to the script's author.
    if (file.starts_with("jsd:")) continue;
    const std::string function = text(frame->GetFunctionName());
    SourceMaps::Position position{file.empty() ? "<anonymous>" : file,
                                  static_cast<std::uint32_t>(frame->GetLineNumber()),
                                  static_cast<std::uint32_t>(frame->GetColumn()),
                                  {}};
    if (maps != nullptr) position = maps->Find(file, position.line, position.column).value_or(position);
    const std::string place =
        position.file + ':' + std::to_string(position.line) + ':' + std::to_string(position.column);
    stack += stack.empty() ? "at " : "\nat ";
    stack += function.empty() ? place : function + " (" + place + ")";
  }
  return stack;
}

}  // namespace

Limiter::Limiter(v8::Isolate* isolate, RuntimeState& state, const Limits& limits)
    : isolate_(isolate),
      state_(state),
      execution_(*state.execution),
      slice_(TicksOf(limits.slice)),
      cpu_(TicksOf(limits.cpu)),
      headroom_(std::max(kLeastHeadroom, limits.heap / 2)) {
  if (limits.heap == 0) return;
  isolate_->AddNearHeapLimitCallback(OnNearHeapLimit, this);
  isolate_->AutomaticallyRestoreInitialHeapLimit();
}

void Limiter::Prod() {
  if (prods_.fetch_add(1, std::memory_order_relaxed) == 0) isolate_->RequestInterrupt(OnInterrupt, this);
}

void Limiter::Force() {
  const Execution::Stamp before = execution_.stamp();
  if (!before.in_javascript() || forced_.exchange(true)) return;
  isolate_->TerminateExecution();
  // Meant for one entry: the next begins by taking it back.
  if (!execution_.stamp().SameEntry(before)) isolate_->CancelTerminateExecution();
}

void Limiter::Request() {
  const Execution::Stamp before = execution_.stamp();
  if (!before.in_javascript()) return;
  requested_.store(true, std::memory_order_relaxed);
  Prod();
  // Meant for what runs now, not for what comes after it.
  if (!execution_.stamp().SameEntry(before)) requested_.store(false, std::memory_order_relaxed);
}

void Limiter::OnInterrupt(v8::Isolate*, void* data) { static_cast<Limiter*>(data)->Look(); }

void Limiter::Look() {
  const std::uint32_t ticks = prods_.exchange(0, std::memory_order_relaxed);
  if (terminating_) return;
  // What runs now may be another entry than the one that was to be asked.
  const Execution::Stamp stamp = execution_.stamp();
  if (requested_.load(std::memory_order_relaxed)) {
    Terminate(Termination::Reason::kRequested);
  } else if (near_heap_limit_) {
    Terminate(Termination::Reason::kHeap);
  } else if (slice_ != 0 && (!stamp.in_javascript() || stamp.age() >= slice_)) {
    Terminate(Termination::Reason::kSlice);
  } else if (cpu_ != 0 && ChargeRequest(ticks)) {
    Terminate(Termination::Reason::kCpu);
  }
}

bool Limiter::ChargeRequest(std::uint32_t ticks) {
  const v8::HandleScope handle_scope(isolate_);
  return state_.events.Charge(state_.CurrentRequest(isolate_), ticks) > cpu_;
}

void Limiter::Terminate(Termination::Reason reason) {
  terminating_ = true;
  Running running = WhatRuns();
  termination_ = {.reason = reason,
                  .method = std::move(running.method),
                  .path = std::move(running.path),
                  .stack = std::move(running.stack)};
  isolate_->TerminateExecution();
}

Running Limiter::WhatRuns() {
  Running running;
  SourceMaps* maps = nullptr;
  // Also for the maps, which may have to be read: a thread that is lost is not to begin with that.
  const Execution::Op op(execution_);
  if (op) {
    const v8::HandleScope handle_scope(isolate_);
    if (const RequestEvent* const event = state_.events.Find(state_.CurrentRequest(isolate_))) {
      const RequestHead& head = event->head();
      running.method = head.method;
      running.path = head.target.substr(0, head.target.find('?'));
    }
    if (state_.modules != nullptr) maps = &state_.modules->source().source_maps();
  }
  running.stack = StackOf(isolate_, maps);
  return running;
}

void Limiter::Describe() {
  const Execution::Stamp stamp = execution_.stamp();
  if (!stamp.in_javascript()) return;
  described_.store(stamp.entry(), std::memory_order_relaxed);
  isolate_->RequestInterrupt(OnDescribe, this);
}

void Limiter::OnDescribe(v8::Isolate*, void* data) {
  auto& limiter = *static_cast<Limiter*>(data);
  // What was to be described may have ended before V8 came to it.
  if (limiter.described_.load(std::memory_order_relaxed) != limiter.execution_.stamp().entry()) return;
  const Running running = limiter.WhatRuns();
  if (const Execution::Op op(limiter.execution_); op) limiter.state_.host->Describes(running);
}

Termination Limiter::Conclude() {
  isolate_->CancelTerminateExecution();
  const bool requested = terminating_ && termination_.reason == Termination::Reason::kRequested;
  if (forced_.exchange(false) && !terminating_) termination_ = {.reason = Termination::Reason::kSlice};
  // Whatever ended the call, or if it came to its end first: the next one is not to pay for it.
  if (near_heap_limit_ && !requested) termination_.reason = Termination::Reason::kHeap;
  terminating_ = near_heap_limit_ = false;
  requested_.store(false, std::memory_order_relaxed);
  return std::exchange(termination_, {});
}

// V8 calls this in the middle of an allocation. The script's stack can be told only at its next check for interrupts;
// where it does not come to that before it wants more, it ends without one.
std::size_t Limiter::OnNearHeapLimit(void* data, std::size_t current, std::size_t initial) {
  auto& limiter = *static_cast<Limiter*>(data);
  limiter.exhausted_ = true;
  if (!std::exchange(limiter.near_heap_limit_, true)) {
    limiter.Prod();
  } else if (!limiter.terminating_) {
    limiter.terminating_ = true;
    limiter.termination_ = {.reason = Termination::Reason::kHeap};
    limiter.isolate_->TerminateExecution();
  }
  // V8 takes the headroom back when enough has been collected.
  const std::size_t granted = std::min(current - initial, limiter.headroom_);
  return current + std::min(kHeadroomStep, limiter.headroom_ - granted);
}

}  // namespace jsd

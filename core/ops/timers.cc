#include "core/ops/timers.h"

#include <algorithm>
#include <chrono>

#include "core/check.h"
#include "core/runtime_state.h"

namespace jsd {
namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;
using Milliseconds = std::chrono::duration<double, std::milli>;

// Longer than any runtime lives, and far from the end of the clock's range.
constexpr double kLongestDelay = 1e12;

void TimerAdd(const Info& info) {
  JSD_CHECK(info.Length() == 2 && info[0]->IsUint32() && info[1]->IsNumber());
  const Milliseconds delay(std::clamp(info[1].As<v8::Number>()->Value(), 0.0, kLongestDelay));
  RuntimeState::From(info.GetIsolate())
      .timers.Add(info[0].As<v8::Uint32>()->Value(),
                  TimerQueue::Clock::now() + std::chrono::duration_cast<TimerQueue::Clock::duration>(delay),
                  RuntimeState::CurrentRequest(info.GetIsolate()));
}

void TimerCancel(const Info& info) {
  JSD_CHECK(info.Length() == 1 && info[0]->IsUint32());
  RuntimeState::From(info.GetIsolate()).timers.Cancel(info[0].As<v8::Uint32>()->Value());
}

void EnqueueMicrotask(const Info& info) {
  JSD_CHECK(info.Length() == 1 && info[0]->IsFunction());
  info.GetIsolate()->EnqueueMicrotask(info[0].As<v8::Function>());
}

void Now(const Info& info) {
  const auto& state = RuntimeState::From(info.GetIsolate());
  info.GetReturnValue().Set(Milliseconds(std::chrono::steady_clock::now() - state.time_origin).count());
}

void TimeOrigin(const Info& info) {
  const auto& state = RuntimeState::From(info.GetIsolate());
  info.GetReturnValue().Set(Milliseconds(state.wall_time_origin.time_since_epoch()).count());
}

constexpr Binding kBindings[] = {
    {"timerAdd", TimerAdd}, {"timerCancel", TimerCancel}, {"enqueueMicrotask", EnqueueMicrotask},
    {"now", Now},           {"timeOrigin", TimeOrigin},
};

}  // namespace

std::span<const Binding> TimerBindings() { return kBindings; }

}  // namespace jsd

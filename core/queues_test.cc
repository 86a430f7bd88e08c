// Tests of what a runtime's state is made of, none of which needs an isolate.

#include <gtest/gtest.h>

#include "core/array_buffer_allocator.h"
#include "core/event_table.h"
#include "core/op_queue.h"
#include "core/platform.h"
#include "core/testing.h"
#include "core/timer_queue.h"

namespace jsd {
namespace {

using std::chrono::milliseconds;
using testing_support::TestEvent;

// The id of the next timer that is due.
std::optional<TimerQueue::Id> TakeDue(TimerQueue& queue, TimerQueue::Clock::time_point now) {
  const auto timer = queue.TakeDue(now);
  return timer ? std::optional(timer->id) : std::nullopt;
}

TEST(EventTable, FindsWhatItHoldsAndNothingElse) {
  EventTable table;
  TestEvent first, second;
  const std::uint32_t a = table.Add(first), b = table.Add(second);
  EXPECT_EQ(table.Find(a), &first);
  EXPECT_EQ(table.Find(b), &second);
  table.Remove(a);
  EXPECT_EQ(table.Find(a), nullptr);
  EXPECT_EQ(table.size(), 1u);
  const std::uint32_t again = table.Add(first);
  EXPECT_NE(again, a);
  EXPECT_EQ(table.Find(a), nullptr);
  EXPECT_EQ(table.Find(again), &first);
}

TEST(EventTable, MatchesNoHandleThatItNeverGave) {
  EventTable table;
  EXPECT_EQ(table.Find(0), nullptr);
  TestEvent event;
  const std::uint32_t handle = table.Add(event);
  table.Remove(handle);
  EXPECT_EQ(table.Find(0), nullptr);
  EXPECT_EQ(table.Find(0xFFFFFFFF), nullptr);
}

TEST(EventTable, KeepsHandlesSmall) {
  EventTable table;
  TestEvent event;
  for (int i = 0; i < 100000; ++i) {
    const std::uint32_t handle = table.Add(event);
    ASSERT_LT(handle, 1u << 30);
    ASSERT_NE(handle >> 18, 0u);
    table.Remove(handle);
  }
}

TEST(TimerQueue, GivesTimersByTimeThenByOrder) {
  TimerQueue queue;
  const auto start = TimerQueue::Clock::now();
  queue.Add(1, start + milliseconds(20));
  queue.Add(2, start + milliseconds(10));
  queue.Add(3, start + milliseconds(10));
  EXPECT_EQ(queue.next_due(), start + milliseconds(10));
  EXPECT_EQ(TakeDue(queue, start), std::nullopt);
  EXPECT_EQ(TakeDue(queue, start + milliseconds(15)), 2u);
  EXPECT_EQ(TakeDue(queue, start + milliseconds(15)), 3u);
  EXPECT_EQ(TakeDue(queue, start + milliseconds(15)), std::nullopt);
  EXPECT_EQ(TakeDue(queue, start + milliseconds(20)), 1u);
  EXPECT_EQ(queue.next_due(), std::nullopt);
}

TEST(TimerQueue, ForgetsCancelledTimers) {
  TimerQueue queue;
  const auto start = TimerQueue::Clock::now();
  queue.Add(1, start);
  queue.Add(2, start + milliseconds(1));
  queue.Cancel(1);
  queue.Cancel(7);
  EXPECT_EQ(queue.size(), 1u);
  EXPECT_EQ(queue.next_due(), start + milliseconds(1));
  EXPECT_EQ(TakeDue(queue, start + milliseconds(1)), 2u);
}

TEST(TimerQueue, ReplacesATimerOfTheSameId) {
  TimerQueue queue;
  const auto start = TimerQueue::Clock::now();
  queue.Add(1, start);
  queue.Add(1, start + milliseconds(5));
  EXPECT_EQ(TakeDue(queue, start), std::nullopt);
  EXPECT_EQ(TakeDue(queue, start + milliseconds(5)), 1u);
  EXPECT_EQ(queue.size(), 0u);
}

TEST(TimerQueue, StaysSmallWhenTimersAreMadeAndCancelled) {
  TimerQueue queue;
  const auto far = TimerQueue::Clock::now() + std::chrono::hours(1);
  for (TimerQueue::Id id = 0; id < 200000; ++id) {
    queue.Add(id, far);
    queue.Cancel(id);
    ASSERT_LE(queue.heap_size(), 65u);
  }
}

TEST(ArrayBufferAllocator, CountsAndRefuses) {
  ArrayBufferAllocator allocator(100);
  void* first = allocator.Allocate(60);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(allocator.used(), 60u);
  EXPECT_EQ(allocator.Allocate(41), nullptr);
  EXPECT_EQ(allocator.AllocateUninitialized(SIZE_MAX), nullptr);
  EXPECT_EQ(allocator.used(), 60u);
  void* second = allocator.AllocateUninitialized(40);
  ASSERT_NE(second, nullptr);
  allocator.Free(first, 60);
  allocator.Free(second, 40);
  EXPECT_EQ(allocator.used(), 0u);
}

TEST(ArrayBufferAllocator, KeepsLargeBlocksForAWhile) {
  constexpr std::size_t kSize = 1000 * 1000;
  ArrayBufferAllocator allocator(8 << 20);
  void* const first = allocator.AllocateUninitialized(kSize);
  allocator.Free(first, kSize);
  EXPECT_EQ(allocator.used(), 0u);
  EXPECT_GE(allocator.kept(), kSize);
  // About the same size will do; what is to be zero takes fresh memory.
  void* const zeros = allocator.Allocate(kSize);
  EXPECT_NE(zeros, first);
  void* const again = allocator.AllocateUninitialized(kSize + 10'000);
  EXPECT_EQ(again, first);
  EXPECT_EQ(allocator.kept(), 0u);
  allocator.Free(again, kSize + 10'000);
  allocator.Free(zeros, kSize);
  // One of the two is used meanwhile, so the other is given back.
  allocator.Trim();
  allocator.Free(allocator.AllocateUninitialized(kSize), kSize);
  const std::size_t both = allocator.kept();
  allocator.Trim();
  EXPECT_EQ(allocator.kept(), both / 2);
  allocator.Trim();
  EXPECT_EQ(allocator.kept(), 0u);
}

TEST(ArrayBufferAllocator, KeepsNoMoreThanHalfOfItsLimit) {
  constexpr std::size_t kLimit = 8 << 20;
  ArrayBufferAllocator allocator(kLimit);
  for (std::size_t size : {64u << 10, 100u << 10, 128u << 10, 1u << 20, 1u << 20, 2u << 20, 3u << 20}) {
    void* const block = allocator.AllocateUninitialized(size);
    void* const other = allocator.AllocateUninitialized(size);
    allocator.Free(block, size);
    allocator.Free(other, size);
  }
  EXPECT_LE(allocator.kept(), kLimit / 2);
  EXPECT_GT(allocator.kept(), 0u);
}

TEST(OpQueue, WakesOnceForAllThatFinished) {
  OpQueue queue;
  int woken = 0;
  queue.set_wake_up([&] { ++woken; });
  const auto port = queue.Start();
  queue.Start();
  EXPECT_EQ(queue.pending(), 2u);
  const auto nothing = [](v8::Local<v8::Context>) { return v8::MaybeLocal<v8::Value>(); };
  port->Finish(1, nothing);
  port->Finish(2, nothing);
  EXPECT_EQ(woken, 1);
  const auto finished = queue.Take();
  ASSERT_EQ(finished.size(), 2u);
  EXPECT_EQ(finished[0].id, 1u);
  EXPECT_EQ(finished[1].id, 2u);
  EXPECT_EQ(queue.pending(), 0u);
}

TEST(OpQueue, LetsAnOpOutliveItsRuntime) {
  std::shared_ptr<OpQueue::Port> port;
  {
    OpQueue queue;
    queue.set_wake_up([] { FAIL(); });
    port = queue.Start();
  }
  port->Finish(1, [](v8::Local<v8::Context>) { return v8::MaybeLocal<v8::Value>(); });
}

TEST(ForegroundTasks, RunWhenTheyAreDueAndNotAfterTheEnd) {
  struct Count final : v8::Task {
    explicit Count(int* count) : count(count) {}
    void Run() override { ++*count; }
    int* count;
  };
  ForegroundTasks tasks;
  int count = 0, woken = 0;
  tasks.set_wake_up([&] { ++woken; });
  tasks.PostTask(std::make_unique<Count>(&count));
  tasks.PostDelayedTask(std::make_unique<Count>(&count), 3600);
  EXPECT_EQ(woken, 2);
  EXPECT_TRUE(tasks.RunDue());
  EXPECT_FALSE(tasks.RunDue());
  EXPECT_EQ(count, 1);
  EXPECT_TRUE(tasks.next_due());
  tasks.Close();
  EXPECT_FALSE(tasks.next_due());
  tasks.PostTask(std::make_unique<Count>(&count));
  EXPECT_FALSE(tasks.RunDue());
  EXPECT_EQ(count, 1);
}

}  // namespace
}  // namespace jsd

#include "core/broadcast.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "core/js_runtime.h"
#include "core/testing.h"

namespace jsd {
namespace {

using testing_support::ScriptFolder;
using testing_support::TestHost;

struct Inbox {
  std::size_t woken = 0;
  std::shared_ptr<BroadcastInbox> inbox = std::make_shared<BroadcastInbox>([this] { ++woken; });

  std::vector<std::uint32_t> Take(std::size_t* dropped = nullptr) {
    std::size_t lost;
    std::vector<std::uint32_t> channels;
    for (const auto& delivery : inbox->Take(lost)) channels.push_back(delivery.channel);
    if (dropped != nullptr) *dropped = lost;
    return channels;
  }
};

TEST(BroadcastGroup, DeliversToAllOfTheNameButTheSender) {
  BroadcastGroup group;
  Inbox one, two;
  group.Join("a", one.inbox, 1);
  group.Join("a", two.inbox, 1);
  group.Join("a", one.inbox, 2);
  group.Join("b", two.inbox, 2);
  group.Post("a", *one.inbox, 1, nullptr, 10);
  group.Post("a", *two.inbox, 1, nullptr, 10);
  EXPECT_EQ(one.Take(), (std::vector<std::uint32_t>{2, 1, 2}));
  EXPECT_EQ(two.Take(), (std::vector<std::uint32_t>{1}));
  EXPECT_EQ(one.woken, 1u);
  group.Leave("a", *one.inbox, 2);
  group.Post("a", *two.inbox, 1, nullptr, 10);
  EXPECT_EQ(one.Take(), (std::vector<std::uint32_t>{1}));
  EXPECT_EQ(group.size(), 3u);
}

TEST(BroadcastInbox, DropsWhatItHasNoRoomFor) {
  Inbox one;
  constexpr std::size_t kMost = BroadcastInbox::kMostBytes;
  one.inbox->Push(1, nullptr, kMost * 2);
  one.inbox->Push(2, nullptr, 1);
  std::size_t dropped;
  EXPECT_EQ(one.Take(&dropped), (std::vector<std::uint32_t>{1}));
  EXPECT_EQ(dropped, 1u);
  one.inbox->Push(3, nullptr, kMost - 1);
  one.inbox->Push(4, nullptr, 1);
  one.inbox->Push(5, nullptr, 1);
  EXPECT_EQ(one.Take(&dropped), (std::vector<std::uint32_t>{3, 4}));
  EXPECT_EQ(dropped, 1u);
  EXPECT_TRUE(one.Take(&dropped).empty());
  EXPECT_EQ(dropped, 0u);
  one.inbox->Close();
  one.inbox->Push(6, nullptr, 1);
  EXPECT_TRUE(one.Take().empty());
}

// A runtime with a script, of a group.
struct Node {
  explicit Node(ScriptFolder& folder, const std::shared_ptr<BroadcastGroup>& group, std::string_view script) {
    runtime = JsRuntime::Create({.host = &host, .broadcasts = group, .env = {}, .modules = {.root = folder.path()}});
    runtime->LoadModule(folder.Write("script.mjs", script),
                        [](std::optional<ScriptError> error) { EXPECT_FALSE(error) << error->report; });
  }
  TestHost host;
  std::unique_ptr<JsRuntime> runtime;
};

TEST(BroadcastChannel, LeavesWithItsRuntime) {
  ScriptFolder folder;
  const auto group = std::make_shared<BroadcastGroup>();
  Node one(folder, group, "globalThis.channel = new BroadcastChannel('a'); channel.onmessage = () => {};");
  {
    Node two(folder, group, "for (let i = 0; i < 3; i++) new BroadcastChannel('a').postMessage(i);");
    EXPECT_EQ(group->size(), 4u);
  }
  EXPECT_EQ(group->size(), 1u);
}

TEST(BroadcastChannel, IsCollectedUnlessSomebodyListens) {
  ScriptFolder folder;
  const auto group = std::make_shared<BroadcastGroup>();
  Node one(folder, group,
           "(() => { for (let i = 0; i < 100; i++) new BroadcastChannel('a'); })();"
           "(() => { new BroadcastChannel('a').onmessage = ({ data }) => console.log(data); })();"
           "(() => { const c = new BroadcastChannel('a'); c.onmessage = () => {}; c.onmessage = null; })();"
           "jsd.listen('fill', () => { globalThis.list = []; "
           "for (let i = 0; i < 2e5; i++) list.push({ i }); list = []; });");
  EXPECT_EQ(group->size(), 102u);
  for (int i = 0; i < 200 && group->size() > 1; ++i) {
    one.runtime->Invoke("fill", "null");
    one.host.Run(*one.runtime);
  }
  EXPECT_EQ(group->size(), 1u);
  Node two(folder, group, "new BroadcastChannel('a').postMessage('still there');");
  one.host.Run(*one.runtime);
  EXPECT_EQ(one.host.console, (std::vector<std::string>{"still there"}));
}

TEST(BroadcastChannel, SaysThatMessagesWereDropped) {
  ScriptFolder folder;
  const auto group = std::make_shared<BroadcastGroup>();
  Node one(folder, group, "new BroadcastChannel('a').onmessage = ({ data }) => console.log(data.length);");
  Node two(folder, group,
           "const channel = new BroadcastChannel('a');"
           "for (let i = 0; i < 5; i++) channel.postMessage('x'.repeat(20e6));");
  one.host.Run(*one.runtime);
  EXPECT_EQ(one.host.console, (std::vector<std::string>{"20000000", "20000000", "20000000",
                                                        "BroadcastChannel: 2 messages were dropped, because the "
                                                        "script was too busy to read them"}));
}

}  // namespace
}  // namespace jsd

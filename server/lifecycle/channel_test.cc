#include "server/lifecycle/channel.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

namespace jsd {
namespace {

class ChannelTest : public testing::Test {
 protected:
  ChannelTest() {
    UniqueFd one;
    UniqueFd other;
    EXPECT_TRUE(Channel::MakePair(&one, &other));
    here_ = std::make_unique<Channel>(std::move(one));
    there_ = std::make_unique<Channel>(std::move(other));
  }

  boost::asio::io_context io_;  // Longer than what is watched there.
  std::unique_ptr<Channel> here_;
  std::unique_ptr<Channel> there_;
};

TEST_F(ChannelTest, KeepsMessagesApart) {
  EXPECT_TRUE(here_->Send("ready"));
  EXPECT_TRUE(here_->Send("failed", "a text\nof two lines"));
  Message message;
  ASSERT_TRUE(there_->Receive(&message));
  EXPECT_EQ(message.word, "ready");
  EXPECT_EQ(message.text, "");
  EXPECT_FALSE(message.descriptor.valid());
  ASSERT_TRUE(there_->Receive(&message));
  EXPECT_EQ(message.word, "failed");
  EXPECT_EQ(message.text, "a text\nof two lines");
}

TEST_F(ChannelTest, PassesDescriptors) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd reading(ends[0]);
  UniqueFd writing(ends[1]);
  EXPECT_TRUE(here_->Send("socket", "127.0.0.1:0", writing.get()));
  writing.Reset();
  Message message;
  ASSERT_TRUE(there_->Receive(&message));
  ASSERT_TRUE(message.descriptor.valid());
  EXPECT_EQ(::fcntl(message.descriptor.get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  EXPECT_EQ(::write(message.descriptor.get(), "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(::read(reading.get(), &byte, 1), 1);
}

TEST_F(ChannelTest, CutsWhatIsTooLong) {
  EXPECT_TRUE(here_->Send("failed", std::string(1 << 20, 'x')));
  Message message;
  ASSERT_TRUE(there_->Receive(&message));
  EXPECT_GT(message.text.size(), 30'000u);
  EXPECT_EQ(message.text.find_first_not_of('x'), std::string::npos);
}

TEST_F(ChannelTest, TellsThatTheOtherEndIsGone) {
  EXPECT_TRUE(here_->Send("ready"));
  here_.reset();
  Message message;
  EXPECT_TRUE(there_->Receive(&message));
  EXPECT_FALSE(there_->Receive(&message));
  EXPECT_FALSE(there_->Send("keep"));
}

TEST_F(ChannelTest, DoesNotWaitForOneThatDoesNotRead) {
  int sent = 0;
  while (sent < 10'000 && here_->Send("notify", "WATCHDOG=1\n")) ++sent;
  EXPECT_LT(sent, 10'000);
  Message message;
  for (int i = 0; i < sent; ++i) ASSERT_TRUE(there_->Receive(&message));
}

TEST_F(ChannelTest, CallsForEachMessageAndForTheEnd) {
  std::vector<std::string> words;
  bool closed = false;
  there_->Watch(
      io_, [&](const Message& message) { words.push_back(message.word); }, [&] { closed = true; });
  here_->Send("a");
  here_->Send("b");
  io_.poll();
  EXPECT_EQ(words, (std::vector<std::string>{"a", "b"}));
  EXPECT_FALSE(closed);
  here_->Send("c");
  here_.reset();
  io_.restart();
  io_.poll();
  EXPECT_EQ(words, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(closed);
}

TEST_F(ChannelTest, MayBeDestroyedByWhatItCalls) {
  int calls = 0;
  there_->Watch(
      io_,
      [&](const Message&) {
        ++calls;
        there_.reset();
      },
      [] { FAIL(); });
  here_->Send("a");
  here_->Send("b");
  io_.poll();
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace jsd

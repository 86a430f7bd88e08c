#include "core/compression.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace jsd {
namespace {

using State = Codec::State;

struct Result {
  std::string output;
  State state = State::kNeedsInput;
  std::size_t rest = 0;  // Bytes of the input that lie behind the end.
};

// Runs all of `input`, `piece` bytes at a time, with `space` bytes of room.
Result RunAll(Codec& codec, std::string_view input, std::size_t piece, std::size_t space) {
  Result result;
  std::string room(space, '\0');
  std::size_t at = 0, end = 0;
  for (;;) {
    if (result.state == State::kNeedsInput) end = std::min(input.size(), at + piece);
    const bool last = end == input.size();
    const Codec::Step step = codec.Run(input.substr(at, end - at), last, room);
    at += step.consumed;
    result.output.append(room, 0, step.produced);
    result.state = step.state;
    result.rest = input.size() - at;
    if (step.state == State::kEnded || step.state == State::kBroken) return result;
    if (step.state == State::kNeedsInput && last) return result;
  }
}

std::string Sample() {
  std::string sample;
  for (int i = 0; i < 20000; ++i) sample += std::to_string(i * 7919 % 1000) + ",";
  return sample;
}

class CompressionTest : public testing::TestWithParam<CompressionFormat> {};

TEST_P(CompressionTest, RoundTripInPiecesOfAnySize) {
  const std::string sample = Sample();
  for (const auto& [piece, space] : std::initializer_list<std::pair<std::size_t, std::size_t>>{
           {1 << 20, 1 << 20}, {1000, 64}, {7, 100000}, {1 << 20, 1}}) {
    const auto encoder = MakeEncoder(GetParam());
    const Result packed = RunAll(*encoder, sample, piece, space);
    ASSERT_EQ(packed.state, State::kEnded);
    EXPECT_LT(packed.output.size(), sample.size());
    const auto decoder = MakeDecoder(GetParam());
    const Result unpacked = RunAll(*decoder, packed.output, piece, space);
    EXPECT_EQ(unpacked.state, State::kEnded);
    EXPECT_EQ(unpacked.output, sample);
    EXPECT_EQ(unpacked.rest, 0u);
  }
}

TEST_P(CompressionTest, TheEmptyText) {
  const Result packed = RunAll(*MakeEncoder(GetParam()), "", 1, 100);
  ASSERT_EQ(packed.state, State::kEnded);
  ASSERT_FALSE(packed.output.empty());
  const Result unpacked = RunAll(*MakeDecoder(GetParam()), packed.output, 1, 100);
  EXPECT_EQ(unpacked.state, State::kEnded);
  EXPECT_EQ(unpacked.output, "");
}

TEST_P(CompressionTest, DataThatIsCutShortWantsMore) {
  const std::string packed = RunAll(*MakeEncoder(GetParam()), Sample(), 1 << 20, 4096).output;
  for (const std::size_t size : {std::size_t{1}, packed.size() / 2, packed.size() - 1}) {
    const Result result = RunAll(*MakeDecoder(GetParam()), std::string_view(packed).substr(0, size), 1 << 20, 4096);
    EXPECT_EQ(result.state, State::kNeedsInput) << size;
  }
}

TEST_P(CompressionTest, WhatLiesBehindTheEndIsNotTaken) {
  const std::string packed = RunAll(*MakeEncoder(GetParam()), "text", 1 << 20, 4096).output;
  const Result result = RunAll(*MakeDecoder(GetParam()), packed + "more", 1 << 20, 4096);
  EXPECT_EQ(result.state, State::kEnded);
  EXPECT_EQ(result.output, "text");
  EXPECT_EQ(result.rest, 4u);
}

TEST_P(CompressionTest, OtherDataIsBroken) {
  const Result result = RunAll(*MakeDecoder(GetParam()), std::string(100, '\xff'), 1 << 20, 4096);
  EXPECT_EQ(result.state, State::kBroken);
}

INSTANTIATE_TEST_SUITE_P(Formats, CompressionTest,
                         testing::Values(CompressionFormat::kGzip, CompressionFormat::kDeflate,
                                         CompressionFormat::kDeflateRaw, CompressionFormat::kBrotli));

TEST(CompressionBomb, ComesOutInPiecesThatFitTheRoom) {
  const std::string packed =
      RunAll(*MakeEncoder(CompressionFormat::kGzip), std::string(10 << 20, '\0'), 1 << 20, 1 << 16).output;
  ASSERT_LT(packed.size(), 20000u);
  const auto decoder = MakeDecoder(CompressionFormat::kGzip);
  std::array<char, 1000> room;
  const Codec::Step step = decoder->Run(packed, false, room);
  EXPECT_EQ(step.produced, room.size());
  EXPECT_EQ(step.state, State::kNeedsRoom);
  EXPECT_LT(step.consumed, packed.size());
}

}  // namespace
}  // namespace jsd

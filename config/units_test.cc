#include "config/units.h"

#include <gtest/gtest.h>

namespace jsd {
namespace {

using std::chrono::milliseconds;

TEST(UnitsTest, EverySizeUnitIsRead) {
  EXPECT_EQ(ParseSize("0B").value, 0u);
  EXPECT_EQ(ParseSize("512B").value, 512u);
  EXPECT_EQ(ParseSize("64KiB").value, 65536u);
  EXPECT_EQ(ParseSize("64MiB").value, 67108864u);
  EXPECT_EQ(ParseSize("1GiB").value, 1073741824u);
}

TEST(UnitsTest, EveryDurationUnitIsRead) {
  EXPECT_EQ(ParseDuration("0s").value, milliseconds(0));
  EXPECT_EQ(ParseDuration("250ms").value, milliseconds(250));
  EXPECT_EQ(ParseDuration("30s").value, milliseconds(30'000));
  EXPECT_EQ(ParseDuration("5m").value, milliseconds(300'000));
  EXPECT_EQ(ParseDuration("2h").value, milliseconds(7'200'000));
}

TEST(UnitsTest, WhatIsNoSizeSaysWhy) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "it does not start with a number"},
      {"MiB", "it does not start with a number"},
      {" 1B", "it does not start with a number"},
      {"+1B", "it does not start with a number"},
      {"-1MiB", "it is negative"},
      {"64", "it has no unit: use B, KiB, MiB, GiB or TiB"},
      {"1.5MiB", "it is not a whole number"},
      {"64MB", "unknown unit \"MB\": use B, KiB, MiB, GiB or TiB"},
      {"64 MiB", "unknown unit \" MiB\": use B, KiB, MiB, GiB or TiB"},
      {"64mib", "unknown unit \"mib\": use B, KiB, MiB, GiB or TiB"},
      {"64MiB ", "unknown unit \"MiB \": use B, KiB, MiB, GiB or TiB"},
      {"17179869184GiB", "it is too large"},
      {"18446744073709551616B", "it is too large"},
  };
  for (const auto& [text, error] : cases) {
    const auto parsed = ParseSize(text);
    EXPECT_FALSE(parsed.value) << text;
    EXPECT_EQ(parsed.error, error) << text;
  }
}

TEST(UnitsTest, WhatIsNoDurationSaysWhy) {
  const std::pair<const char*, const char*> cases[] = {
      {"s", "it does not start with a number"},        {"-5s", "it is negative"},
      {"30", "it has no unit: use ms, s, m or h"},     {"0.5s", "it is not a whole number"},
      {"1d", "unknown unit \"d\": use ms, s, m or h"}, {"1h30m", "unknown unit \"h30m\": use ms, s, m or h"},
      {"9223372036854775808ms", "it is too large"},    {"9223372036854775807h", "it is too large"},
  };
  for (const auto& [text, error] : cases) {
    const auto parsed = ParseDuration(text);
    EXPECT_FALSE(parsed.value) << text;
    EXPECT_EQ(parsed.error, error) << text;
  }
}

TEST(UnitsTest, TheLargestValuesAreRead) {
  EXPECT_EQ(ParseSize("18446744073709551615B").value, 18446744073709551615u);
  EXPECT_EQ(ParseDuration("9223372036854775807ms").value, milliseconds::max());
}

TEST(UnitsTest, FormattedValuesAreShortAndReadBack) {
  EXPECT_EQ(FormatSize(0), "0B");
  EXPECT_EQ(FormatSize(1000), "1000B");
  EXPECT_EQ(FormatSize(1024), "1KiB");
  EXPECT_EQ(FormatSize(1536u << 10), "1536KiB");
  EXPECT_EQ(FormatSize(std::uint64_t{64} << 30), "64GiB");
  EXPECT_EQ(FormatDuration(milliseconds(0)), "0ms");
  EXPECT_EQ(FormatDuration(milliseconds(1500)), "1500ms");
  EXPECT_EQ(FormatDuration(milliseconds(90'000)), "90s");
  EXPECT_EQ(FormatDuration(milliseconds(86'400'000)), "24h");
}

}  // namespace
}  // namespace jsd

#include "config/reference.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "config/schema.h"

namespace jsd {
namespace {

TEST(ReferenceTest, TheCommittedFileIsTheOneThatTheTableMakes) {
  std::ifstream stream("docs/configuration.md");
  std::ostringstream committed;
  committed << stream.rdbuf();
  EXPECT_EQ(committed.str(), ReferenceMarkdown()) << "Renew it: jsd --config-reference > docs/configuration.md";
}

TEST(ReferenceTest, EverySettingIsThereWithWhatItMayBe) {
  const std::string reference = ReferenceMarkdown();
  for (const Setting& setting : Settings()) {
    const std::size_t at = reference.find("### `" + setting.key() + "`");
    ASSERT_NE(at, std::string::npos) << setting.key();
    EXPECT_NE(reference.find(Describe(setting.kind), at), std::string::npos) << setting.key();
    EXPECT_NE(reference.find(setting.default_value, at), std::string::npos) << setting.key();
    EXPECT_NE(reference.find(setting.about, at), std::string::npos) << setting.key();
  }
}

}  // namespace
}  // namespace jsd

#include "server/file_watcher.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <boost/asio/io_context.hpp>
#include <fstream>
#include <string>

namespace jsd {
namespace {

namespace fs = std::filesystem;

class FileWatcherTest : public testing::Test {
 protected:
  FileWatcherTest() {
    std::string name = (fs::temp_directory_path() / "jsd-watch-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    fs::create_directories(folder_ / "root/src/deep");
    fs::create_directories(folder_ / "root/node_modules/p");
    fs::create_directories(folder_ / "root/.git");
    std::string error;
    EXPECT_TRUE(watcher_.Open(&error)) << error;
    EXPECT_TRUE(watcher_.WatchTree(folder_ / "root"));
  }
  ~FileWatcherTest() override { fs::remove_all(folder_); }

  void Write(const std::string& name) { std::ofstream(folder_ / name) << "text"; }

  // Whether somebody is told of what `change` does. What is not told is waited for by changing something that is.
  template <typename Change>
  bool Tells(Change change) {
    told_ = 0;
    change();
    io_.restart();
    io_.run_for(FileWatcher::kQuiet * 3);
    const bool told = told_ > 0;
    told_ = 0;
    Write("root/sentinel.js");
    io_.restart();
    while (told_ == 0) io_.run_one();
    return told;
  }

  boost::asio::io_context io_;
  int told_ = 0;
  FileWatcher watcher_{io_, [this] { ++told_; }};
  fs::path folder_;
};

TEST_F(FileWatcherTest, TellsOfScripts) {
  EXPECT_TRUE(Tells([&] { Write("root/new.mjs"); }));
  EXPECT_TRUE(Tells([&] { Write("root/src/deep/a.ts"); }));
  // As many editors save.
  EXPECT_TRUE(Tells([&] {
    Write("root/.a.ts.swp");
    fs::rename(folder_ / "root/.a.ts.swp", folder_ / "root/src/a.ts");
  }));
}

TEST_F(FileWatcherTest, DoesNotTellOfOtherFiles) {
  EXPECT_FALSE(Tells([&] {
    Write("root/server.log");
    Write("root/node_modules/p/index.js");
    Write("root/.git/index.js");
    Write("beside.js");
    fs::create_directory(folder_ / "root/.cache");
  }));
}

TEST_F(FileWatcherTest, FollowsNewFolders) {
  EXPECT_TRUE(Tells([&] {
    fs::create_directories(folder_ / "root/new/folders");
    Write("root/new/folders/a.js");
  }));
  EXPECT_TRUE(Tells([&] { Write("root/new/folders/b.js"); }));
  fs::remove_all(folder_ / "root/new");
  EXPECT_TRUE(Tells([&] { fs::create_directories(folder_ / "root/new/folders"); }));
  EXPECT_TRUE(Tells([&] { Write("root/new/folders/a.js"); }));
}

TEST_F(FileWatcherTest, WatchesSingleFiles) {
  EXPECT_TRUE(watcher_.WatchFile(folder_ / "server.toml"));
  EXPECT_TRUE(Tells([&] { Write("server.toml"); }));
  EXPECT_FALSE(Tells([&] { Write("other.toml"); }));
}

TEST_F(FileWatcherTest, TellsOnceOfManyChanges) {
  for (int i = 0; i < 50; ++i) Write("root/" + std::to_string(i) + ".js");
  io_.run_for(FileWatcher::kQuiet * 5);
  EXPECT_EQ(told_, 1);
}

}  // namespace
}  // namespace jsd

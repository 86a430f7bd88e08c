#include "core/permissions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace jsd {
namespace {

namespace fs = std::filesystem;

Permissions Net(std::vector<std::string> rules, bool private_network = false) {
  PermissionsConfig config;
  config.net = std::move(rules);
  config.private_network = private_network;
  return Permissions(config);
}

bool Reaches(const Permissions& permissions, std::string_view host, std::string_view address, unsigned port = 443) {
  AddressBytes bytes{};
  EXPECT_TRUE(ParseAddress(address, &bytes)) << address;
  return permissions.AllowsNet(host, port) && permissions.AllowsAddress(host, port, bytes);
}

TEST(PermissionsTest, NothingIsAllowedByDefault) {
  const Permissions none;
  EXPECT_FALSE(none.AllowsNet("example.org", 443));
  EXPECT_FALSE(none.AllowsNet("127.0.0.1", 80));
  EXPECT_FALSE(none.AllowsRead("/etc/hostname"));
  EXPECT_FALSE(none.AllowsWrite("/tmp/x"));
}

TEST(PermissionsTest, NamesAndPorts) {
  const Permissions some = Net({"api.example.org:443", "*.example.net"});
  EXPECT_TRUE(some.AllowsNet("API.example.org", 443));
  EXPECT_TRUE(some.AllowsNet("api.example.org.", 443));
  EXPECT_FALSE(some.AllowsNet("api.example.org", 80));
  EXPECT_FALSE(some.AllowsNet("example.org", 443));
  EXPECT_TRUE(some.AllowsNet("a.b.example.net", 80));
  EXPECT_FALSE(some.AllowsNet("example.net", 80));
  EXPECT_FALSE(some.AllowsNet("evilexample.net", 80));
  EXPECT_FALSE(some.AllowsNet("93.184.216.34", 443));
}

TEST(PermissionsTest, NamesDoNotLeadToPrivateAddresses) {
  const Permissions all = Net({"*"});
  EXPECT_TRUE(Reaches(all, "example.org", "93.184.216.34"));
  EXPECT_TRUE(Reaches(all, "example.org", "2606:2800:220:1::1"));
  for (const char* address : {"127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
                              "0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fd00::1", "ff02::1",
                              "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::a00:1", "2002:a00:1::"}) {
    EXPECT_FALSE(Reaches(all, "example.org", address)) << address;
    EXPECT_FALSE(all.AllowsNet(address, 443)) << address;
  }
  EXPECT_TRUE(Reaches(Net({"db.internal"}, true), "db.internal", "10.0.0.5"));
  EXPECT_FALSE(Net({"*"}, true).AllowsNet("10.0.0.5", 80));
}

TEST(PermissionsTest, AddressesThatAreListedAreAllowed) {
  const Permissions some = Net({"10.0.0.0/8:5432", "localhost:80", "[fd00::1]", "db.internal:5432"});
  EXPECT_TRUE(Reaches(some, "10.9.9.9", "10.9.9.9", 5432));
  EXPECT_FALSE(some.AllowsNet("10.9.9.9", 80));
  EXPECT_TRUE(Reaches(some, "localhost", "127.0.0.1", 80));
  EXPECT_TRUE(Reaches(some, "localhost", "::1", 80));
  EXPECT_TRUE(some.AllowsNet("[fd00::1]", 1));
  EXPECT_TRUE(some.AllowsNet("fd00::1", 1));
  EXPECT_TRUE(Reaches(some, "db.internal", "10.0.0.5", 5432));
  EXPECT_FALSE(Reaches(some, "db.internal", "192.168.0.5", 5432));
}

TEST(PermissionsTest, RefusalsNameTheLine) {
  EXPECT_THAT(Permissions::NetRefusal("example.org", 443), testing::HasSubstr("net = [\"example.org:443\"]"));
  EXPECT_THAT(Permissions::NetRefusal("::1", 80), testing::HasSubstr("net = [\"[::1]:80\"]"));
  EXPECT_THAT(Permissions::AddressRefusal("a.b"), testing::HasSubstr("private_network = true"));
  EXPECT_THAT(Permissions::ReadRefusal("/a"), testing::HasSubstr("read = [\"/a\"]"));
  EXPECT_THAT(Permissions::WriteRefusal("/a"), testing::HasSubstr("write = [\"/a\"]"));
}

TEST(PermissionsTest, FilesAreWhatTheirLinksLeadTo) {
  const fs::path folder = fs::path(testing::TempDir()) / "permissions";
  fs::remove_all(folder);
  fs::create_directories(folder / "public/sub");
  fs::create_directories(folder / "publicity");
  std::ofstream(folder / "secret") << "s";
  fs::create_symlink(folder / "secret", folder / "public/link");
  fs::create_directory_symlink(folder / "public", folder / "alias");
  PermissionsConfig config;
  config.read = {folder / "public"};
  const Permissions some(config);
  EXPECT_TRUE(some.AllowsRead(folder / "public"));
  EXPECT_TRUE(some.AllowsRead(folder / "public/sub/not-there-yet"));
  EXPECT_TRUE(some.AllowsRead(folder / "alias/sub"));
  EXPECT_FALSE(some.AllowsRead(folder / "public/link"));
  EXPECT_FALSE(some.AllowsRead(folder / "public/../secret"));
  EXPECT_FALSE(some.AllowsRead(folder / "publicity"));
  EXPECT_FALSE(some.AllowsRead("public"));
  EXPECT_FALSE(some.AllowsWrite(folder / "public/sub"));
}

}  // namespace
}  // namespace jsd

#include "core/permissions.h"

#include <algorithm>
#include <array>
#include <system_error>

#include "config/ascii.h"
#include "core/check.h"

namespace jsd {
namespace {

std::string CanonicalName(std::string_view host) {
  std::string name = LowerCase(host);
  // "example.org." is the same name, said to be whole.
  if (name.size() > 1 && name.ends_with('.')) name.pop_back();
  return name;
}

NetRule Range(std::string_view text) {
  const Parsed<NetRule> rule = ParseNetRule(text);
  JSD_CHECK(rule.value && rule.value->kind == NetRule::Kind::kRange);
  return *rule.value;
}

// Those of IANA's special-purpose registries that are not globally reachable, and multicast.
const std::vector<NetRule>& SpecialRanges() {
  static const std::vector<NetRule> ranges = [] {
    constexpr const char* kRanges[] = {
        "0.0.0.0/8",      "10.0.0.0/8",   "100.64.0.0/10",  "127.0.0.0/8",    "169.254.0.0/16", "172.16.0.0/12",
        "192.0.0.0/24",   "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",  "198.51.100.0/24",
        "203.0.113.0/24", "224.0.0.0/4",  "240.0.0.0/4",    "::/128",         "::1/128",        "64:ff9b:1::/48",
        "100::/64",       "2001::/23",    "2001:db8::/32",  "3fff::/20",      "5f00::/16",      "fc00::/7",
        "fe80::/10",      "fec0::/10",    "ff00::/8",
    };
    std::vector<NetRule> made;
    for (const char* text : kRanges) made.push_back(Range(text));
    return made;
  }();
  return ranges;
}

// The IPv4 address that NAT64 (RFC 6052) and 6to4 (RFC 3056) would send it on to, or the deprecated compatible form
// has.
bool EmbeddedIpv4(const AddressBytes& address, AddressBytes* embedded) {
  static const NetRule nat64 = Range("64:ff9b::/96");
  static const NetRule compatible = Range("::/96");
  static const NetRule six_to_four = Range("2002::/16");
  const std::span<const std::uint8_t> bytes(address);
  if (nat64.Covers(address) || compatible.Covers(address)) {
    *embedded = ToAddressBytes(bytes.subspan(12, 4));
  } else if (six_to_four.Covers(address)) {
    *embedded = ToAddressBytes(bytes.subspan(2, 4));
  } else {
    return false;
  }
  return true;
}

std::string HostAndPort(std::string_view host, unsigned port) {
  const bool bare_ipv6 = host.find(':') != std::string_view::npos && !host.starts_with('[');
  return (bare_ipv6 ? "[" + std::string(host) + "]" : std::string(host)) + ":" + std::to_string(port);
}

bool PortMatches(const NetRule& rule, unsigned port) { return rule.port == 0 || rule.port == port; }

}  // namespace

Permissions::Permissions(const PermissionsConfig& config) : private_network_(config.private_network) {
  for (const std::string& text : config.net) {
    Parsed<NetRule> rule = ParseNetRule(text);
    JSD_CHECK(rule.value);
    net_.push_back(std::move(*rule.value));
  }
  const auto resolve = [](const std::vector<std::filesystem::path>& from, std::vector<std::filesystem::path>& to) {
    for (const std::filesystem::path& path : from) {
      std::error_code error;
      std::filesystem::path real = std::filesystem::weakly_canonical(path, error);
      // What cannot be looked at can hold nothing that is.
      if (!error) to.push_back(std::move(real));
    }
  };
  resolve(config.read, read_);
  resolve(config.write, write_);
}

bool Permissions::AllowsNet(std::string_view host, unsigned port) const {
  if (std::ranges::none_of(net_, [&](const NetRule& rule) { return rule.Matches(host, port); })) return false;
  AddressBytes address;
  return !ParseAddress(host, &address) || AllowsAddress(host, port, address);
}

bool Permissions::AllowsAddress(std::string_view host, unsigned port, std::span<const std::uint8_t> address) const {
  const AddressBytes bytes = ToAddressBytes(address);
  AddressBytes literal;
  // A name does not stand for addresses that only "*" or a range lets through by themselves.
  if (IsPublicAddress(bytes)) return true;
  const bool listed =
      std::ranges::any_of(net_, [&](const NetRule& rule) { return PortMatches(rule, port) && rule.Covers(bytes); });
  if (listed || CanonicalName(host) == "localhost") return true;
  return private_network_ && !ParseAddress(host, &literal);
}

bool Permissions::Holds(const std::vector<std::filesystem::path>& allowed, const std::filesystem::path& path) {
  std::error_code error;
  const std::filesystem::path real = std::filesystem::weakly_canonical(path, error);
  if (error || !real.is_absolute()) return false;
  return std::ranges::any_of(allowed, [&real](const std::filesystem::path& root) {
    return std::mismatch(root.begin(), root.end(), real.begin(), real.end()).first == root.end();
  });
}

std::string Permissions::NetRefusal(std::string_view host, unsigned port) {
  const std::string target = HostAndPort(host, port);
  return "The app may not connect to " + target + ": [app.permissions] net = [\"" + target + "\"] would allow it.";
}

std::string Permissions::AddressRefusal(std::string_view host) {
  return "The app may not connect to " + std::string(host) +
         ": it stands for an address that is not public; [app.permissions] private_network = true would allow it.";
}

std::string Permissions::ReadRefusal(const std::filesystem::path& path) {
  return "The app may not read " + path.string() + ": [app.permissions] read = [\"" + path.string() +
         "\"] would allow it.";
}

std::string Permissions::WriteRefusal(const std::filesystem::path& path) {
  return "The app may not write " + path.string() + ": [app.permissions] write = [\"" + path.string() +
         "\"] would allow it.";
}

bool IsPublicAddress(const AddressBytes& address) {
  const auto special = [](const AddressBytes& one) {
    return std::ranges::any_of(SpecialRanges(), [&one](const NetRule& range) { return range.Covers(one); });
  };
  AddressBytes embedded;
  return !special(address) && !(EmbeddedIpv4(address, &embedded) && special(embedded));
}

}  // namespace jsd

#ifndef JSD_CORE_PERMISSIONS_H_
#define JSD_CORE_PERMISSIONS_H_

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/app_rules.h"
#include "config/config.h"

namespace jsd {

// What the script of an app may do beyond answering its requests; by default nothing. Where a question here is answered
// by no, the call is refused by ThrowDomException(isolate, "NotAllowedError", …Refusal(…)).
//
// A value: RuntimeOptions has it and RuntimeState keeps it. Thread: any that has it. Lifetime: its owner's.
class Permissions {
 public:
  Permissions() = default;
  // The configuration has been checked.
  explicit Permissions(const PermissionsConfig& config);

  // Whether the script may connect to this host and port. `host` is a name or an address as in an URL, IPv6 with or
  // without brackets. True is not enough for a name: what it resolves to is asked about by AllowsAddress.
  bool AllowsNet(std::string_view host, unsigned port) const;

  // Whether a connection to `host`, which AllowsNet has passed, may go to this one of its addresses: four or sixteen
  // bytes in network order. To be asked for the very address that is connected to, so that a name which resolves
  // differently the next time (DNS rebinding) changes nothing.
  bool AllowsAddress(std::string_view host, unsigned port, std::span<const std::uint8_t> address) const;

  // Whether the script may read or write the file, whose path is absolute. Symbolic links are followed first, so that
  // the answer is about the file and not about a name that it has.
  bool AllowsRead(const std::filesystem::path& path) const { return Holds(read_, path); }
  bool AllowsWrite(const std::filesystem::path& path) const { return Holds(write_, path); }

  // Messages for a NotAllowedError: what was refused, and the line of the configuration that would allow it.
  static std::string NetRefusal(std::string_view host, unsigned port);
  static std::string AddressRefusal(std::string_view host);
  static std::string ReadRefusal(const std::filesystem::path& path);
  static std::string WriteRefusal(const std::filesystem::path& path);

 private:
  static bool Holds(const std::vector<std::filesystem::path>& allowed, const std::filesystem::path& path);

  std::vector<NetRule> net_;
  bool private_network_ = false;
  std::vector<std::filesystem::path> read_;
  std::vector<std::filesystem::path> write_;
};

// Addresses that the whole internet can reach: not loopback, private, shared, link-local, multicast, documentation or
// reserved (RFC 6890 and the registries that it sets up). Addresses that carry one of IPv4 are what that is.
bool IsPublicAddress(const AddressBytes& address);

}  // namespace jsd

#endif  // JSD_CORE_PERMISSIONS_H_

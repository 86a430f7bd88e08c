#ifndef JSD_CORE_MODULES_PACKAGE_EXPORTS_H_
#define JSD_CORE_MODULES_PACKAGE_EXPORTS_H_

#include <span>
#include <string>
#include <string_view>

#include "core/modules/package_json.h"

namespace jsd {

// The target that `exports` or `imports` of a package.json gives (Node.js, "Resolution Algorithm Specification":
// PACKAGE_EXPORTS_RESOLVE, PACKAGE_IMPORTS_RESOLVE and what they use). No file is looked at.
struct PackageTarget {
  std::string path;       // Absolute. Empty, unless this is the answer.
  std::string specifier;  // `imports` may name another package; this one is then to be resolved from the package.
  std::string error;      // Why there is none.
};

// `subpath` is "." or begins with "./". `conditions` are those that hold besides "default".
PackageTarget ResolveExports(const PackageJson& package, const std::string& subpath,
                             std::span<const std::string_view> conditions);

// `specifier` begins with "#".
PackageTarget ResolveImports(const PackageJson& package, const std::string& specifier,
                             std::span<const std::string_view> conditions);

}  // namespace jsd

#endif  // JSD_CORE_MODULES_PACKAGE_EXPORTS_H_

#ifndef JSD_CORE_MODULE_OPTIONS_H_
#define JSD_CORE_MODULE_OPTIONS_H_

#include <string>

namespace jsd {

// Where a runtime finds modules and what it makes of them.
struct ModuleOptions {
  // Modules are read below this folder only, symbolic links resolved. Empty: DefaultModuleRoot of the script.
  std::string root;
  // The file of an import map; empty: none.
  std::string import_map;
  // TypeScript that is more than JavaScript with types (enums, namespaces, parameter properties) is translated, and
  // not refused. Without this the types are blanked out and every position stays.
  bool transform_typescript = false;
  // The folder of compiled code, see CodeCache; empty: it is shared by the workers of this process only.
  std::string cache_folder;
};

}  // namespace jsd

#endif  // JSD_CORE_MODULE_OPTIONS_H_

#include "config/reference.h"

#include "config/schema.h"

namespace jsd {
namespace {

constexpr char kIntroduction[] = R"(# Configuration

<!-- Made from the table of config/schema.cc by `jsd --config-reference`: change it there. -->

`jsd --config FILE` reads one [TOML](https://toml.io/en/v1.0.0) file. What it leaves out has the default below;
[`config/server.toml`](../config/server.toml) is a file with every key.

- A **size** is a whole number with a unit, `"512B"`, `"64KiB"`, `"16MiB"` or `"1GiB"`.
- A **duration** is a whole number with a unit, `"250ms"`, `"30s"`, `"5m"` or `"2h"`.
- A **path** that is relative is seen from the folder of the file.
- `--set key=value` says a value on the command line in place of the file's, and may be repeated. The value is TOML, or
  plain text where it is not: `--set server.workers=2 --set log.level=debug --set 'server.listen=["[::]:80"]'`.

An unknown key is an error, so a mistyped one cannot pass for a default. `jsd --config FILE --check` reports every error
with its position and ends with status 2 when there is one.
)";

}  // namespace

std::string ReferenceMarkdown() {
  std::string text = kIntroduction;
  for (const Section& section : Sections()) {
    const std::string name(section.name);
    if (section.add == nullptr || section.once_too) text += "\n## `[" + name + "]`";
    if (section.add != nullptr) text += (section.once_too ? " or `[[" : "\n## `[[") + name + "]]`";
    text += "\n\n" + std::string(section.about) + "\n";
    for (const Setting& setting : Settings()) {
      if (setting.section != section.name) continue;
      text += "\n### `" + setting.key() + "`\n\n" + std::string(setting.about) + "\n\n";
      text += "- Value: " + Describe(setting.kind) + "\n";
      const std::string same(std::string(section.inherits) + "." + std::string(setting.name));
      text += !section.inherits.empty()       ? "- Default: that of `" + same + "`\n"
              : setting.default_value.empty() ? std::string("- Required\n")
                                              : "- Default: `" + std::string(setting.default_value) + "`\n";
    }
  }
  return text;
}

}  // namespace jsd

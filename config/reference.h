#ifndef JSD_CONFIG_REFERENCE_H_
#define JSD_CONFIG_REFERENCE_H_

#include <string>

namespace jsd {

// The reference of every key, in Markdown, made from the table of config/schema.cc: docs/configuration.md.
std::string ReferenceMarkdown();

}  // namespace jsd

#endif  // JSD_CONFIG_REFERENCE_H_

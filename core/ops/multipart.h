#ifndef JSD_CORE_OPS_MULTIPART_H_
#define JSD_CORE_OPS_MULTIPART_H_

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/bindings.h"

namespace jsd {

// One part of a multipart/form-data body. `content` is a view of the body.
struct MultipartPart {
  std::string name;
  std::optional<std::string> filename;
  std::optional<std::string> content_type;
  std::string_view content;
};

// The parts of `body` (RFC 2046, section 5.1, and RFC 7578), names and file names unescaped as HTML's encoding escapes
// them. What stands before the first delimiter and after the last is left out. None where the body is malformed: no
// closing delimiter, a part without the name of its field, a header line that is none.
std::optional<std::vector<MultipartPart>> ParseMultipart(std::string_view body, std::string_view boundary);

// The binding that finds the parts of a multipart/form-data body for bootstrap/form_data.js.
std::span<const Binding> MultipartBindings();

}  // namespace jsd

#endif  // JSD_CORE_OPS_MULTIPART_H_

#ifndef JSD_CORE_VERSION_H_
#define JSD_CORE_VERSION_H_

namespace jsd {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace jsd

#endif  // JSD_CORE_VERSION_H_

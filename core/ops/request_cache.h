#ifndef JSD_CORE_OPS_REQUEST_CACHE_H_
#define JSD_CORE_OPS_REQUEST_CACHE_H_

#include <v8.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace jsd {

// What requests have in common from one to the next, so that it is converted once: short texts as internalized
// strings (methods, header values, URLs), and the normal form of the last origin.
//
// Owner: the runtime's state. Thread: the runtime's. Lifetime: within the isolate's.
class RequestCache {
 public:
  // Latin-1 text as a string. It is kept from the second time on that it comes, until another takes its place.
  v8::Local<v8::String> String(v8::Isolate* isolate, std::string_view text);

  // "scheme://authority" as the URL standard writes it, without a slash at the end; the authority as it is where the
  // standard has no form for it.
  std::string_view Origin(std::string_view scheme, std::string_view authority);

 private:
  // Longer texts seldom repeat, or are not worth comparing.
  static constexpr std::size_t kMaxLength = 256;
  static constexpr std::size_t kSlots = 512;

  struct Slot {
    std::uint64_t hash = 0;
    std::string text;
    v8::Global<v8::String> string;  // Empty while the text came only once.
  };
  std::array<Slot, kSlots> slots_;

  std::string scheme_;
  std::string authority_;
  std::string origin_;
};

}  // namespace jsd

#endif  // JSD_CORE_OPS_REQUEST_CACHE_H_

// What ada asks of an IDNA library, by ICU: UTS 46 with the flags that the URL standard gives to "domain to ASCII" and
// "domain to Unicode".

#include <ada/ada_idna.h>
#include <icu_simdutf.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace ada::idna {
namespace {

using Convert = std::int32_t (*)(const UIDNA*, const char*, std::int32_t, char*, std::int32_t, UIDNAInfo*, UErrorCode*);

// Made once, and safe for all threads. Null where ICU has no data for it, which is a fault of the build.
const UIDNA* Uts46() {
  static const UIDNA* const uts46 = [] {
    UErrorCode status = U_ZERO_ERROR;
    return uidna_openUTS46_77(
        UIDNA_CHECK_BIDI | UIDNA_CHECK_CONTEXTJ | UIDNA_NONTRANSITIONAL_TO_ASCII | UIDNA_NONTRANSITIONAL_TO_UNICODE,
        &status);
  }();
  return uts46;
}

// The result in UTF-8, and which errors there were, as bits; false where it could not be computed.
bool Run(Convert convert, std::string_view name, std::string* result, std::uint32_t* errors) {
  if (name.size() > INT32_MAX / 8 || Uts46() == nullptr) return false;
  result->resize(name.size() + 64);
  for (;;) {
    UIDNAInfo info = {sizeof(UIDNAInfo), 0, 0, 0, 0, 0};
    UErrorCode status = U_ZERO_ERROR;
    const std::int32_t length = convert(Uts46(), name.data(), static_cast<std::int32_t>(name.size()), result->data(),
                                        static_cast<std::int32_t>(result->size()), &info, &status);
    *errors = info.errors;
    if (status != U_BUFFER_OVERFLOW_ERROR) {
      result->resize(status > U_ZERO_ERROR ? 0 : length);
      return status <= U_ZERO_ERROR;
    }
    result->resize(length);
  }
}

// What CheckHyphens = false and VerifyDnsLength = false leave out.
constexpr std::uint32_t kIgnored = UIDNA_ERROR_EMPTY_LABEL | UIDNA_ERROR_LABEL_TOO_LONG |
                                   UIDNA_ERROR_DOMAIN_NAME_TOO_LONG | UIDNA_ERROR_LEADING_HYPHEN |
                                   UIDNA_ERROR_TRAILING_HYPHEN | UIDNA_ERROR_HYPHEN_3_4;

}  // namespace

// The empty string for failure. What is ASCII becomes lower case and nothing else, whatever its "xn--" labels hold.
std::string to_ascii(std::string_view name) {
  std::string result;
  if (simdutf::validate_ascii(name.data(), name.size())) {
    result = name;
    for (char& character : result) {
      if (character >= 'A' && character <= 'Z') character = static_cast<char>(character | 0x20);
    }
    return result;
  }
  std::uint32_t errors = 0;
  if (!Run(uidna_nameToASCII_UTF8_77, name, &result, &errors) || (errors & ~kIgnored) != 0) return {};
  return result;
}

// Labels that are not valid stay as they can be shown.
std::string to_unicode(std::string_view name) {
  std::string result;
  std::uint32_t errors = 0;
  Run(uidna_nameToUnicodeUTF8_77, name, &result, &errors);
  return result;
}

}  // namespace ada::idna

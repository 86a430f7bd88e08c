#ifndef JSD_THIRD_PARTY_V8_ICU_SIMDUTF_H_
#define JSD_THIRD_PARTY_V8_ICU_SIMDUTF_H_

// V8's archive holds ICU 77 and simdutf, but not their headers. These are the functions of theirs that are used here,
// with the signatures that the archive's symbols have.

#include <cstddef>
#include <cstdint>

namespace simdutf {

enum error_code : int { SUCCESS = 0 };

struct result {
  error_code error;
  // Where the input is wrong, or how much was written.
  std::size_t count;
};

enum base64_options : std::uint64_t { base64_default = 0, base64_url = 1 };
enum last_chunk_handling_options : std::uint64_t { loose = 0 };

bool validate_ascii(const char* text, std::size_t length) noexcept;
bool validate_utf8(const char* text, std::size_t length) noexcept;
bool validate_utf16le(const char16_t* text, std::size_t length) noexcept;

std::size_t utf8_length_from_latin1(const char* text, std::size_t length) noexcept;
std::size_t utf8_length_from_utf16le(const char16_t* text, std::size_t length) noexcept;
std::size_t utf16_length_from_utf8(const char* text, std::size_t length) noexcept;

std::size_t convert_latin1_to_utf8(const char* text, std::size_t length, char* utf8) noexcept;
std::size_t convert_valid_utf16le_to_utf8(const char16_t* text, std::size_t length, char* utf8) noexcept;
// 0 where the text is not valid, or has a character past U+00FF.
std::size_t convert_utf8_to_latin1(const char* text, std::size_t length, char* latin1) noexcept;
std::size_t convert_valid_utf8_to_utf16le(const char* text, std::size_t length, char16_t* utf16) noexcept;

std::size_t maximal_binary_length_from_base64(const char* text, std::size_t length) noexcept;
// The forgiving decoder of the Infra standard.
result base64_to_binary(const char* text, std::size_t length, char* bytes, base64_options options,
                        last_chunk_handling_options last_chunk) noexcept;
std::size_t base64_length_from_binary(std::size_t length, base64_options options) noexcept;
std::size_t binary_to_base64(const char* bytes, std::size_t length, char* text, base64_options options) noexcept;

}  // namespace simdutf

extern "C" {

struct UConverter;
struct UConverterToUnicodeArgs;
enum UConverterCallbackReason : int {
  UCNV_UNASSIGNED = 0,
  UCNV_IRREGULAR = 2,  // More is not about bytes, but about the converter.
};
enum UErrorCode : int {
  U_ZERO_ERROR = 0,  // Less are warnings, more are errors.
  U_BUFFER_OVERFLOW_ERROR = 15,
};

struct UIDNA;
struct UIDNAInfo {
  std::int16_t size;
  signed char is_transitional_different;
  signed char reserved_b3;
  std::uint32_t errors;
  std::int32_t reserved_i2;
  std::int32_t reserved_i3;
};
enum : std::uint32_t {
  UIDNA_CHECK_BIDI = 4,
  UIDNA_CHECK_CONTEXTJ = 8,
  UIDNA_NONTRANSITIONAL_TO_ASCII = 0x10,
  UIDNA_NONTRANSITIONAL_TO_UNICODE = 0x20,
};
enum : std::uint32_t {
  UIDNA_ERROR_EMPTY_LABEL = 1,
  UIDNA_ERROR_LABEL_TOO_LONG = 2,
  UIDNA_ERROR_DOMAIN_NAME_TOO_LONG = 4,
  UIDNA_ERROR_LEADING_HYPHEN = 8,
  UIDNA_ERROR_TRAILING_HYPHEN = 0x10,
  UIDNA_ERROR_HYPHEN_3_4 = 0x20,
};

UIDNA* uidna_openUTS46_77(std::uint32_t options, UErrorCode* error);
// UTF-8 in and out; the length of the result, even where it does not fit.
std::int32_t uidna_nameToASCII_UTF8_77(const UIDNA* idna, const char* name, std::int32_t length, char* destination,
                                       std::int32_t capacity, UIDNAInfo* info, UErrorCode* error);
std::int32_t uidna_nameToUnicodeUTF8_77(const UIDNA* idna, const char* name, std::int32_t length, char* destination,
                                        std::int32_t capacity, UIDNAInfo* info, UErrorCode* error);

// Called for bytes that stand for no character.
using UConverterToUCallback = void (*)(const void* context, UConverterToUnicodeArgs* args, const char* code_units,
                                       std::int32_t length, UConverterCallbackReason reason, UErrorCode* error);

UConverter* ucnv_open_77(const char* name, UErrorCode* error);
void ucnv_close_77(UConverter* converter);
void ucnv_resetToUnicode_77(UConverter* converter);
void ucnv_setToUCallBack_77(UConverter* converter, UConverterToUCallback action, const void* context,
                            UConverterToUCallback* old_action, const void** old_context, UErrorCode* error);
void ucnv_toUnicode_77(UConverter* converter, char16_t** target, const char16_t* target_limit, const char** source,
                       const char* source_limit, std::int32_t* offsets, signed char flush, UErrorCode* error);
// Gives up at such bytes.
void UCNV_TO_U_CALLBACK_STOP_77(const void* context, UConverterToUnicodeArgs* args, const char* code_units,
                                std::int32_t length, UConverterCallbackReason reason, UErrorCode* error);
// For callbacks: puts text in the place of such bytes.
void ucnv_cbToUWriteUChars_77(UConverterToUnicodeArgs* args, const char16_t* text, std::int32_t length,
                              std::int32_t offset, UErrorCode* error);
}

#endif  // JSD_THIRD_PARTY_V8_ICU_SIMDUTF_H_

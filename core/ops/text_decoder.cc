#include "core/ops/text_decoder.h"

#include <icu_simdutf.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "core/check.h"

namespace jsd {
namespace {

constexpr char16_t kReplacement = u'\uFFFD';

bool IsLeadSurrogate(char16_t unit) { return (unit & 0xfc00) == 0xd800; }
bool IsTrailSurrogate(char16_t unit) { return (unit & 0xfc00) == 0xdc00; }

class Utf16Decoder : public TextDecoder {
 public:
  Utf16Decoder(bool big_endian, bool fatal) : big_endian_(big_endian), fatal_(fatal) {}

  std::optional<std::u16string> Decode(std::string_view bytes, bool last) override {
    std::u16string text;
    text.reserve(bytes.size() / 2 + 2);
    bool valid = true;
    for (const char byte : bytes) {
      const auto octet = static_cast<std::uint8_t>(byte);
      if (!first_byte_) {
        first_byte_ = octet;
        continue;
      }
      const unsigned unit = big_endian_ ? *first_byte_ << 8 | octet : octet << 8 | *first_byte_;
      first_byte_.reset();
      valid &= Append(static_cast<char16_t>(unit), &text);
    }
    if (last && (first_byte_ || lead_)) {
      valid = false;
      text += kReplacement;
    }
    if (last || (fatal_ && !valid)) {
      first_byte_.reset();
      lead_.reset();
    }
    if (fatal_ && !valid) return std::nullopt;
    return text;
  }

 private:
  // False where a surrogate stands alone.
  bool Append(char16_t unit, std::u16string* text) {
    bool valid = true;
    if (lead_) {
      if (IsTrailSurrogate(unit)) {
        *text += {*lead_, unit};
        lead_.reset();
        return true;
      }
      lead_.reset();
      *text += kReplacement;
      valid = false;
    }
    if (IsLeadSurrogate(unit)) {
      lead_ = unit;
    } else if (IsTrailSurrogate(unit)) {
      *text += kReplacement;
      valid = false;
    } else {
      *text += unit;
    }
    return valid;
  }

  const bool big_endian_;
  const bool fatal_;
  std::optional<std::uint8_t> first_byte_;
  std::optional<char16_t> lead_;
};

// An encoding whose upper 128 bytes stand for one character each; the lower ones are ASCII.
class SingleByteDecoder : public TextDecoder {
 public:
  using Table = std::array<char16_t, 128>;

  SingleByteDecoder(const Table& table, bool fatal) : table_(table), fatal_(fatal) {}

  std::optional<std::u16string> Decode(std::string_view bytes, bool last) override {
    std::u16string text(bytes.size(), u'\0');
    bool valid = true;
    std::transform(bytes.begin(), bytes.end(), text.begin(), [&](char byte) {
      const auto octet = static_cast<std::uint8_t>(byte);
      if (octet < 0x80) return static_cast<char16_t>(octet);
      valid &= table_[octet - 0x80] != kReplacement;
      return table_[octet - 0x80];
    });
    if (fatal_ && !valid) return std::nullopt;
    return text;
  }

 private:
  const Table table_;
  const bool fatal_;
};

struct CloseConverter {
  void operator()(UConverter* converter) const { ucnv_close_77(converter); }
};
using Converter = std::unique_ptr<UConverter, CloseConverter>;

// ICU's own substitute is U+001A for single bytes of some encodings.
void PutReplacement(const void* /*context*/, UConverterToUnicodeArgs* args, const char* /*code_units*/,
                    std::int32_t /*length*/, UConverterCallbackReason reason, UErrorCode* error) {
  if (reason > UCNV_IRREGULAR) return;
  *error = U_ZERO_ERROR;
  ucnv_cbToUWriteUChars_77(args, &kReplacement, 1, 0, error);
}

// `callback` decides about bytes that stand for no character.
Converter OpenConverter(const char* name, UConverterToUCallback callback) {
  UErrorCode error = U_ZERO_ERROR;
  Converter converter(ucnv_open_77(name, &error));
  if (error <= U_ZERO_ERROR) ucnv_setToUCallBack_77(converter.get(), callback, nullptr, nullptr, nullptr, &error);
  if (error > U_ZERO_ERROR) return nullptr;
  return converter;
}

// A text of more code units fits into no string of V8's: to decode the rest is of no use.
constexpr std::size_t kMostUnits = std::size_t{1} << 29;
constexpr std::ptrdiff_t kPiece = 1 << 20;

// An encoding with several bytes to a character, decoded by ICU.
class IcuDecoder : public TextDecoder {
 public:
  explicit IcuDecoder(Converter converter) : converter_(std::move(converter)) {}

  std::optional<std::u16string> Decode(std::string_view bytes, bool last) override {
    std::u16string text;
    const char* source = bytes.data();
    const char* const source_limit = source + bytes.size();
    std::size_t used = 0;
    UErrorCode error;
    do {
      // ICU takes no buffers of gigabytes.
      const char* const end = source + std::min<std::ptrdiff_t>(source_limit - source, kPiece);
      text.resize(used + static_cast<std::size_t>(end - source) + 16);
      char16_t* target = text.data() + used;
      error = U_ZERO_ERROR;
      ucnv_toUnicode_77(converter_.get(), &target, text.data() + text.size(), &source, end, nullptr,
                        last && end == source_limit, &error);
      used = static_cast<std::size_t>(target - text.data());
    } while ((error == U_BUFFER_OVERFLOW_ERROR || (error <= U_ZERO_ERROR && source != source_limit)) &&
             used <= kMostUnits);
    if (error == U_BUFFER_OVERFLOW_ERROR) error = U_ZERO_ERROR;
    if (last || error > U_ZERO_ERROR || used > kMostUnits) ucnv_resetToUnicode_77(converter_.get());
    if (error > U_ZERO_ERROR) return std::nullopt;
    text.resize(used);
    return text;
  }

 private:
  const Converter converter_;
};

class Utf8Decoder : public TextDecoder {
 public:
  explicit Utf8Decoder(bool fatal) : fatal_(fatal) {}

  std::optional<std::u16string> Decode(std::string_view bytes, bool last) override {
    std::string joined;
    if (!pending_.empty()) {
      joined = pending_.append(bytes);
      bytes = joined;
      pending_.clear();
    }
    if (!last) {
      const std::size_t incomplete = IncompleteUtf8Suffix(bytes);
      pending_ = bytes.substr(bytes.size() - incomplete);
      bytes.remove_suffix(incomplete);
    }
    std::u16string text;
    if (simdutf::validate_utf8(bytes.data(), bytes.size())) {
      text.resize(simdutf::utf16_length_from_utf8(bytes.data(), bytes.size()));
      simdutf::convert_valid_utf8_to_utf16le(bytes.data(), bytes.size(), text.data());
      return text;
    }
    if (fatal_) {
      pending_.clear();
      return std::nullopt;
    }
    return DecodeInvalid(bytes);
  }

 private:
  // Each longest prefix of a valid sequence that goes wrong is one U+FFFD.
  static std::u16string DecodeInvalid(std::string_view bytes) {
    std::u16string text;
    text.reserve(bytes.size());
    char32_t code_point = 0;
    int needed = 0;
    std::uint8_t lower = 0x80, upper = 0xbf;
    for (std::size_t i = 0; i < bytes.size();) {
      const auto byte = static_cast<std::uint8_t>(bytes[i]);
      if (needed == 0) {
        ++i;
        if (byte < 0x80) {
          text += byte;
        } else if (byte >= 0xc2 && byte <= 0xf4) {
          needed = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
          code_point = byte & (0x3f >> needed);
          if (byte == 0xe0) lower = 0xa0;
          if (byte == 0xed) upper = 0x9f;
          if (byte == 0xf0) lower = 0x90;
          if (byte == 0xf4) upper = 0x8f;
        } else {
          text += kReplacement;
        }
        continue;
      }
      const bool continues = byte >= lower && byte <= upper;
      lower = 0x80;
      upper = 0xbf;
      if (!continues) {
        // The byte is looked at again, as the first of a sequence.
        text += kReplacement;
        needed = 0;
        continue;
      }
      ++i;
      code_point = code_point << 6 | (byte & 0x3f);
      if (--needed > 0) continue;
      if (code_point < 0x10000) {
        text += static_cast<char16_t>(code_point);
      } else {
        text +=
            {static_cast<char16_t>(0xd7c0 + (code_point >> 10)), static_cast<char16_t>(0xdc00 | (code_point & 0x3ff))};
      }
    }
    if (needed > 0) text += kReplacement;
    return text;
  }

  const bool fatal_;
  std::string pending_;
};

// The standard's names beside ICU's, of the converter that comes nearest.
struct IcuName {
  std::string_view standard;
  const char* icu;
};

constexpr IcuName kMultiByteEncodings[] = {
    {"gbk", "gb18030"},
    {"gb18030", "gb18030"},
    {"big5", "ibm-1375_P100-2008"},
    {"euc-jp", "euc-jp-2007"},
    {"iso-2022-jp", "ISO_2022,locale=ja,version=0"},
    {"shift_jis", "ibm-943_P15A-2003"},
    {"euc-kr", "windows-949-2000"},
};

constexpr IcuName kSingleByteEncodings[] = {
    {"ibm866", "ibm-866"},
    {"iso-8859-2", "iso-8859-2"},
    {"iso-8859-3", "iso-8859-3"},
    {"iso-8859-4", "iso-8859-4"},
    {"iso-8859-5", "iso-8859-5"},
    {"iso-8859-6", "iso-8859-6"},
    {"iso-8859-7", "iso-8859-7"},
    {"iso-8859-8", "iso-8859-8"},
    {"iso-8859-8-i", "iso-8859-8"},
    {"iso-8859-10", "iso-8859-10"},
    {"iso-8859-13", "iso-8859-13"},
    {"iso-8859-14", "iso-8859-14"},
    {"iso-8859-15", "iso-8859-15"},
    {"koi8-r", "koi8-r"},
    {"koi8-u", "koi8-u"},
    {"macintosh", "macintosh"},
    {"windows-874", "windows-874-2000"},
    {"windows-1250", "windows-1250"},
    {"windows-1251", "windows-1251"},
    {"windows-1252", "windows-1252"},
    {"windows-1253", "windows-1253"},
    {"windows-1254", "windows-1254"},
    {"windows-1255", "windows-1255"},
    {"windows-1256", "windows-1256"},
    {"windows-1257", "windows-1257"},
    {"windows-1258", "windows-1258"},
    {"x-mac-cyrillic", "x-mac-cyrillic"},
};

// ICU does not know this one: its characters from 0xA0 on.
constexpr std::u16string_view kIso8859_16 =
    u"\u00a0ĄąŁ€„Š§š©Ș«Ź\u00adźŻ°±ČłŽ”¶·žčș»ŒœŸżÀÁÂĂÄĆÆÇÈÉÊËÌÍÎÏ"
    u"ĐŃÒÓÔŐÖŚŰÙÚÛÜĘȚßàáâăäćæçèéêëìíîïđńòóôőöśűùúûüęțÿ";

// Where ICU's tables differ from the indexes of the Encoding standard.
constexpr struct {
  std::string_view encoding;
  std::uint8_t byte;
  char16_t character;
} kDifferences[] = {
    {"koi8-u", 0xae, u'\u045e'},         {"koi8-u", 0xbe, u'\u040e'},         {"windows-1253", 0xaa, kReplacement},
    {"windows-1255", 0xca, u'\u05ba'},   {"windows-874", 0xdb, kReplacement}, {"windows-874", 0xdc, kReplacement},
    {"windows-874", 0xdd, kReplacement}, {"windows-874", 0xde, kReplacement}, {"windows-874", 0xfc, kReplacement},
    {"windows-874", 0xfd, kReplacement}, {"windows-874", 0xfe, kReplacement}, {"windows-874", 0xff, kReplacement},
};

const char* FindIcuName(std::span<const IcuName> names, std::string_view encoding) {
  const auto found =
      std::find_if(names.begin(), names.end(), [&](const IcuName& name) { return name.standard == encoding; });
  return found == names.end() ? nullptr : found->icu;
}

std::optional<SingleByteDecoder::Table> SingleByteTable(std::string_view encoding) {
  SingleByteDecoder::Table table;
  if (encoding == "x-user-defined") {
    for (std::size_t i = 0; i < table.size(); ++i) table[i] = static_cast<char16_t>(0xf780 + i);
    return table;
  }
  if (encoding == "iso-8859-16") {
    for (std::size_t i = 0; i < 0x20; ++i) table[i] = static_cast<char16_t>(0x80 + i);
    std::copy(kIso8859_16.begin(), kIso8859_16.end(), table.begin() + 0x20);
    return table;
  }
  const char* name = FindIcuName(kSingleByteEncodings, encoding);
  if (name == nullptr) return std::nullopt;
  const Converter converter = OpenConverter(name, PutReplacement);
  JSD_CHECK(converter != nullptr);
  for (std::size_t i = 0; i < table.size(); ++i) {
    const char byte = static_cast<char>(0x80 + i);
    const char* source = &byte;
    char16_t* target = &table[i];
    UErrorCode error = U_ZERO_ERROR;
    ucnv_toUnicode_77(converter.get(), &target, target + 1, &source, source + 1, nullptr, true, &error);
    JSD_CHECK(error <= U_ZERO_ERROR && target == &table[i] + 1);
  }
  for (const auto& difference : kDifferences) {
    if (difference.encoding == encoding) table[difference.byte - 0x80] = difference.character;
  }
  return table;
}

}  // namespace

std::unique_ptr<TextDecoder> TextDecoder::Open(std::string_view encoding, bool fatal) {
  if (encoding == "utf-8") return std::make_unique<Utf8Decoder>(fatal);
  if (encoding == "utf-16le") return std::make_unique<Utf16Decoder>(false, fatal);
  if (encoding == "utf-16be") return std::make_unique<Utf16Decoder>(true, fatal);
  if (const auto table = SingleByteTable(encoding)) return std::make_unique<SingleByteDecoder>(*table, fatal);
  const char* name = FindIcuName(kMultiByteEncodings, encoding);
  if (name == nullptr) return nullptr;
  Converter converter = OpenConverter(name, fatal ? UCNV_TO_U_CALLBACK_STOP_77 : PutReplacement);
  JSD_CHECK(converter != nullptr);
  return std::make_unique<IcuDecoder>(std::move(converter));
}

std::size_t IncompleteUtf8Suffix(std::string_view text) {
  for (std::size_t length = 1; length <= 3 && length <= text.size(); ++length) {
    const auto lead = static_cast<std::uint8_t>(text[text.size() - length]);
    if ((lead & 0xc0) == 0x80) continue;
    const std::size_t sequence = lead >= 0xc2 && lead < 0xe0    ? 2
                                 : lead >= 0xe0 && lead < 0xf0  ? 3
                                 : lead >= 0xf0 && lead <= 0xf4 ? 4
                                                                : 1;
    if (sequence <= length) return 0;
    if (length == 1) return length;
    const auto second = static_cast<std::uint8_t>(text[text.size() - length + 1]);
    const bool possible = lead == 0xe0   ? second >= 0xa0
                          : lead == 0xed ? second <= 0x9f
                          : lead == 0xf0 ? second >= 0x90
                          : lead == 0xf4 ? second <= 0x8f
                                         : true;
    return possible ? length : 0;
  }
  return 0;
}

}  // namespace jsd

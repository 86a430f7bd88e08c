#ifndef JSD_CORE_OPS_TEXT_DECODER_H_
#define JSD_CORE_OPS_TEXT_DECODER_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace jsd {

// Bytes in pieces become UTF-16 text, as the decoders of the Encoding standard say. Bytes that stand for nothing become
// U+FFFD, or end the decoding where it is fatal. A byte order mark is text like any other here.
//
// Owner: whoever opened it, for one text. Thread: one at a time. Lifetime: its owner's.
class TextDecoder {
 public:
  // `encoding` is a name of the standard, in lower case. Null where this is none that can be decoded.
  static std::unique_ptr<TextDecoder> Open(std::string_view encoding, bool fatal);

  virtual ~TextDecoder() = default;

  // None where the bytes are wrong and the decoder is fatal; it has then been reset. With `last`, what is incomplete is
  // wrong too, and the decoder is ready for another text.
  virtual std::optional<std::u16string> Decode(std::string_view bytes, bool last) = 0;
};

// How many bytes at the end of `text` begin a sequence of UTF-8 that the following bytes may complete: 0 to 3.
std::size_t IncompleteUtf8Suffix(std::string_view text);

}  // namespace jsd

#endif  // JSD_CORE_OPS_TEXT_DECODER_H_

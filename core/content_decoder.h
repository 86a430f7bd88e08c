#ifndef JSD_CORE_CONTENT_DECODER_H_
#define JSD_CORE_CONTENT_DECODER_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/compression.h"

namespace jsd {

// Takes content codings off a body that comes in pieces: gzip, deflate and br (RFC 9110 section 8.4.1), one upon the
// other where a Content-Encoding lists several. What comes out at a time is bounded, however much a byte stands for.
//
// Owner: whoever has the body. Thread: one at a time. Lifetime: the body's.
class ContentDecoder {
 public:
  // By the value of Content-Encoding. Null where it names a coding that is not known, or none.
  static std::unique_ptr<ContentDecoder> Make(std::string_view content_encoding);

  ~ContentDecoder();
  ContentDecoder(const ContentDecoder&) = delete;
  ContentDecoder& operator=(const ContentDecoder&) = delete;

  // More of the encoded body.
  void Feed(std::string_view bytes);
  // Appends to `out` what can be decoded now, about `most` bytes of it. False: the data is corrupt.
  bool Read(std::string& out, std::size_t most);
  // Whether the data has come to its own end; only then a body that has ended is whole.
  bool complete() const;
  // Whether there was any.
  bool begun() const { return begun_; }

 private:
  // One coding.
  struct Stage {
    explicit Stage(std::string_view name);
    // Makes the codec for data with this first byte.
    void Begin(char first_byte);
    // Appends to `out` until that holds `most` bytes. False: the data is corrupt.
    bool Run(std::string& out, std::size_t most);

    bool gzip;
    bool brotli;
    std::unique_ptr<Codec> codec;
    std::string input;
    bool ended = false;
  };

  ContentDecoder() = default;

  bool begun_ = false;
  std::vector<Stage> stages_;  // In the order of decoding.
};

}  // namespace jsd

#endif  // JSD_CORE_CONTENT_DECODER_H_

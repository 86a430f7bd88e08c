#ifndef JSD_CORE_COMPRESSION_H_
#define JSD_CORE_COMPRESSION_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace jsd {

// The formats of the Compression standard: RFC 1952, RFC 1950, RFC 1951, RFC 7932.
enum class CompressionFormat { kGzip, kDeflate, kDeflateRaw, kBrotli };

// Compresses or decompresses a stream of bytes in pieces. The caller gives the room for the output, so that what comes
// out of a small input, however much it is, never takes more memory than the caller has planned for.
//
// Owner: whoever made it, for one stream. Thread: one at a time. Lifetime: its owner's.
class Codec {
 public:
  enum class State {
    kNeedsInput,  // All input was taken; there may be room left.
    kNeedsRoom,   // The room is full. To be called again with the input that was not taken.
    kEnded,       // The end of the compressed data. What was not taken of the input lies behind it.
    kBroken,      // The data is not of this format.
  };
  struct Step {
    std::size_t consumed = 0;
    std::size_t produced = 0;
    State state = State::kNeedsInput;
  };

  virtual ~Codec() = default;

  // With `last`, `input` is the end of it: an encoder then goes on to kEnded. A decoder that has taken it and still
  // says kNeedsInput has met data that was cut short. `room` is not empty. Not to be called after kEnded or kBroken.
  virtual Step Run(std::string_view input, bool last, std::span<char> room) = 0;
};

// Null where there is no memory for its tables.
std::unique_ptr<Codec> MakeEncoder(CompressionFormat format);
std::unique_ptr<Codec> MakeDecoder(CompressionFormat format);

}  // namespace jsd

#endif  // JSD_CORE_COMPRESSION_H_

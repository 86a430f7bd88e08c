#include "core/content_decoder.h"

#include <algorithm>
#include <new>
#include <span>
#include <utility>

#include "config/ascii.h"

namespace jsd {
namespace {

constexpr std::size_t kStep = 32 * 1024;
// Codings upon codings make nothing smaller.
constexpr std::size_t kMostStages = 4;

}  // namespace

ContentDecoder::Stage::Stage(std::string_view name) : gzip(name == "gzip" || name == "x-gzip"), brotli(name == "br") {}

void ContentDecoder::Stage::Begin(char first_byte) {
  CompressionFormat format = CompressionFormat::kBrotli;
  if (gzip) {
    format = CompressionFormat::kGzip;
  } else if (!brotli) {
    // "deflate" is the zlib format, but some servers send bare deflate data (RFC 9110 section 8.4.1.2, note).
    const auto first = static_cast<unsigned char>(first_byte);
    constexpr unsigned char kDeflateMethod = 8;
    const bool zlib = (first & 0x0F) == kDeflateMethod && (first >> 4) <= 7;
    format = zlib ? CompressionFormat::kDeflate : CompressionFormat::kDeflateRaw;
  }
  codec = MakeDecoder(format);
  if (codec == nullptr) throw std::bad_alloc();
  ended = false;
}

bool ContentDecoder::Stage::Run(std::string& out, std::size_t most) {
  std::size_t used = 0;
  while (out.size() < most) {
    if (ended) {
      // A gzip file may be several, one behind the other (RFC 1952 section 2.2); other than that, what follows the end
      // is nobody's.
      const bool another = gzip && used < input.size() && input[used] == '\x1F';
      if (!another) {
        used = input.size();
        break;
      }
      codec.reset();
    }
    if (codec == nullptr) {
      if (used == input.size()) break;
      Begin(input[used]);
    }
    const std::size_t before = out.size();
    out.resize(before + kStep);
    const auto step = codec->Run(std::string_view(input).substr(used), false, std::span(out).subspan(before));
    used += step.consumed;
    out.resize(before + step.produced);
    if (step.state == Codec::State::kBroken) return false;
    ended = step.state == Codec::State::kEnded;
    if (step.state == Codec::State::kNeedsInput) break;
  }
  input.erase(0, used);
  return true;
}

ContentDecoder::~ContentDecoder() = default;

std::unique_ptr<ContentDecoder> ContentDecoder::Make(std::string_view content_encoding) {
  std::unique_ptr<ContentDecoder> decoder(new ContentDecoder);
  while (!content_encoding.empty()) {
    const std::size_t comma = content_encoding.find(',');
    const std::string name = LowerCase(TrimBlanks(content_encoding.substr(0, comma)));
    content_encoding.remove_prefix(comma == std::string_view::npos ? content_encoding.size() : comma + 1);
    if (name.empty() || name == "identity") continue;
    if (name != "gzip" && name != "x-gzip" && name != "deflate" && name != "br") return nullptr;
    if (decoder->stages_.size() == kMostStages) return nullptr;
    // The coding applied last stands last (RFC 9110 section 8.4) and comes off first.
    decoder->stages_.insert(decoder->stages_.begin(), Stage(name));
  }
  if (decoder->stages_.empty()) return nullptr;
  return decoder;
}

void ContentDecoder::Feed(std::string_view bytes) {
  begun_ |= !bytes.empty();
  stages_.front().input.append(bytes);
}

bool ContentDecoder::Read(std::string& out, std::size_t most) {
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    std::string& next = i + 1 < stages_.size() ? stages_[i + 1].input : out;
    if (!stages_[i].Run(next, most)) return false;
  }
  return true;
}

bool ContentDecoder::complete() const {
  return std::ranges::all_of(stages_, [](const Stage& stage) { return stage.ended; });
}

}  // namespace jsd

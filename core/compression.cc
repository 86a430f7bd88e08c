#include "core/compression.h"

#include <brotli/decode.h>
#include <brotli/encode.h>
#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <limits>

#include "core/check.h"

namespace jsd {
namespace {

// zlib takes the format as a window size: 2^15 bytes, +16 for gzip, negative for no frame at all.
int WindowBits(CompressionFormat format) {
  switch (format) {
    case CompressionFormat::kGzip:
      return 15 + 16;
    case CompressionFormat::kDeflate:
      return 15;
    default:
      return -15;
  }
}

// zlib counts in 32 bits.
uInt Clip(std::size_t size) { return static_cast<uInt>(std::min<std::size_t>(size, std::numeric_limits<uInt>::max())); }

class ZlibCodec : public Codec {
 public:
  Step Run(std::string_view input, bool last, std::span<char> room) final {
    const uInt given = Clip(input.size()), space = Clip(room.size());
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
    stream_.avail_in = given;
    stream_.next_out = reinterpret_cast<Bytef*>(room.data());
    stream_.avail_out = space;
    const int result = Work(last && given == input.size());
    Step step{.consumed = given - stream_.avail_in, .produced = space - stream_.avail_out};
    // Z_BUF_ERROR says that nothing could be done, which is no error of the data.
    if (result == Z_STREAM_END) {
      step.state = State::kEnded;
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      step.state = State::kBroken;
    } else if (stream_.avail_out == 0 || step.consumed < input.size()) {
      step.state = State::kNeedsRoom;
    }
    return step;
  }

 protected:
  virtual int Work(bool last) = 0;
  z_stream stream_ = {};
};

class ZlibEncoder final : public ZlibCodec {
 public:
  ~ZlibEncoder() override { deflateEnd(&stream_); }
  bool Open(CompressionFormat format) {
    constexpr int kMemoryLevel = 8;  // zlib's own default, which deflateInit2 wants to be told.
    return deflateInit2(&stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WindowBits(format), kMemoryLevel,
                        Z_DEFAULT_STRATEGY) == Z_OK;
  }

 private:
  int Work(bool last) override { return deflate(&stream_, last ? Z_FINISH : Z_NO_FLUSH); }
};

class ZlibDecoder final : public ZlibCodec {
 public:
  ~ZlibDecoder() override { inflateEnd(&stream_); }
  bool Open(CompressionFormat format) { return inflateInit2(&stream_, WindowBits(format)) == Z_OK; }

 private:
  int Work(bool) override { return inflate(&stream_, Z_NO_FLUSH); }
};

class BrotliEncoder final : public Codec {
 public:
  BrotliEncoder() : state_(BrotliEncoderCreateInstance(nullptr, nullptr, nullptr)) {
    // The library's default is its slowest quality, meant for files that are compressed once. This one is about as
    // fast as gzip and smaller.
    constexpr std::uint32_t kQuality = 5;
    if (state_ != nullptr) BrotliEncoderSetParameter(state_, BROTLI_PARAM_QUALITY, kQuality);
  }
  ~BrotliEncoder() override { BrotliEncoderDestroyInstance(state_); }
  bool is_open() const { return state_ != nullptr; }

  Step Run(std::string_view input, bool last, std::span<char> room) override {
    std::size_t given = input.size(), space = room.size();
    auto* next_in = reinterpret_cast<const std::uint8_t*>(input.data());
    auto* next_out = reinterpret_cast<std::uint8_t*>(room.data());
    const auto operation = last ? BROTLI_OPERATION_FINISH : BROTLI_OPERATION_PROCESS;
    const bool done =
        BrotliEncoderCompressStream(state_, operation, &given, &next_in, &space, &next_out, nullptr) == BROTLI_TRUE;
    Step step{.consumed = input.size() - given, .produced = room.size() - space};
    if (!done) {
      step.state = State::kBroken;
    } else if (BrotliEncoderIsFinished(state_) == BROTLI_TRUE) {
      step.state = State::kEnded;
    } else if (given > 0 || BrotliEncoderHasMoreOutput(state_) == BROTLI_TRUE) {
      step.state = State::kNeedsRoom;
    }
    return step;
  }

 private:
  BrotliEncoderState* const state_;
};

class BrotliDecoder final : public Codec {
 public:
  BrotliDecoder() : state_(BrotliDecoderCreateInstance(nullptr, nullptr, nullptr)) {}
  ~BrotliDecoder() override { BrotliDecoderDestroyInstance(state_); }
  bool is_open() const { return state_ != nullptr; }

  Step Run(std::string_view input, bool, std::span<char> room) override {
    std::size_t given = input.size(), space = room.size();
    auto* next_in = reinterpret_cast<const std::uint8_t*>(input.data());
    auto* next_out = reinterpret_cast<std::uint8_t*>(room.data());
    const auto result = BrotliDecoderDecompressStream(state_, &given, &next_in, &space, &next_out, nullptr);
    Step step{.consumed = input.size() - given, .produced = room.size() - space};
    switch (result) {
      case BROTLI_DECODER_RESULT_SUCCESS:
        step.state = State::kEnded;
        break;
      case BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT:
        step.state = State::kNeedsInput;
        break;
      case BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT:
        step.state = State::kNeedsRoom;
        break;
      case BROTLI_DECODER_RESULT_ERROR:
        step.state = State::kBroken;
        break;
    }
    return step;
  }

 private:
  BrotliDecoderState* const state_;
};

template <typename Zlib, typename Brotli>
std::unique_ptr<Codec> Make(CompressionFormat format) {
  if (format == CompressionFormat::kBrotli) {
    auto codec = std::make_unique<Brotli>();
    if (!codec->is_open()) return nullptr;
    return codec;
  }
  auto codec = std::make_unique<Zlib>();
  if (!codec->Open(format)) return nullptr;
  return codec;
}

}  // namespace

std::unique_ptr<Codec> MakeEncoder(CompressionFormat format) { return Make<ZlibEncoder, BrotliEncoder>(format); }

std::unique_ptr<Codec> MakeDecoder(CompressionFormat format) { return Make<ZlibDecoder, BrotliDecoder>(format); }

}  // namespace jsd

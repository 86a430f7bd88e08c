#include "core/ops/file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "core/array_buffer_allocator.h"
#include "core/guarded.h"
#include "core/permissions.h"
#include "core/runtime_state.h"
#include "core/value.h"

namespace jsd {
namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;

struct Contents {
  std::string bytes;
  bool refused = false;
  int error = 0;
};

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int get() const { return number_; }

 private:
  const int number_;
};

// Reads the file with at most `limit` bytes; 0: any number.
Contents Read(const Permissions& permissions, const std::string& path, std::size_t limit) {
  if (!permissions.AllowsRead(path)) return {.refused = true};
  // A FIFO must not keep the thread.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (file.get() < 0) return {.error = errno};
  // The name may have become another file's since the question above: this is the one that is read.
  std::error_code error;
  const auto real = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(file.get()), error);
  if (error || !permissions.AllowsRead(real)) return {.refused = true};
  struct stat status;
  if (::fstat(file.get(), &status) != 0) return {.error = errno};
  if (S_ISDIR(status.st_mode)) return {.error = EISDIR};
  if (!S_ISREG(status.st_mode)) return {.error = EINVAL};
  Contents contents;
  const auto size = static_cast<std::size_t>(status.st_size);
  if (limit != 0 && size > limit) return {.error = EFBIG};
  contents.bytes.resize(size);
  std::size_t at = 0;
  while (at < size) {
    const ssize_t count = ::read(file.get(), contents.bytes.data() + at, size - at);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return {.error = errno};
    if (count == 0) break;
    at += static_cast<std::size_t>(count);
  }
  contents.bytes.resize(at);
  return contents;
}

v8::MaybeLocal<v8::Value> ToValue(v8::Isolate* isolate, const Contents& contents, const std::string& path) {
  if (contents.refused) {
    ThrowDomException(isolate, "NotAllowedError", Permissions::ReadRefusal(path));
    return {};
  }
  if (contents.error != 0) {
    const char* const name = ::strerrorname_np(contents.error);
    ThrowTypeError(isolate, path + ": " + std::strerror(contents.error), name == nullptr ? "EIO" : name);
    return {};
  }
  v8::Local<v8::ArrayBuffer> buffer;
  if (!v8::ArrayBuffer::MaybeNew(isolate, contents.bytes.size(), v8::BackingStoreInitializationMode::kUninitialized)
           .ToLocal(&buffer)) {
    ThrowRangeError(isolate, "Array buffer allocation failed");
    return {};
  }
  if (!contents.bytes.empty()) std::memcpy(buffer->Data(), contents.bytes.data(), contents.bytes.size());
  return buffer;
}

void ReadFile(const Info& info) {
  v8::Isolate* const isolate = info.GetIsolate();
  RuntimeState& state = RuntimeState::From(isolate);
  const std::string path = ToUtf8(isolate, info[1].As<v8::String>());
  const std::size_t limit = state.buffers == nullptr ? 0 : state.buffers->limit();
  state.ops.StartOnPool(
      info[0].As<v8::Uint32>()->Value(), [permissions = state.permissions, path, limit]() -> OpQueue::MakeValue {
        return [contents = std::make_shared<const Contents>(Read(permissions, path, limit)),
                path](v8::Local<v8::Context> context) { return ToValue(context->GetIsolate(), *contents, path); };
      });
}

constexpr Binding kBindings[] = {
    {"readFile", Guarded<ReadFile>, OpKind::kAsync},
};

}  // namespace

std::span<const Binding> FileBindings() { return kBindings; }

}  // namespace jsd

#include "core/ops/structured_clone.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/value.h"

namespace jsd {
namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;

// Marks the platform objects that can be cloned.
v8::Local<v8::Private> CloneableMark(v8::Isolate* isolate) {
  return v8::Private::ForApi(isolate, Literal(isolate, "jsd.cloneable"));
}

// Marks the prototypes of interfaces: what inherits from one is a platform object too, if one that cannot be cloned.
v8::Local<v8::Private> InterfaceMark(v8::Isolate* isolate) {
  return v8::Private::ForApi(isolate, Literal(isolate, "jsd.interface"));
}

// What goes beside the bytes from the serialiser to the deserialiser, by position. The handles that the serialiser
// hands out end with its own scopes.
struct Passed {
  std::vector<v8::Global<v8::Object>> platform_objects;
  std::vector<std::shared_ptr<v8::BackingStore>> shared_buffers;
  std::vector<v8::CompiledWasmModule> wasm_modules;
};

class Writer final : public v8::ValueSerializer::Delegate {
 public:
  Writer(v8::Isolate* isolate, Passed& passed)
      : isolate_(isolate),
        passed_(passed),
        mark_(CloneableMark(isolate)),
        interface_mark_(InterfaceMark(isolate)),
        object_prototype_(v8::Object::New(isolate)->GetPrototypeV2()),
        serializer_(isolate, this) {}

  v8::ValueSerializer& serializer() { return serializer_; }

  // Once. False: an exception is pending. The bytes are to be freed in either case.
  template <typename Pointer>
  bool Write(v8::Local<v8::Context> context, v8::Local<v8::Value> value, Pointer& bytes, std::size_t& size) {
    serializer_.WriteHeader();
    const bool written = serializer_.WriteValue(context, value).FromMaybe(false);
    const auto [data, length] = serializer_.Release();
    bytes.reset(data);
    size = length;
    return written;
  }

  void ThrowDataCloneError(v8::Local<v8::String> message) override {
    ThrowDomException(isolate_, "DataCloneError", ToUtf8(isolate_, message));
  }

  bool HasCustomHostObject(v8::Isolate*) override { return true; }

  v8::Maybe<bool> IsHostObject(v8::Isolate* isolate, v8::Local<v8::Object> object) override {
    const v8::Local<v8::Context> context = isolate->GetCurrentContext();
    const v8::Maybe<bool> marked = object->HasPrivate(context, mark_);
    if (marked.FromMaybe(true)) return marked;
    // Most objects have the one prototype that every object has.
    v8::Local<v8::Value> prototype = object->GetPrototypeV2();
    while (prototype->IsObject() && !prototype->IsProxy() && prototype != object_prototype_) {
      const v8::Maybe<bool> interface = prototype.As<v8::Object>()->HasPrivate(context, interface_mark_);
      if (interface.FromMaybe(true)) return interface;
      prototype = prototype.As<v8::Object>()->GetPrototypeV2();
    }
    return v8::Just(false);
  }

  v8::Maybe<bool> WriteHostObject(v8::Isolate* isolate, v8::Local<v8::Object> object) override {
    serializer_.WriteUint32(static_cast<std::uint32_t>(passed_.platform_objects.size()));
    passed_.platform_objects.emplace_back(isolate, object);
    return v8::Just(true);
  }

  v8::Maybe<std::uint32_t> GetSharedArrayBufferId(v8::Isolate*, v8::Local<v8::SharedArrayBuffer> buffer) override {
    passed_.shared_buffers.push_back(buffer->GetBackingStore());
    return v8::Just(static_cast<std::uint32_t>(passed_.shared_buffers.size() - 1));
  }

  v8::Maybe<std::uint32_t> GetWasmModuleTransferId(v8::Isolate*, v8::Local<v8::WasmModuleObject> module) override {
    passed_.wasm_modules.push_back(module->GetCompiledModule());
    return v8::Just(static_cast<std::uint32_t>(passed_.wasm_modules.size() - 1));
  }

 private:
  v8::Isolate* const isolate_;
  Passed& passed_;
  const v8::Local<v8::Private> mark_;
  const v8::Local<v8::Private> interface_mark_;
  const v8::Local<v8::Value> object_prototype_;
  v8::ValueSerializer serializer_;
};

struct Free {
  void operator()(std::uint8_t* bytes) const { std::free(bytes); }
};

class Reader final : public v8::ValueDeserializer::Delegate {
 public:
  // Takes what was passed as what is to be read. The bytes outlive the reader.
  Reader(v8::Isolate* isolate, const std::uint8_t* bytes, std::size_t size, const Passed& passed)
      : passed_(passed), deserializer_(isolate, bytes, size, this) {}

  v8::ValueDeserializer& deserializer() { return deserializer_; }

  v8::MaybeLocal<v8::Value> Read(v8::Local<v8::Context> context) {
    if (!deserializer_.ReadHeader(context).FromMaybe(false)) return {};
    return deserializer_.ReadValue(context);
  }

  v8::MaybeLocal<v8::Object> ReadHostObject(v8::Isolate* isolate) override {
    std::uint32_t id;
    JSD_CHECK(deserializer_.ReadUint32(&id) && id < passed_.platform_objects.size());
    return passed_.platform_objects[id].Get(isolate);
  }

  v8::MaybeLocal<v8::SharedArrayBuffer> GetSharedArrayBufferFromId(v8::Isolate* isolate, std::uint32_t id) override {
    if (id >= passed_.shared_buffers.size()) return OfOtherCluster<v8::SharedArrayBuffer>(isolate, "memory");
    return v8::SharedArrayBuffer::New(isolate, passed_.shared_buffers[id]);
  }

  v8::MaybeLocal<v8::WasmModuleObject> GetWasmModuleFromId(v8::Isolate* isolate, std::uint32_t id) override {
    if (id >= passed_.wasm_modules.size()) return OfOtherCluster<v8::WasmModuleObject>(isolate, "a WebAssembly.Module");
    return v8::WasmModuleObject::FromCompiledModule(isolate, passed_.wasm_modules[id]);
  }

 private:
  // What is shared within an isolate is not passed to others. No DOMException, because no JavaScript may run here; the
  // receiver sees no more of it than that there was one.
  template <typename T>
  static v8::MaybeLocal<T> OfOtherCluster(v8::Isolate* isolate, const char* what) {
    isolate->ThrowException(
        v8::Exception::Error(Literal(isolate, std::string("The value holds ") + what + " of another worker")));
    return {};
  }

  const Passed& passed_;
  v8::ValueDeserializer deserializer_;
};

// The elements of `transfer`, an array that no script sees; none where one of them cannot be transferred (an exception
// is pending).
std::optional<std::vector<v8::Local<v8::ArrayBuffer>>> TransferList(v8::Local<v8::Context> context,
                                                                    v8::Local<v8::Array> transfer) {
  v8::Isolate* isolate = context->GetIsolate();
  std::vector<v8::Local<v8::ArrayBuffer>> buffers;
  for (std::uint32_t i = 0; i < transfer->Length(); ++i) {
    v8::Local<v8::Value> element;
    if (!transfer->Get(context, i).ToLocal(&element)) return std::nullopt;
    if (!element->IsArrayBuffer()) {
      ThrowDomException(isolate, "DataCloneError", "An object in the transfer list cannot be transferred");
      return std::nullopt;
    }
    const auto buffer = element.As<v8::ArrayBuffer>();
    if (std::find(buffers.begin(), buffers.end(), buffer) != buffers.end()) {
      ThrowDomException(isolate, "DataCloneError", "An ArrayBuffer is in the transfer list twice");
      return std::nullopt;
    }
    buffers.push_back(buffer);
  }
  return buffers;
}

// False, with an exception pending, where one of them cannot give its contents away.
bool AreDetachable(v8::Isolate* isolate, const std::vector<v8::Local<v8::ArrayBuffer>>& buffers) {
  for (const auto& buffer : buffers) {
    if (buffer->WasDetached() || !buffer->IsDetachable()) {
      ThrowDomException(isolate, "DataCloneError", "An ArrayBuffer in the transfer list cannot be detached");
      return false;
    }
  }
  return true;
}

// Takes the contents out of each buffer and gives them to the deserialiser. False: an exception is pending.
bool Transfer(v8::Isolate* isolate, const std::vector<v8::Local<v8::ArrayBuffer>>& buffers,
              v8::ValueDeserializer& deserializer) {
  for (std::uint32_t i = 0; i < buffers.size(); ++i) {
    auto store = buffers[i]->GetBackingStore();
    if (buffers[i]->Detach(v8::Local<v8::Value>()).IsNothing()) return false;
    deserializer.TransferArrayBuffer(i, v8::ArrayBuffer::New(isolate, std::move(store)));
  }
  return true;
}

v8::Local<v8::Array> ToArray(v8::Isolate* isolate, const std::vector<v8::Global<v8::Object>>& objects) {
  v8::LocalVector<v8::Value> elements(isolate);
  for (const auto& object : objects) elements.push_back(object.Get(isolate));
  return v8::Array::New(isolate, elements.data(), elements.size());
}

// Puts copies in the place of platform objects; V8 lets no JavaScript run while it reads. False: an exception is
// pending.
bool CloneObjects(v8::Local<v8::Context> context, v8::Local<v8::Function> clone_objects,
                  std::vector<v8::Global<v8::Object>>& objects) {
  if (objects.empty()) return true;
  v8::Isolate* isolate = context->GetIsolate();
  v8::Local<v8::Value> list = ToArray(isolate, objects), copies, copy;
  if (!clone_objects->Call(context, v8::Undefined(isolate), 1, &list).ToLocal(&copies)) return false;
  JSD_CHECK(copies->IsArray() && copies.As<v8::Array>()->Length() == objects.size());
  for (std::uint32_t i = 0; i < objects.size(); ++i) {
    if (!copies.As<v8::Array>()->Get(context, i).ToLocal(&copy)) return false;
    JSD_CHECK(copy->IsObject());
    objects[i].Reset(isolate, copy.As<v8::Object>());
  }
  return true;
}

// structuredClone(value, buffers, cloneObjects): `buffers` are transferred; `cloneObjects` gets the platform objects in
// an array and returns one of what stands for them in the copy.
void StructuredClone(const Info& info) {
  JSD_CHECK(info.Length() == 3 && info[1]->IsArray() && info[2]->IsFunction());
  v8::Isolate* isolate = info.GetIsolate();
  const v8::Local<v8::Context> context = isolate->GetCurrentContext();
  const auto buffers = TransferList(context, info[1].As<v8::Array>());
  if (!buffers) return;
  Passed passed;
  Writer writer(isolate, passed);
  for (std::uint32_t i = 0; i < buffers->size(); ++i) writer.serializer().TransferArrayBuffer(i, (*buffers)[i]);
  std::unique_ptr<std::uint8_t, Free> bytes;
  std::size_t size;
  const bool written = writer.Write(context, info[0], bytes, size);
  Reader reader(isolate, bytes.get(), size, passed);
  if (!written || !AreDetachable(isolate, *buffers)) return;
  if (!CloneObjects(context, info[2].As<v8::Function>(), passed.platform_objects)) return;
  if (!Transfer(isolate, *buffers, reader.deserializer())) return;
  v8::Local<v8::Value> copy;
  if (reader.Read(context).ToLocal(&copy)) info.GetReturnValue().Set(copy);
}

// markCloneable(object)
void MarkCloneable(const Info& info) {
  JSD_CHECK(info.Length() == 1 && info[0]->IsObject());
  v8::Isolate* isolate = info.GetIsolate();
  // Fails only where execution is being terminated, and then nobody will clone it.
  (void)info[0].As<v8::Object>()->SetPrivate(isolate->GetCurrentContext(), CloneableMark(isolate), v8::True(isolate));
}

// markInterface(prototype)
void MarkInterface(const Info& info) {
  JSD_CHECK(info.Length() == 1 && info[0]->IsObject());
  v8::Isolate* isolate = info.GetIsolate();
  JSD_CHECK(info[0]
                .As<v8::Object>()
                ->SetPrivate(isolate->GetCurrentContext(), InterfaceMark(isolate), v8::True(isolate))
                .FromMaybe(false));
}

constexpr Binding kBindings[] = {
    {"structuredClone", StructuredClone},
    {"markCloneable", MarkCloneable},
    {"markInterface", MarkInterface},
};

}  // namespace

std::unique_ptr<const SerializedValue> SerializedValue::Write(v8::Local<v8::Context> context,
                                                              v8::Local<v8::Value> value,
                                                              v8::Local<v8::Function> write_objects) {
  v8::Isolate* isolate = context->GetIsolate();
  std::unique_ptr<SerializedValue> serialized(new SerializedValue);
  Passed passed;
  Writer writer(isolate, passed);
  const bool written = writer.Write(context, value, serialized->value_.data, serialized->value_.size);
  if (!written || !serialized->WriteObjects(context, passed.platform_objects, write_objects)) return nullptr;
  serialized->shared_buffers_ = std::move(passed.shared_buffers);
  serialized->wasm_modules_ = std::move(passed.wasm_modules);
  serialized->origin_ = isolate;
  return serialized;
}

bool SerializedValue::WriteObjects(v8::Local<v8::Context> context, const std::vector<v8::Global<v8::Object>>& objects,
                                   v8::Local<v8::Function> write_objects) {
  if (objects.empty()) return true;
  v8::Isolate* isolate = context->GetIsolate();
  v8::Local<v8::Value> list = ToArray(isolate, objects), written, records, handles, handle;
  if (!write_objects->Call(context, v8::Undefined(isolate), 1, &list).ToLocal(&written)) return false;
  JSD_CHECK(written->IsArray());
  if (!written.As<v8::Array>()->Get(context, 0).ToLocal(&records)) return false;
  if (!written.As<v8::Array>()->Get(context, 1).ToLocal(&handles)) return false;
  JSD_CHECK(handles->IsArray());
  for (std::uint32_t i = 0; i < handles.As<v8::Array>()->Length(); ++i) {
    if (!handles.As<v8::Array>()->Get(context, i).ToLocal(&handle)) return false;
    handles_.push_back(handle.As<v8::ArrayBuffer>()->GetBackingStore());
  }
  Passed passed;
  const bool ended = Writer(isolate, passed).Write(context, records, objects_.data, objects_.size);
  JSD_CHECK(passed.platform_objects.empty());
  return ended;
}

v8::MaybeLocal<v8::Value> SerializedValue::Read(v8::Local<v8::Context> context,
                                                v8::Local<v8::Function> read_objects) const {
  Passed passed;
  if (!ReadObjects(context, read_objects, passed.platform_objects)) return {};
  if (origin_ == context->GetIsolate()) {
    passed.shared_buffers = shared_buffers_;
    std::vector<v8::CompiledWasmModule>(wasm_modules_).swap(passed.wasm_modules);  // Its elements cannot be assigned.
  }
  return Reader(context->GetIsolate(), value_.data.get(), value_.size, passed).Read(context);
}

bool SerializedValue::ReadObjects(v8::Local<v8::Context> context, v8::Local<v8::Function> read_objects,
                                  std::vector<v8::Global<v8::Object>>& objects) const {
  if (objects_.size == 0) return true;
  v8::Isolate* isolate = context->GetIsolate();
  const Passed nothing;
  v8::Local<v8::Value> records, read, object;
  if (!Reader(isolate, objects_.data.get(), objects_.size, nothing).Read(context).ToLocal(&records)) return false;
  v8::LocalVector<v8::Value> handles(isolate);
  for (const auto& handle : handles_) handles.push_back(v8::ArrayBuffer::New(isolate, handle));
  v8::Local<v8::Value> arguments[] = {records, v8::Array::New(isolate, handles.data(), handles.size())};
  if (!read_objects->Call(context, v8::Undefined(isolate), 2, arguments).ToLocal(&read)) return false;
  JSD_CHECK(read->IsArray());
  for (std::uint32_t i = 0; i < read.As<v8::Array>()->Length(); ++i) {
    if (!read.As<v8::Array>()->Get(context, i).ToLocal(&object)) return false;
    JSD_CHECK(object->IsObject());
    objects.emplace_back(isolate, object.As<v8::Object>());
  }
  return true;
}

std::span<const Binding> StructuredCloneBindings() { return kBindings; }

}  // namespace jsd

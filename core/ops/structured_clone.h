#ifndef JSD_CORE_OPS_STRUCTURED_CLONE_H_
#define JSD_CORE_OPS_STRUCTURED_CLONE_H_

#include <v8.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <vector>

#include "core/bindings.h"

namespace jsd {

// What stands for a value on its way to other isolates of the process, any number of them.
//
// Owner: shared by those that it is sent to. Thread: any; it never changes. Lifetime: beyond that of its sender.
class SerializedValue {
 public:
  // StructuredSerialize (HTML, section 2.7.5). `write_objects` gets the platform objects that were met, in an array,
  // and returns [records, handles]: what they are written as, without platform objects, and array buffers that
  // bootstrap code keeps native things in, which are shared as they are. Null: an exception is pending.
  static std::unique_ptr<const SerializedValue> Write(v8::Local<v8::Context> context, v8::Local<v8::Value> value,
                                                      v8::Local<v8::Function> write_objects);

  // StructuredDeserialize. `read_objects` gets the records and handles, and returns the platform objects. Empty: an
  // exception is pending, among others because the value holds shared memory or a WebAssembly.Module of another
  // isolate, which is another agent cluster.
  v8::MaybeLocal<v8::Value> Read(v8::Local<v8::Context> context, v8::Local<v8::Function> read_objects) const;

  // Bytes of memory, about.
  std::size_t size() const { return value_.size + objects_.size; }

 private:
  struct Free {
    void operator()(std::uint8_t* bytes) const { std::free(bytes); }
  };
  struct Bytes {
    std::unique_ptr<std::uint8_t, Free> data;
    std::size_t size = 0;
  };

  SerializedValue() = default;
  bool WriteObjects(v8::Local<v8::Context> context, const std::vector<v8::Global<v8::Object>>& objects,
                    v8::Local<v8::Function> write_objects);
  bool ReadObjects(v8::Local<v8::Context> context, v8::Local<v8::Function> read_objects,
                   std::vector<v8::Global<v8::Object>>& objects) const;

  Bytes value_;
  Bytes objects_;  // The records; none where the value holds no platform object.
  std::vector<std::shared_ptr<v8::BackingStore>> handles_;
  std::vector<std::shared_ptr<v8::BackingStore>> shared_buffers_;
  std::vector<v8::CompiledWasmModule> wasm_modules_;
  const v8::Isolate* origin_ = nullptr;
};

// markCloneable(object) and structuredClone(value, transfer, cloneObject): HTML, sections 2.7.7 and 2.7.10, within one
// context.
std::span<const Binding> StructuredCloneBindings();

}  // namespace jsd

#endif  // JSD_CORE_OPS_STRUCTURED_CLONE_H_

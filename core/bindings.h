#ifndef JSD_CORE_BINDINGS_H_
#define JSD_CORE_BINDINGS_H_

#include <v8.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace jsd {

// A synchronous op returns its value or throws. An asynchronous one takes its op id as first argument and ends through
// RuntimeState::ops; bootstrap code calls it by `core.opAsync` and gets a promise.
enum class OpKind { kSync, kAsync };

// A native function that bootstrap code may call, by the name it has there. The one place where a native function is
// named: the properties of `core.ops`, the ids that `core.send` takes and V8's external references all come from it.
struct Binding {
  const char* name;
  v8::FunctionCallback function;
  OpKind kind = OpKind::kSync;
};

// Every binding of the program. The position is the op's id.
const std::vector<Binding>& AllBindings();

// The native addresses that a snapshot refers to, ended by 0, as V8 wants them. The vector must outlive the isolate.
std::vector<std::intptr_t> ExternalReferences(std::span<const Binding> bindings);

// The names in their order: what a snapshot was made with must be what it is read with.
std::string BindingsFingerprint(std::span<const Binding> bindings);

// Makes the object `core` that the bootstrap files get: `ops` with every function, `opNames` by id, `asyncOps` with
// true by name, `version`.
v8::Local<v8::Object> MakeCoreObject(v8::Local<v8::Context> context, std::span<const Binding> bindings);

}  // namespace jsd

#endif  // JSD_CORE_BINDINGS_H_

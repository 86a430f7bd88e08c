#ifndef JSD_CORE_BINDINGS_H_
#define JSD_CORE_BINDINGS_H_

#include <v8.h>

#include <cstdint>
#include <span>
#include <vector>

namespace jsd {

// A native function that bootstrap code may call, by the name it has there. The one place where a native function is
// named: the properties of `core.ops`, the ids that `core.send` takes and V8's external references all come from it.
struct Binding {
  const char* name;
  v8::FunctionCallback function;
};

// Every binding of the program. The position is the op's id.
const std::vector<Binding>& AllBindings();

// The native addresses that a snapshot refers to, ended by 0, as V8 wants them.
const std::intptr_t* ExternalReferences();

// Makes the object `core` with `ops` on it, for the bootstrap files.
v8::Local<v8::Object> MakeCoreObject(v8::Local<v8::Context> context, std::span<const Binding> bindings);

}  // namespace jsd

#endif  // JSD_CORE_BINDINGS_H_

#ifndef JSD_CORE_OPS_WASM_STREAMING_H_
#define JSD_CORE_OPS_WASM_STREAMING_H_

#include <v8.h>

namespace jsd {

// Makes V8 give new contexts WebAssembly.compileStreaming and instantiateStreaming (WebAssembly Web API, section 3).
// What they are called with goes to the callback `wasmStreaming` of bootstrap/wasm.js, with a function that takes the
// bytes as they come.
void EnableWasmStreaming(v8::Isolate* isolate);

}  // namespace jsd

#endif  // JSD_CORE_OPS_WASM_STREAMING_H_

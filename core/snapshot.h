#ifndef JSD_CORE_SNAPSHOT_H_
#define JSD_CORE_SNAPSHOT_H_

#include <v8.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/bindings.h"

namespace jsd {

// A snapshot is a context in which the bootstrap files have run, with the functions that native code calls, as bytes:
// first what it was made with, then V8's own data.

// Makes one. Nothing, with `error`, where a bootstrap file fails or `references` lacks a binding's function.
std::optional<std::string> MakeSnapshot(std::span<const Binding> bindings, std::span<const std::intptr_t> references,
                                        std::string* error);

// The part that V8 reads; it points into `snapshot`. Nothing, with `error`, where the snapshot was made by another V8
// or with other bindings.
std::optional<v8::StartupData> ReadSnapshot(std::string_view snapshot, std::span<const Binding> bindings,
                                            std::string* error);

// The one that is built into this binary; empty in the program that makes it.
std::string_view EmbeddedSnapshot();

class CallbackTable;

// Finds the functions that native code calls in a context that came from a snapshot.
void RestoreCallbacks(v8::Local<v8::Context> context, CallbackTable* callbacks);

}  // namespace jsd

#endif  // JSD_CORE_SNAPSHOT_H_

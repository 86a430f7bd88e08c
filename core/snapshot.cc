#include "core/snapshot.h"

#include <algorithm>
#include <memory>

#include "core/array_buffer_allocator.h"
#include "core/bootstrap_files.h"
#include "core/check.h"
#include "core/platform.h"
#include "core/runtime_state.h"

namespace jsd {
namespace {

// What a snapshot has to agree on with its reader, padded so that V8's data after it keeps its alignment.
std::string Header(std::span<const Binding> bindings) {
  std::string header =
      std::string("jsd snapshot for V8 ") + v8::V8::GetVersion() + "\n" + BindingsFingerprint(bindings);
  header.push_back('\0');
  header.resize((header.size() + 15) / 16 * 16, '\0');
  return header;
}

// V8 keeps functions that are nobody's property by their order.
void KeepCallbacks(v8::SnapshotCreator* creator, v8::Local<v8::Context> context, const CallbackTable& callbacks) {
  v8::Isolate* isolate = context->GetIsolate();
  for (std::size_t i = 0; i < kCallbackCount; ++i) {
    const std::size_t index = creator->AddData(context, callbacks.Get(isolate, static_cast<Callback>(i)));
    JSD_CHECK(index == i);
  }
}

// False, with `error` naming them, where bootstrap files left a callback unset.
bool CheckCallbacks(const CallbackTable& callbacks, std::string* error) {
  for (std::size_t i = 0; i < kCallbackCount; ++i) {
    if (!callbacks.Has(static_cast<Callback>(i))) {
      *error = "no bootstrap file bound the callback '" + std::string(kCallbackNames[i]) + "'";
      return false;
    }
  }
  return true;
}

bool FillContext(v8::SnapshotCreator* creator, RuntimeState* state, std::span<const Binding> bindings,
                 std::string* error) {
  v8::Isolate* isolate = creator->GetIsolate();
  v8::HandleScope handle_scope(isolate);
  const v8::Local<v8::Context> context = v8::Context::New(isolate);
  v8::Context::Scope context_scope(context);
  const bool filled =
      RunBootstrapFiles(context, MakeCoreObject(context, bindings), error) && CheckCallbacks(state->callbacks, error);
  if (filled) KeepCallbacks(creator, context, state->callbacks);
  creator->SetDefaultContext(context);
  return filled;
}

}  // namespace

std::optional<std::string> MakeSnapshot(std::span<const Binding> bindings, std::span<const std::intptr_t> references,
                                        std::string* error) {
  for (const Binding& binding : bindings) {
    const auto address = reinterpret_cast<std::intptr_t>(binding.function);
    if (std::find(references.begin(), references.end(), address) == references.end()) {
      *error = std::string("the external references lack the function of '") + binding.name + "'";
      return std::nullopt;
    }
  }
  // Torn down in this order: handles, blob, creator, isolate. The creator leaves the isolate when it goes, and does not
  // own it; what the isolate uses is declared before it.
  RuntimeState state;
  const auto allocator = std::make_shared<ArrayBufferAllocator>(0);
  v8::Isolate::CreateParams parameters;
  parameters.array_buffer_allocator_shared = allocator;
  parameters.external_references = references.data();
  const IsolateHolder isolate;
  std::optional<std::string> snapshot;
  {
    v8::SnapshotCreator creator(isolate.get(), parameters);
    state.Attach(isolate.get());
    const bool filled = FillContext(&creator, &state, bindings, error);
    state.callbacks.Clear();
    const v8::StartupData blob = creator.CreateBlob(v8::SnapshotCreator::FunctionCodeHandling::kKeep);
    const std::unique_ptr<const char[]> owned(blob.data);
    if (filled) snapshot = Header(bindings) + std::string(blob.data, static_cast<std::size_t>(blob.raw_size));
  }
  return snapshot;
}

std::optional<v8::StartupData> ReadSnapshot(std::string_view snapshot, std::span<const Binding> bindings,
                                            std::string* error) {
  const std::string expected = Header(bindings);
  if (!snapshot.starts_with(expected)) {
    const std::string_view found = snapshot.substr(0, std::min(snapshot.find('\0'), snapshot.size()));
    const auto difference = std::mismatch(found.begin(), found.end(), expected.begin(), expected.end());
    const auto line_of = [](std::string_view text, std::size_t at) {
      const std::size_t begin = at == 0 ? 0 : text.rfind('\n', at - 1) + 1;
      return std::string(text.substr(begin, text.find_first_of(std::string_view("\n\0", 2), begin) - begin));
    };
    const auto at = static_cast<std::size_t>(difference.first - found.begin());
    *error = "the snapshot does not fit this program: it was made with '" + line_of(found, at) + "' where '" +
             line_of(expected, at) + "' is expected";
    return std::nullopt;
  }
  const std::string_view data = snapshot.substr(expected.size());
  return v8::StartupData{data.data(), static_cast<int>(data.size())};
}

void RestoreCallbacks(v8::Local<v8::Context> context, CallbackTable* callbacks) {
  for (std::size_t i = 0; i < kCallbackCount; ++i) {
    callbacks->Set(context->GetIsolate(), static_cast<Callback>(i),
                   context->GetDataFromSnapshotOnce<v8::Function>(i).ToLocalChecked());
  }
}

}  // namespace jsd

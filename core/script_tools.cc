#include "core/script_tools.h"

#include <icu_simdutf.h>

#include <cstdlib>
#include <cstring>
#include <utility>

#include "core/array_buffer_allocator.h"
#include "core/bootstrap_files.h"
#include "core/check.h"
#include "core/value.h"

namespace jsd {
namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;

// The text of a value that is a string; "" for any other.
std::string TextOf(v8::Isolate* isolate, v8::Local<v8::Value> value) {
  return value->IsString() ? ToUtf8(isolate, value.As<v8::String>()) : std::string();
}

void DecodeUtf8(const Info& info) {
  std::string_view bytes;
  v8::Local<v8::String> text;
  if (GetBytes(info[0], &bytes) && ToV8(info.GetIsolate(), bytes).ToLocal(&text)) info.GetReturnValue().Set(text);
}

void EncodeUtf8(const Info& info) {
  const std::string text = TextOf(info.GetIsolate(), info[0]);
  const auto buffer = v8::ArrayBuffer::New(info.GetIsolate(), text.size());
  if (!text.empty()) std::memcpy(buffer->Data(), text.data(), text.size());
  info.GetReturnValue().Set(v8::Uint8Array::New(buffer, 0, text.size()));
}

// decodeBase64(text): a Uint8Array.
void DecodeBase64(const Info& info) {
  const std::string text = TextOf(info.GetIsolate(), info[0]);
  const auto buffer = v8::ArrayBuffer::New(info.GetIsolate(), text.size());
  const auto decoded = simdutf::base64_to_binary(text.data(), text.size(), static_cast<char*>(buffer->Data()),
                                                 simdutf::base64_default, simdutf::loose);
  JSD_CHECK(decoded.error == simdutf::SUCCESS);
  info.GetReturnValue().Set(v8::Uint8Array::New(buffer, 0, decoded.count));
}

const BootstrapFile* FindSource(std::string_view name) {
  for (const BootstrapFile& file : ToolSources()) {
    if (file.name.substr(0, file.name.rfind('.')) == name) return &file;
  }
  return nullptr;
}

// The source as a function of `native` and `require`, or of a bundle's `module`, `exports` and `require`.
v8::MaybeLocal<v8::Function> CompileSource(v8::Local<v8::Context> context, std::string_view name, bool bundle) {
  v8::Isolate* isolate = context->GetIsolate();
  const BootstrapFile* const file = FindSource(name);
  JSD_CHECK(file != nullptr);
  v8::Local<v8::String> text;
  if (!ToV8(isolate, file->source).ToLocal(&text)) return {};
  v8::ScriptCompiler::Source source(text, v8::ScriptOrigin(Literal(isolate, "jsd:" + std::string(name))));
  v8::Local<v8::String> of_tool[] = {Literal(isolate, "native"), Literal(isolate, "require")};
  v8::Local<v8::String> of_bundle[] = {Literal(isolate, "module"), Literal(isolate, "exports"),
                                       Literal(isolate, "require")};
  if (bundle) return v8::ScriptCompiler::CompileFunction(context, &source, std::size(of_bundle), of_bundle);
  return v8::ScriptCompiler::CompileFunction(context, &source, std::size(of_tool), of_tool);
}

// require(name) of a tool: the bundle of that name, not called yet.
void RequireBundle(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Function> bundle;
  if (CompileSource(isolate->GetCurrentContext(), TextOf(isolate, info[0]), true).ToLocal(&bundle)) {
    info.GetReturnValue().Set(bundle);
  }
}

std::vector<std::string> TextsOf(v8::Local<v8::Context> context, v8::Local<v8::Value> value) {
  std::vector<std::string> texts;
  const auto array = value.As<v8::Array>();
  for (std::uint32_t i = 0; i < array->Length(); ++i) {
    texts.push_back(TextOf(context->GetIsolate(), array->Get(context, i).ToLocalChecked()));
  }
  return texts;
}

// The scopes in which the isolate is used, by whichever thread.
struct Entered {
  explicit Entered(v8::Isolate* isolate) : locker(isolate), isolate_scope(isolate), handle_scope(isolate) {}
  v8::Locker locker;
  v8::Isolate::Scope isolate_scope;
  v8::HandleScope handle_scope;
};

}  // namespace

std::shared_ptr<ScriptTools> ScriptTools::Get() {
  static std::mutex* const mutex = new std::mutex;
  static auto* const alive = new std::weak_ptr<ScriptTools>;
  const std::lock_guard lock(*mutex);
  auto tools = alive->lock();
  if (!tools) *alive = tools = std::make_shared<ScriptTools>();
  return tools;
}

ScriptTools::ScriptTools() : allocator_(std::make_shared<ArrayBufferAllocator>(0)) {
  v8::Isolate::CreateParams parameters;
  parameters.array_buffer_allocator_shared = allocator_;
  v8::Isolate::Initialize(isolate_.get(), parameters);
  const Entered entered(isolate_.get());
  context_.Reset(isolate_.get(), v8::Context::New(isolate_.get()));
}

ScriptTools::~ScriptTools() {
  // Handles go before their isolate.
  const v8::Locker locker(isolate_.get());
  tools_.clear();
  context_.Reset();
}

v8::MaybeLocal<v8::Function> ScriptTools::Find(v8::Local<v8::Context> context, const std::string& tool) {
  v8::Isolate* isolate = isolate_.get();
  if (const auto known = tools_.find(tool); known != tools_.end()) return known->second.Get(isolate);
  const v8::Local<v8::Object> native = v8::Object::New(isolate);
  v8::Local<v8::Function> compiled, decode, encode, base64, require;
  v8::Local<v8::Value> made;
  if (!CompileSource(context, tool, false).ToLocal(&compiled) ||
      !v8::Function::New(context, DecodeUtf8).ToLocal(&decode) ||
      !v8::Function::New(context, EncodeUtf8).ToLocal(&encode) ||
      !v8::Function::New(context, DecodeBase64).ToLocal(&base64) ||
      !v8::Function::New(context, RequireBundle).ToLocal(&require) ||
      !native->Set(context, Literal(isolate, "decodeUtf8"), decode).FromMaybe(false) ||
      !native->Set(context, Literal(isolate, "decodeBase64"), base64).FromMaybe(false) ||
      !native->Set(context, Literal(isolate, "encodeUtf8"), encode).FromMaybe(false)) {
    return {};
  }
  v8::Local<v8::Value> arguments[] = {native, require};
  if (!compiled->Call(context, v8::Undefined(isolate), std::size(arguments), arguments).ToLocal(&made)) return {};
  JSD_CHECK(made->IsFunction());
  tools_[tool].Reset(isolate, made.As<v8::Function>());
  return made.As<v8::Function>();
}

v8::MaybeLocal<v8::Value> ScriptTools::Call(v8::Local<v8::Context> context, const char* tool,
                                            std::vector<std::string> arguments) {
  v8::LocalVector<v8::Value> values(isolate_.get());
  for (const std::string& argument : arguments) {
    v8::Local<v8::String> text;
    if (!ToV8(isolate_.get(), argument).ToLocal(&text)) return {};
    values.push_back(text);
  }
  v8::Local<v8::Function> function;
  if (!Find(context, tool).ToLocal(&function)) return {};
  return function->Call(context, v8::Undefined(isolate_.get()), static_cast<int>(values.size()), values.data());
}

ScriptTools::ExportNames ScriptTools::FindExports(std::string_view text) {
  const std::lock_guard lock(mutex_);
  const Entered entered(isolate_.get());
  const v8::Local<v8::Context> context = context_.Get(isolate_.get());
  const v8::Context::Scope context_scope(context);
  const v8::TryCatch try_catch(isolate_.get());
  v8::Local<v8::Value> result;
  if (!Call(context, "commonjs_exports", {std::string(text)}).ToLocal(&result)) return {};
  const auto lists = result.As<v8::Array>();
  return {.names = TextsOf(context, lists->Get(context, 0).ToLocalChecked()),
          .reexports = TextsOf(context, lists->Get(context, 1).ToLocalChecked())};
}

ScriptTools::Compiled ScriptTools::Compile(std::string_view text, const std::string& path, Language language) {
  const std::lock_guard lock(mutex_);
  const Entered entered(isolate_.get());
  const v8::Local<v8::Context> context = context_.Get(isolate_.get());
  const v8::Context::Scope context_scope(context);
  const v8::TryCatch try_catch(isolate_.get());
  const bool jsx = language == Language::kTsx || language == Language::kJsx;
  const char* const mode = language == Language::kTypeScriptTransformed ? "transform"
                           : language == Language::kTsx                 ? "1"
                                                                        : "";
  v8::Local<v8::Value> result;
  if (!Call(context, jsx ? "jsx" : "typescript", {std::string(text), path, mode}).ToLocal(&result)) {
    return {.code = {},
            .map = {},
            .error = "its compiler failed: " + DescribeValue(context, try_catch.Exception()),
            .excerpt = {}};
  }
  std::vector<std::string> texts = TextsOf(context, result);
  texts.resize(6);
  return {.code = std::move(texts[0]),
          .map = std::move(texts[1]),
          .error = std::move(texts[2]),
          .excerpt = std::move(texts[3]),
          .line = std::atoi(texts[4].c_str()),
          .column = std::atoi(texts[5].c_str())};
}

}  // namespace jsd

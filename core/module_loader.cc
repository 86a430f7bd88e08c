#include "core/module_loader.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "ada.h"
#include "core/check.h"
#include "core/runtime_state.h"
#include "core/value.h"

namespace jsd {
namespace {

namespace fs = std::filesystem;

struct FileText {
  std::string text;
  std::string error;
};

// The text of a file without a byte order mark, or why it cannot be read.
FileText ReadFile(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return {.error = "no such file"};
  if (fs::is_directory(status)) return {.error = "it is a directory"};
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return {.error = "it cannot be read"};
  std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  return {.text = std::move(text)};
}

// The path that a file URL names; empty where it names none that a file can have.
std::string PathOfUrl(const ada::url_aggregator& url) {
  std::string path = ada::unicode::percent_decode(url.get_pathname(), url.get_pathname().find('%'));
  return path.find('\0') == std::string::npos ? path : std::string();
}

// Line `number` (from 1) of a file with a caret under `column` (from 1), for a message; empty if it is not there.
std::string Excerpt(const std::string& path, int number, int column) {
  std::ifstream stream(path);
  std::string line;
  for (int i = 0; i < number; ++i) {
    if (!std::getline(stream, line)) return {};
  }
  constexpr std::size_t kWidest = 200;
  if (line.size() > kWidest) return {};
  const std::string margin = " " + std::to_string(number) + " | ";
  return "\n" + margin + line + "\n" + std::string(margin.size() - 2, ' ') + "| " +
         std::string(static_cast<std::size_t>(column - 1), ' ') + "^";
}

// Reads "type" out of import attributes, whose entries have `stride` elements; false where there is anything else.
bool ReadAttributes(v8::Isolate* isolate, v8::Local<v8::Context> context, v8::Local<v8::FixedArray> attributes,
                    int stride, bool* json, std::string* error) {
  *json = false;
  for (int i = 0; i < attributes->Length(); i += stride) {
    const std::string key = ToUtf8(isolate, attributes->Get(context, i).As<v8::String>());
    const std::string value = ToUtf8(isolate, attributes->Get(context, i + 1).As<v8::String>());
    if (key != "type") {
      *error = "the import attribute '" + key + "' is not supported";
      return false;
    }
    if (value != "json") {
      *error = "the import type '" + value + "' is not supported, only 'json' is";
      return false;
    }
    *json = true;
  }
  return true;
}

constexpr int kStaticAttributeStride = 3;   // Key, value, source offset.
constexpr int kDynamicAttributeStride = 2;  // Key, value.

// Adds to the message of a broken module's error who wanted it.
void NameImporter(v8::Local<v8::Context> context, v8::Local<v8::Value> error, const std::string& importer) {
  v8::Isolate* isolate = context->GetIsolate();
  if (!error->IsNativeError()) return;
  v8::TryCatch ignored(isolate);
  const v8::Local<v8::String> key = Literal(isolate, "message");
  v8::Local<v8::Value> message;
  v8::Local<v8::String> longer;
  if (error.As<v8::Object>()->Get(context, key).ToLocal(&message) &&
      ToV8(isolate, DescribeValue(context, message) + " (" + importer + ")").ToLocal(&longer)) {
    error.As<v8::Object>()->Set(context, key, longer).FromMaybe(false);
  }
}

std::string ImportedBy(const std::string& specifier, const std::string& path, int line, int column) {
  std::string text = "imported as '" + specifier + "'";
  if (path.empty()) return text;
  text += " from " + path;
  if (line > 0) text += ":" + std::to_string(line) + ":" + std::to_string(column);
  return text;
}

}  // namespace

ModuleLoader::ModuleLoader(v8::Isolate* isolate) : isolate_(isolate) {
  isolate->SetHostImportModuleDynamicallyCallback(ImportDynamically);
  isolate->SetHostInitializeImportMetaObjectCallback(InitializeImportMeta);
}

ModuleLoader::~ModuleLoader() = default;

std::string ModuleLoader::ImportKey(std::string_view specifier, Type type) {
  return (type == Type::kJson ? "json " : "") + std::string(specifier);
}

ModuleLoader::Resolution ModuleLoader::Resolve(std::string_view specifier, const Importer& importer) {
  const bool relative = specifier.starts_with("./") || specifier.starts_with("../") || specifier.starts_with("/");
  if (relative) {
    const auto base = ada::parse<ada::url_aggregator>(importer.url);
    if (!base) return {.error = "there is no file to resolve it against"};
    const auto url = ada::parse<ada::url_aggregator>(specifier, &base.value());
    if (!url) return {.error = "it is not a valid path"};
    return {.url = std::string(url->get_href())};
  }
  const auto url = ada::parse<ada::url_aggregator>(specifier);
  if (!url)
    return {.error = "a bare specifier; bundle packages into the script, or import files by './', '../' or '/'"};
  if (url->get_protocol() != "file:") return {.error = "modules are read from files only"};
  return {.url = std::string(url->get_href())};
}

ModuleLoader::Record* ModuleLoader::Find(v8::Local<v8::Module> module) {
  const auto range = records_by_hash_.equal_range(module->GetIdentityHash());
  for (auto it = range.first; it != range.second; ++it) {
    if (it->second->module == module) return it->second;
  }
  return nullptr;
}

bool ModuleLoader::Compile(v8::Local<v8::Context> context, const std::string& text, Record* record) {
  v8::Local<v8::String> source_text, name;
  if (!ToV8(isolate_, text).ToLocal(&source_text)) return false;
  if (!ToV8(isolate_, record->url.find_first_of("?#") == std::string::npos ? record->path : record->url)
           .ToLocal(&name)) {
    return false;
  }
  v8::Local<v8::Module> module;
  if (record->type == Type::kJson) {
    v8::Local<v8::Value> value;
    if (!v8::JSON::Parse(context, source_text).ToLocal(&value)) return false;
    record->json.Reset(isolate_, value);
    const auto exports = {v8::String::NewFromUtf8Literal(isolate_, "default")};
    module = v8::Module::CreateSyntheticModule(
        isolate_, name, v8::MemorySpan<const v8::Local<v8::String>>(exports.begin(), exports.size()), EvaluateJson);
  } else {
    const v8::ScriptOrigin origin(name, 0, 0, false, -1, v8::Local<v8::Value>(), false, false, true);
    v8::ScriptCompiler::Source source(source_text, origin);
    if (!v8::ScriptCompiler::CompileModule(isolate_, &source).ToLocal(&module)) return false;
  }
  record->module.Reset(isolate_, module);
  records_by_hash_.emplace(module->GetIdentityHash(), record);
  return true;
}

ModuleLoader::Record* ModuleLoader::Load(v8::Local<v8::Context> context, const std::string& specifier, Type type,
                                         const Importer& importer, std::vector<std::string>* added) {
  const auto fail = [&](const std::string& reason) -> Record* {
    std::string message = "Cannot import '" + specifier + "': " + reason;
    if (importer.line > 0) {
      message += " (" + ImportedBy(specifier, importer.path, importer.line, importer.column) + ")" +
                 Excerpt(importer.path, importer.line, importer.column);
    }
    ThrowTypeError(isolate_, message);
    return nullptr;
  };
  const Resolution resolution = Resolve(specifier, importer);
  if (!resolution.error.empty()) return fail(resolution.error);
  const std::string key = ImportKey(resolution.url, type);
  if (const auto found = records_.find(key); found != records_.end()) return found->second.get();

  auto record = std::make_unique<Record>();
  record->url = resolution.url;
  record->path = PathOfUrl(*ada::parse<ada::url_aggregator>(resolution.url));
  record->type = type;
  if (type == Type::kJavaScript && record->path.ends_with(".json")) {
    return fail("a JSON module is imported by `with { type: \"json\" }`");
  }
  const FileText file = ReadFile(record->path);
  if (!file.error.empty()) return fail(record->path + ": " + file.error);
  v8::TryCatch try_catch(isolate_);
  if (!Compile(context, file.text, record.get())) {
    if (try_catch.CanContinue()) {
      if (type == Type::kJson) NameImporter(context, try_catch.Exception(), "in " + record->path);
      if (importer.line > 0) {
        NameImporter(context, try_catch.Exception(),
                     ImportedBy(specifier, importer.path, importer.line, importer.column));
      }
    }
    try_catch.ReThrow();
    return nullptr;
  }
  Record* const loaded = record.get();
  records_.emplace(key, std::move(record));
  added->push_back(key);
  return loaded;
}

bool ModuleLoader::LoadImports(v8::Local<v8::Context> context, Record* record, std::vector<std::string>* added) {
  // Depth first, by a list of its own: a long chain of imports must not use up the native stack.
  std::vector<Record*> pending = {record};
  while (!pending.empty()) {
    Record* const current = pending.back();
    pending.pop_back();
    const v8::HandleScope handle_scope(isolate_);
    const v8::Local<v8::Module> module = current->module.Get(isolate_);
    if (!module->IsSourceTextModule()) continue;
    const v8::Local<v8::FixedArray> requests = module->GetModuleRequests();
    for (int i = 0; i < requests->Length(); ++i) {
      const auto request = requests->Get(context, i).As<v8::ModuleRequest>();
      v8::Location location = module->SourceOffsetToLocation(request->GetSourceOffset());
      const Importer importer = {current->url, current->path, location.GetLineNumber() + 1,
                                 location.GetColumnNumber() + 1};
      const std::string specifier = ToUtf8(isolate_, request->GetSpecifier());
      bool json = false;
      std::string error;
      if (!ReadAttributes(isolate_, context, request->GetImportAttributes(), kStaticAttributeStride, &json, &error)) {
        ThrowTypeError(isolate_,
                       error + " (" + ImportedBy(specifier, importer.path, importer.line, importer.column) + ")");
        return false;
      }
      const Type type = json ? Type::kJson : Type::kJavaScript;
      const std::size_t before = added->size();
      Record* const imported = Load(context, specifier, type, importer, added);
      if (imported == nullptr) return false;
      current->imports[ImportKey(specifier, type)] = imported;
      if (added->size() > before) pending.push_back(imported);
    }
  }
  return true;
}

ModuleLoader::Record* ModuleLoader::LoadGraph(v8::Local<v8::Context> context, const std::string& specifier, Type type,
                                              const Importer& importer) {
  std::vector<std::string> added;
  Record* const record = Load(context, specifier, type, importer, &added);
  if (record != nullptr && (added.empty() || LoadImports(context, record, &added))) return record;
  // Half a graph must not be found by the next import.
  for (const std::string& key : added) {
    const auto found = records_.find(key);
    std::erase_if(records_by_hash_, [&](const auto& entry) { return entry.second == found->second.get(); });
    records_.erase(found);
  }
  return nullptr;
}

v8::MaybeLocal<v8::Module> ModuleLoader::LinkImport(v8::Local<v8::Context> context, v8::Local<v8::String> specifier,
                                                    v8::Local<v8::FixedArray> attributes,
                                                    v8::Local<v8::Module> referrer) {
  v8::Isolate* isolate = context->GetIsolate();
  Record* const importer = RuntimeState::From(isolate).modules->Find(referrer);
  JSD_CHECK(importer != nullptr);
  bool json = false;
  std::string error;
  JSD_CHECK(ReadAttributes(isolate, context, attributes, kStaticAttributeStride, &json, &error));
  const auto found =
      importer->imports.find(ImportKey(ToUtf8(isolate, specifier), json ? Type::kJson : Type::kJavaScript));
  JSD_CHECK(found != importer->imports.end());
  return found->second->module.Get(isolate);
}

v8::MaybeLocal<v8::Value> ModuleLoader::EvaluateJson(v8::Local<v8::Context> context, v8::Local<v8::Module> module) {
  v8::Isolate* isolate = context->GetIsolate();
  Record* const record = RuntimeState::From(isolate).modules->Find(module);
  JSD_CHECK(record != nullptr);
  v8::Local<v8::Promise::Resolver> resolver;
  if (module
          ->SetSyntheticModuleExport(isolate, v8::String::NewFromUtf8Literal(isolate, "default"),
                                     record->json.Get(isolate))
          .IsNothing() ||
      !v8::Promise::Resolver::New(context).ToLocal(&resolver) ||
      resolver->Resolve(context, v8::Undefined(isolate)).IsNothing()) {
    return {};
  }
  return resolver->GetPromise();
}

v8::MaybeLocal<v8::Promise> ModuleLoader::Evaluate(v8::Local<v8::Context> context, const Record& record) {
  const v8::Local<v8::Module> module = record.module.Get(isolate_);
  if (module->InstantiateModule(context, LinkImport).IsNothing()) return {};
  v8::Local<v8::Value> promise;
  if (!module->Evaluate(context).ToLocal(&promise)) return {};
  return promise.As<v8::Promise>();
}

v8::MaybeLocal<v8::Promise> ModuleLoader::LoadMain(v8::Local<v8::Context> context, const std::string& path) {
  std::error_code error;
  const std::string absolute = fs::absolute(path, error).lexically_normal();
  main_ = LoadGraph(context, ada::href_from_file(absolute), Type::kJavaScript, Importer());
  if (main_ == nullptr) return {};
  return Evaluate(context, *main_);
}

v8::Local<v8::Value> ModuleLoader::MainNamespace(v8::Isolate* isolate) const {
  JSD_CHECK(main_ != nullptr);
  return main_->module.Get(isolate)->GetModuleNamespace();
}

std::string ModuleLoader::DescribeStalledAwaits(v8::Local<v8::Context> context) {
  std::string text;
  const auto messages = main_->module.Get(isolate_)->GetStalledTopLevelAwaitMessages(isolate_).second;
  for (const v8::Local<v8::Message>& message : messages) {
    const std::string file = DescribeValue(context, message->GetScriptResourceName());
    const int line = message->GetLineNumber(context).FromMaybe(0);
    const int column = message->GetStartColumn(context).FromMaybe(0) + 1;
    text +=
        Excerpt(file, line, column) + "\n    at " + file + ":" + std::to_string(line) + ":" + std::to_string(column);
  }
  return text;
}

v8::MaybeLocal<v8::Promise> ModuleLoader::ImportDynamically(v8::Local<v8::Context> context, v8::Local<v8::Data>,
                                                            v8::Local<v8::Value> resource_name,
                                                            v8::Local<v8::String> specifier,
                                                            v8::Local<v8::FixedArray> attributes) {
  v8::Isolate* isolate = context->GetIsolate();
  ModuleLoader& loader = *RuntimeState::From(isolate).modules;
  v8::Local<v8::Promise::Resolver> resolver;
  if (!v8::Promise::Resolver::New(context).ToLocal(&resolver)) return {};
  v8::TryCatch try_catch(isolate);
  const auto reject = [&]() -> v8::MaybeLocal<v8::Promise> {
    if (!try_catch.CanContinue()) {
      try_catch.ReThrow();
      return {};
    }
    if (resolver->Reject(context, try_catch.Exception()).IsNothing()) return {};
    return resolver->GetPromise();
  };
  const std::string name = DescribeValue(context, resource_name);
  Importer importer;
  importer.url = name.starts_with("file:") ? name : ada::href_from_file(name);
  importer.path = name;
  bool json = false;
  std::string error;
  if (!ReadAttributes(isolate, context, attributes, kDynamicAttributeStride, &json, &error)) {
    ThrowTypeError(isolate, error + " (" + ImportedBy(ToUtf8(isolate, specifier), importer.path, 0, 0) + ")");
    return reject();
  }
  const v8::Local<v8::StackTrace> stack = v8::StackTrace::CurrentStackTrace(isolate, 1);
  if (stack->GetFrameCount() > 0) {
    importer.line = stack->GetFrame(isolate, 0)->GetLineNumber();
    importer.column = stack->GetFrame(isolate, 0)->GetColumn();
  }
  const Type type = json ? Type::kJson : Type::kJavaScript;
  const Record* const record = loader.LoadGraph(context, ToUtf8(isolate, specifier), type, importer);
  v8::Local<v8::String> key;
  if (record == nullptr || !ToV8(isolate, ImportKey(record->url, type)).ToLocal(&key)) return reject();
  // The module that is being evaluated right now may be part of the graph, and V8 evaluates one at a time.
  v8::Local<v8::Value> job[] = {resolver, key};
  v8::Local<v8::Function> finish;
  if (!v8::Function::New(context, FinishDynamicImport, v8::Array::New(isolate, job, std::size(job))).ToLocal(&finish)) {
    return reject();
  }
  isolate->EnqueueMicrotask(finish);
  return resolver->GetPromise();
}

void ModuleLoader::FinishDynamicImport(const v8::FunctionCallbackInfo<v8::Value>& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const v8::Local<v8::Context> context = isolate->GetCurrentContext();
  ModuleLoader& loader = *RuntimeState::From(isolate).modules;
  const auto job = info.Data().As<v8::Array>();
  const auto resolver = job->Get(context, 0).ToLocalChecked().As<v8::Promise::Resolver>();
  const std::string key = ToUtf8(isolate, job->Get(context, 1).ToLocalChecked().As<v8::String>());
  const Record& record = *loader.records_.at(key);
  v8::TryCatch try_catch(isolate);
  v8::Local<v8::Promise> evaluated, done;
  v8::Local<v8::Function> give_namespace;
  const auto callback = [](const v8::FunctionCallbackInfo<v8::Value>& call) { call.GetReturnValue().Set(call.Data()); };
  if (loader.Evaluate(context, record).ToLocal(&evaluated) &&
      v8::Function::New(context, callback, record.module.Get(isolate)->GetModuleNamespace()).ToLocal(&give_namespace) &&
      evaluated->Then(context, give_namespace).ToLocal(&done)) {
    resolver->Resolve(context, done).FromMaybe(false);
  } else if (try_catch.CanContinue()) {
    resolver->Reject(context, try_catch.Exception()).FromMaybe(false);
  } else {
    try_catch.ReThrow();
  }
}

void ModuleLoader::InitializeImportMeta(v8::Local<v8::Context> context, v8::Local<v8::Module> module,
                                        v8::Local<v8::Object> meta) {
  v8::Isolate* isolate = context->GetIsolate();
  ModuleLoader& loader = *RuntimeState::From(isolate).modules;
  const Record* const record = loader.Find(module);
  JSD_CHECK(record != nullptr);
  const auto define = [&](const char* name, v8::Local<v8::Value> value) {
    meta->CreateDataProperty(context, Literal(isolate, name), value).FromMaybe(false);
  };
  const auto define_text = [&](const char* name, const std::string& value) {
    v8::Local<v8::String> text;
    if (ToV8(isolate, value).ToLocal(&text)) define(name, text);
  };
  define_text("url", record->url);
  define_text("filename", record->path);
  define_text("dirname", fs::path(record->path).parent_path().string());
  define("main", v8::Boolean::New(isolate, record == loader.main_));
}

}  // namespace jsd

#include "core/module_loader.h"

#include <filesystem>
#include <fstream>
#include <unordered_set>
#include <utility>

#include "ada.h"
#include "core/bootstrap_files.h"
#include "core/check.h"
#include "core/code_cache.h"
#include "core/runtime_state.h"
#include "core/value.h"

namespace jsd {
namespace {

namespace fs = std::filesystem;

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
  if (!error.As<v8::Object>()->Get(context, key).ToLocal(&message)) return;
  const std::string text = DescribeValue(context, message);
  const char* const separator = text.find('\n') == text.npos ? " (" : "\n(";  // Below an excerpt.
  if (ToV8(isolate, text + separator + importer + ")").ToLocal(&longer)) {
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

ModuleLoader::ModuleLoader(v8::Isolate* isolate, const ModuleOptions& options)
    : isolate_(isolate), options_(options), source_(isolate, options.transform_typescript, options.cache_folder) {
  isolate->SetHostImportModuleDynamicallyCallback(ImportDynamically);
  isolate->SetHostInitializeImportMetaObjectCallback(InitializeImportMeta);
}

ModuleLoader::~ModuleLoader() = default;

std::string ModuleLoader::ImportKey(std::string_view specifier, Type type) {
  return (type == Type::kJson ? "json " : "") + std::string(specifier);
}

bool ModuleLoader::Prepare(const std::string& main) {
  ModuleResolver::Options options;
  options.root = options_.root.empty() ? DefaultModuleRoot(main) : options_.root;
  for (const BootstrapFile& file : BuiltinSources()) {
    if (const std::string name = BuiltinName(file); !name.empty()) options.builtins.push_back(name);
  }
  std::string error;
  if (!options_.import_map.empty()) {
    auto map = ImportMap::Read(options_.import_map, &error);
    if (map) options.import_map = std::move(*map);
  }
  if (error.empty() && !options_.cache_folder.empty()) error = CodeCache::CheckFolder(options_.cache_folder);
  if (!error.empty()) {
    ThrowTypeError(isolate_, error);
    return false;
  }
  source_.source_maps().set_root(options.root);
  resolver_.emplace(std::move(options));
  commonjs_.emplace(isolate_, &*resolver_, &source_);
  return true;
}

ModuleLoader::Record* ModuleLoader::Find(v8::Local<v8::Module> module) {
  const auto range = records_by_hash_.equal_range(module->GetIdentityHash());
  for (auto it = range.first; it != range.second; ++it) {
    if (it->second->module == module) return it->second;
  }
  return nullptr;
}

bool ModuleLoader::Compile(v8::Local<v8::Context> context, const ScriptText& text, Record* record) {
  const ModuleLocation& location = record->location;
  const bool has_suffix = location.url.find_first_of("?#") != std::string::npos;
  v8::Local<v8::String> name;
  if (!ToV8(isolate_, has_suffix ? location.url : location.path).ToLocal(&name)) return false;
  v8::Local<v8::Module> module;
  if (!source_.CompileModule(name, text).ToLocal(&module)) return false;
  record->module.Reset(isolate_, module);
  return true;
}

bool ModuleLoader::CompileJson(v8::Local<v8::Context> context, const ScriptText& text, Record* record) {
  v8::Local<v8::String> source;
  v8::Local<v8::Value> value;
  if (!text.ToString(isolate_).ToLocal(&source) || !v8::JSON::Parse(context, source).ToLocal(&value)) return false;
  record->exports.Reset(isolate_, value);
  return MakeSynthetic(context, record);
}

bool ModuleLoader::CompileBuiltin(v8::Local<v8::Context> context, Record* record) {
  v8::Local<v8::String> name;
  v8::Local<v8::Value> exports;
  v8::Local<v8::Array> keys;
  if (!ToV8(isolate_, record->location.path).ToLocal(&name)) return false;
  v8::Local<v8::Value> arguments[] = {name};
  const auto load = RuntimeState::From(isolate_).callbacks.Get(isolate_, Callback::kLoadBuiltin);
  if (!load->Call(context, v8::Undefined(isolate_), 1, arguments).ToLocal(&exports)) return false;
  record->exports.Reset(isolate_, exports);
  if (!exports.As<v8::Object>()
           ->GetPropertyNames(context, v8::KeyCollectionMode::kOwnOnly,
                              static_cast<v8::PropertyFilter>(v8::ONLY_ENUMERABLE | v8::SKIP_SYMBOLS),
                              v8::IndexFilter::kSkipIndices)
           .ToLocal(&keys)) {
    return false;
  }
  for (std::uint32_t i = 0; i < keys->Length(); ++i) {
    std::string key = DescribeValue(context, keys->Get(context, i).ToLocalChecked());
    if (key != "default") record->names.push_back(std::move(key));
  }
  return MakeSynthetic(context, record);
}

bool ModuleLoader::MakeSynthetic(v8::Local<v8::Context>, Record* record) {
  v8::Local<v8::String> name;
  if (!ToV8(isolate_, record->location.url).ToLocal(&name)) return false;
  v8::LocalVector<v8::String> exports(isolate_);
  exports.push_back(Literal(isolate_, "default"));
  for (const std::string& export_name : record->names) exports.push_back(Literal(isolate_, export_name));
  record->module.Reset(isolate_,
                       v8::Module::CreateSyntheticModule(
                           isolate_, name, v8::MemorySpan<const v8::Local<v8::String>>(exports.data(), exports.size()),
                           EvaluateSynthetic));
  return true;
}

ModuleLoader::Record* ModuleLoader::Load(v8::Local<v8::Context> context, const std::string& specifier, Type type,
                                         const Importer& importer, std::vector<std::string>* added) {
  Resolution resolution =
      importer.url.empty() ? resolver_->ResolveMain(specifier) : resolver_->ResolveImport(specifier, importer.url);
  if (resolution.error.empty()) {
    return LoadResolved(context, specifier, std::move(resolution.module), type, importer, added);
  }
  std::string message = "Cannot import '" + specifier + "': " + resolution.error;
  if (importer.line > 0) {
    message += " (" + ImportedBy(specifier, importer.path, importer.line, importer.column) + ")" +
               Excerpt(importer.path, importer.line, importer.column);
  }
  ThrowTypeError(isolate_, message, resolution.not_found ? "ERR_MODULE_NOT_FOUND" : "");
  return nullptr;
}

ModuleLoader::Record* ModuleLoader::LoadResolved(v8::Local<v8::Context> context, const std::string& specifier,
                                                 ModuleLocation location, Type type, const Importer& importer,
                                                 std::vector<std::string>* added) {
  const std::string key = ImportKey(location.url, type);
  if (const auto found = records_.find(key); found != records_.end()) return found->second.get();

  auto record = std::make_unique<Record>();
  record->type = type;
  record->location = std::move(location);
  ModuleFormat& format = record->location.format;
  if (type == Type::kJson) format = ModuleFormat::kJson;
  if (format == ModuleFormat::kAmbiguous) {
    format = commonjs_->IsCommonJs(context, record->location) ? ModuleFormat::kCommonJs : ModuleFormat::kModule;
  }
  v8::TryCatch try_catch(isolate_);
  bool compiled = false;
  if (format == ModuleFormat::kBuiltin) {
    compiled = CompileBuiltin(context, record.get());
  } else if (format == ModuleFormat::kCommonJs) {
    record->names = commonjs_->ExportNames(record->location);
    compiled = MakeSynthetic(context, record.get());
  } else if (format == ModuleFormat::kJson && type != Type::kJson) {
    ThrowTypeError(isolate_,
                   "Cannot import '" + specifier + "': a JSON module is imported by `with { type: \"json\" }`");
  } else if (const auto text = source_.Load(record->location); !text->error.empty()) {
    if (text->syntax_error) {
      ThrowSyntaxError(isolate_, text->error);
    } else {
      ThrowTypeError(isolate_, "Cannot import '" + specifier + "': " + text->error);
    }
  } else {
    compiled = format == ModuleFormat::kJson ? CompileJson(context, *text->code, record.get())
                                             : Compile(context, *text->code, record.get());
  }
  if (!compiled) {
    if (try_catch.CanContinue()) {
      if (type == Type::kJson) NameImporter(context, try_catch.Exception(), "in " + record->location.path);
      if (importer.line > 0) {
        NameImporter(context, try_catch.Exception(),
                     ImportedBy(specifier, importer.path, importer.line, importer.column));
      }
    }
    try_catch.ReThrow();
    return nullptr;
  }
  Record* const loaded = record.get();
  records_by_hash_.emplace(loaded->module.Get(isolate_)->GetIdentityHash(), loaded);
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
      const Importer importer = {current->location.url, current->location.path, location.GetLineNumber() + 1,
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
  Forget(added);
  return nullptr;
}

void ModuleLoader::Forget(const std::vector<std::string>& added) {
  for (const std::string& key : added) {
    const auto found = records_.find(key);
    std::erase_if(records_by_hash_, [&](const auto& entry) { return entry.second == found->second.get(); });
    records_.erase(found);
  }
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

v8::MaybeLocal<v8::Value> ModuleLoader::EvaluateSynthetic(v8::Local<v8::Context> context,
                                                          v8::Local<v8::Module> module) {
  v8::Isolate* isolate = context->GetIsolate();
  const RuntimeState& state = RuntimeState::From(isolate);
  Record* const record = state.modules->Find(module);
  JSD_CHECK(record != nullptr);
  v8::Local<v8::Value> exports;
  if (record->location.format == ModuleFormat::kCommonJs) {
    v8::Local<v8::String> path;
    if (!ToV8(isolate, record->location.path).ToLocal(&path)) return {};
    v8::Local<v8::Value> arguments[] = {path, v8::False(isolate)};
    const auto require = state.callbacks.Get(isolate, Callback::kRequire);
    if (!require->Call(context, v8::Undefined(isolate), std::size(arguments), arguments).ToLocal(&exports)) return {};
  } else {
    exports = record->exports.Get(isolate);
  }
  if (module->SetSyntheticModuleExport(isolate, Literal(isolate, "default"), exports).IsNothing()) return {};
  if (exports->IsObject()) {
    for (const std::string& name : record->names) {
      const v8::Local<v8::String> key = Literal(isolate, name);
      // A getter that throws leaves its name undefined, as in Node.
      v8::TryCatch ignored(isolate);
      v8::Local<v8::Value> value;
      if (!exports.As<v8::Object>()->Get(context, key).ToLocal(&value)) {
        if (!ignored.CanContinue()) {
          ignored.ReThrow();
          return {};
        }
        continue;
      }
      if (module->SetSyntheticModuleExport(isolate, key, value).IsNothing()) return {};
    }
  }
  v8::Local<v8::Promise::Resolver> resolver;
  if (!v8::Promise::Resolver::New(context).ToLocal(&resolver) ||
      resolver->Resolve(context, v8::Undefined(isolate)).IsNothing()) {
    return {};
  }
  return resolver->GetPromise();
}

bool ModuleLoader::Link(v8::Local<v8::Context> context, v8::Local<v8::Module> module) {
  v8::TryCatch try_catch(isolate_);
  if (!module->InstantiateModule(context, LinkImport).IsNothing()) return true;
  if (try_catch.CanContinue()) ExplainEmptyModule(context, try_catch.Exception());
  try_catch.ReThrow();
  return false;
}

void ModuleLoader::ExplainEmptyModule(v8::Local<v8::Context> context, v8::Local<v8::Value> error) {
  const std::string report = DescribeValue(context, error);
  for (const auto& [key, record] : records_) {
    for (const auto& [specifier, imported] : record->imports) {
      if (imported->location.path != kEmptyModule) continue;
      if (report.find("requested module '" + specifier + "' does not provide") == report.npos) continue;
      return NameImporter(context, error,
                          "the package '" + resolver_->PackageOf(record->location.path) +
                              "' has an empty module in its place, by `browser` in package.json");
    }
  }
}

v8::MaybeLocal<v8::Promise> ModuleLoader::Evaluate(v8::Local<v8::Context> context, const Record& record) {
  const v8::Local<v8::Module> module = record.module.Get(isolate_);
  if (!Link(context, module)) return {};
  v8::Local<v8::Value> promise;
  if (!module->Evaluate(context).ToLocal(&promise)) return {};
  return promise.As<v8::Promise>();
}

v8::MaybeLocal<v8::Promise> ModuleLoader::LoadMain(v8::Local<v8::Context> context, const std::string& path) {
  if (!Prepare(path)) return {};
  main_ = LoadGraph(context, path, Type::kJavaScript, Importer());
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
  if (!loader.resolver_) {
    // Classic scripts alone, see JsRuntime::RunScripts.
    ThrowTypeError(isolate, "There are no modules: none has been loaded");
    return reject();
  }
  const std::string name = DescribeValue(context, resource_name);
  Importer importer;
  importer.url = name.starts_with("file:") || name.starts_with("node:") ? name : UrlOfPath(name);
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
  if (record == nullptr || !ToV8(isolate, ImportKey(record->location.url, type)).ToLocal(&key)) return reject();
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

// import.meta.resolve(specifier): the URL that an import of it here has (HTML, section 8.1.6.7).
void ModuleLoader::ResolveForMeta(const v8::FunctionCallbackInfo<v8::Value>& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::String> specifier, url;
  if (!info[0]->ToString(isolate->GetCurrentContext()).ToLocal(&specifier)) return;
  const std::string text = ToUtf8(isolate, specifier);
  const std::string importer = ToUtf8(isolate, info.Data().As<v8::String>());
  const Resolution resolution = RuntimeState::From(isolate).modules->resolver_->ResolveImport(text, importer);
  std::string resolved = resolution.module.url;
  if (resolution.not_found) {
    // A path has a URL even where no file is.
    const auto base = ada::parse<ada::url_aggregator>(importer);
    const bool relative = text.starts_with("./") || text.starts_with("../") || text.starts_with("/");
    const auto parsed =
        relative ? ada::parse<ada::url_aggregator>(text, &base.value()) : ada::parse<ada::url_aggregator>(text);
    if (parsed && parsed->get_protocol() == "file:") resolved = parsed->get_href();
  }
  if (resolved.empty()) return ThrowTypeError(isolate, "Cannot resolve '" + text + "': " + resolution.error);
  if (ToV8(isolate, resolved).ToLocal(&url)) info.GetReturnValue().Set(url);
}

void ModuleLoader::Settle() { source_.Settle(); }

Resolution ModuleLoader::ResolveRequire(v8::Local<v8::Context> context, const std::string& specifier,
                                        const std::string& importer_path) {
  Resolution resolution = resolver_->ResolveRequire(specifier, importer_path);
  ModuleFormat& format = resolution.module.format;
  if (resolution.error.empty() && format == ModuleFormat::kAmbiguous) {
    format = commonjs_->IsCommonJs(context, resolution.module) ? ModuleFormat::kCommonJs : ModuleFormat::kModule;
  }
  return resolution;
}

bool ModuleLoader::NeedsWhatIsRunning(Record* record) {
  std::vector<Record*> pending = {record};
  std::unordered_set<Record*> seen = {record};
  while (!pending.empty()) {
    Record* const current = pending.back();
    pending.pop_back();
    const v8::HandleScope handle_scope(isolate_);
    const v8::Module::Status status = current->module.Get(isolate_)->GetStatus();
    if (status == v8::Module::kEvaluating || status == v8::Module::kInstantiating) return true;
    if (status == v8::Module::kEvaluated || status == v8::Module::kErrored) continue;
    for (const auto& [key, imported] : current->imports) {
      if (seen.insert(imported).second) pending.push_back(imported);
    }
  }
  return false;
}

v8::MaybeLocal<v8::Value> ModuleLoader::RequireModule(v8::Local<v8::Context> context, const ModuleLocation& module) {
  std::vector<std::string> added;
  Record* const record = LoadResolved(context, module.path, module, Type::kJavaScript, Importer(), &added);
  if (record == nullptr || (!added.empty() && !LoadImports(context, record, &added))) {
    Forget(added);
    return {};
  }
  const v8::Local<v8::Module> loaded = record->module.Get(isolate_);
  if (NeedsWhatIsRunning(record)) {
    ThrowTypeError(isolate_, "Cannot require '" + module.path + "': it is being loaded, and needs this module first",
                   "ERR_REQUIRE_CYCLE_MODULE");
    return {};
  }
  if (!Link(context, loaded)) return {};
  if (loaded->IsGraphAsync()) {
    ThrowTypeError(isolate_, "Cannot require '" + module.path + "': it has a top-level await; use import()",
                   "ERR_REQUIRE_ASYNC_MODULE");
    return {};
  }
  v8::Local<v8::Promise> evaluation;
  if (!Evaluate(context, *record).ToLocal(&evaluation)) return {};
  if (evaluation->State() == v8::Promise::kRejected) {
    evaluation->MarkAsHandled();
    isolate_->ThrowException(evaluation->Result());
    return {};
  }
  const auto exports = loaded->GetModuleNamespace().As<v8::Object>();
  // What a module offers to `require` in place of its namespace (Node.js, "Loading ECMAScript modules using
  // require()").
  const v8::Local<v8::String> own = Literal(isolate_, "module.exports");
  if (exports->HasOwnProperty(context, own).FromMaybe(false)) return exports->Get(context, own);
  return exports;
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
  const ModuleLocation& location = record->location;
  define_text("url", location.url);
  define_text("filename", location.path);
  define_text("dirname", fs::path(location.path).parent_path().string());
  define("main", v8::Boolean::New(isolate, record == loader.main_));
  v8::Local<v8::String> url;
  v8::Local<v8::Function> resolve;
  if (ToV8(isolate, location.url).ToLocal(&url) &&
      v8::Function::New(context, ResolveForMeta, url, 1, v8::ConstructorBehavior::kThrow).ToLocal(&resolve)) {
    resolve->SetName(Literal(isolate, "resolve"));
    define("resolve", resolve);
  }
}

}  // namespace jsd

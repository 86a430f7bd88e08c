#include "core/module_source.h"

#include <cstdlib>
#include <utility>

#include "core/code_cache.h"
#include "core/value.h"

namespace jsd {
namespace {

// Below this size compiling costs no more than looking up.
constexpr std::size_t kWorthCaching = 4096;

ScriptTools::Language LanguageOf(ModuleSyntax syntax, bool transform) {
  switch (syntax) {
    case ModuleSyntax::kTsx:
      return ScriptTools::Language::kTsx;
    case ModuleSyntax::kJsx:
      return ScriptTools::Language::kJsx;
    case ModuleSyntax::kTypeScript:
    case ModuleSyntax::kJavaScript:
      break;
  }
  return transform ? ScriptTools::Language::kTypeScriptTransformed : ScriptTools::Language::kTypeScript;
}

std::string DescribeCompileError(const std::string& path, const ScriptTools::Compiled& compiled) {
  std::string text = path;
  if (compiled.line > 0) text += ":" + std::to_string(compiled.line) + ":" + std::to_string(compiled.column);
  text += ": " + compiled.error;
  if (!compiled.excerpt.empty()) text += "\n" + compiled.excerpt;
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace

ModuleSource::ModuleSource(v8::Isolate* isolate, bool transform_typescript, std::string cache_folder)
    : isolate_(isolate),
      transform_typescript_(transform_typescript),
      cache_folder_(std::move(cache_folder)),
      source_maps_(isolate) {}

ScriptTools& ModuleSource::tools() {
  if (!tools_) tools_ = ScriptTools::Get();
  return *tools_;
}

std::shared_ptr<const ModuleText> ModuleSource::Load(const ModuleLocation& module) {
  if (const auto known = texts_.find(module.path); known != texts_.end()) return known->second;
  const auto text = std::make_shared<ModuleText>();
  ScriptText::File file = ScriptText::Read(module.path);
  if (!file.text) {
    text->code = ScriptText::Of({});
    text->error = module.path + ": " + file.error;
  } else if (module.syntax == ModuleSyntax::kJavaScript) {
    text->code = std::move(file.text);
  } else {
    ScriptTools::Compiled compiled = Translate(module, *file.text);
    if (!compiled.error.empty()) {
      text->error = DescribeCompileError(module.path, compiled);
      text->syntax_error = true;
    }
    text->code = ScriptText::Of(std::move(compiled.code));
    if (!compiled.map.empty()) source_maps_.NoteTranslation(module.path, compiled.map);
  }
  texts_[module.path] = text;
  return text;
}

ScriptTools::Compiled ModuleSource::Translate(const ModuleLocation& module, const ScriptText& text) {
  const ScriptTools::Language language = LanguageOf(module.syntax, transform_typescript_);
  CodeCache& cache = CodeCache::Get();
  // The path stands in the source map.
  const std::string kind = "translation " + std::to_string(static_cast<int>(language)) + " " + module.path;
  const std::string key = CodeCache::KeyOf(kind, text.sum());
  ScriptTools::Compiled compiled;
  if (const auto known = cache.Find(cache_folder_, key)) {
    const std::size_t code = static_cast<std::size_t>(std::atoll(known->c_str()));
    const std::size_t begin = known->find('\n') + 1;
    compiled.code = known->substr(begin, code);
    compiled.map = known->substr(begin + code);
    return compiled;
  }
  compiled = tools().Compile(text.utf8(), module.path, language);
  if (compiled.error.empty()) {
    cache.Store(cache_folder_, key, std::to_string(compiled.code.size()) + "\n" + compiled.code + compiled.map);
  }
  return compiled;
}

template <typename T, typename Compile>
v8::MaybeLocal<T> ModuleSource::WithCache(const char* kind, v8::Local<v8::String> name, bool is_module,
                                          const ScriptText& code, Compile compile) {
  v8::Local<v8::String> text;
  if (!code.ToString(isolate_).ToLocal(&text)) return {};
  const v8::ScriptOrigin origin(name, 0, 0, false, -1, v8::Local<v8::Value>(), false, false, is_module);
  v8::Local<T> compiled;
  if (code.utf8().size() < kWorthCaching) {
    v8::ScriptCompiler::Source source(text, origin);
    return compile(&source, v8::ScriptCompiler::kNoCompileOptions);
  }
  CodeCache& cache = CodeCache::Get();
  std::string key = CodeCache::KeyOf(kind, code.sum());
  if (const auto known = cache.Find(cache_folder_, key)) {
    v8::ScriptCompiler::Source source(
        text, origin,
        new v8::ScriptCompiler::CachedData(reinterpret_cast<const std::uint8_t*>(known->data()),
                                           static_cast<int>(known->size())));
    if (!compile(&source, v8::ScriptCompiler::kConsumeCodeCache).ToLocal(&compiled)) return {};
    if (!source.GetCachedData()->rejected) return compiled;
    cache.Drop(cache_folder_, key);
  } else {
    v8::ScriptCompiler::Source source(text, origin);
    if (!compile(&source, v8::ScriptCompiler::kNoCompileOptions).ToLocal(&compiled)) return {};
  }
  Fresh fresh;
  fresh.key = std::move(key);
  if constexpr (std::is_same_v<T, v8::Module>) {
    fresh.module.Reset(isolate_, compiled);
  } else {
    fresh.function.Reset(isolate_, compiled);
  }
  fresh_.push_back(std::move(fresh));
  return compiled;
}

v8::MaybeLocal<v8::Module> ModuleSource::CompileModule(v8::Local<v8::String> name, const ScriptText& code) {
  v8::Local<v8::Module> module;
  const bool compiled = WithCache<v8::Module>(CodeCache::kModule, name, true, code, [&](auto* source, auto options) {
                          return v8::ScriptCompiler::CompileModule(isolate_, source, options);
                        }).ToLocal(&module);
  if (!compiled) return {};
  source_maps_.NoteUrl(ToUtf8(isolate_, name), module->GetUnboundModuleScript()->GetSourceMappingURL());
  return module;
}

v8::MaybeLocal<v8::Function> ModuleSource::CompileFunction(v8::Local<v8::Context> context, v8::Local<v8::String> name,
                                                           const ScriptText& code,
                                                           const v8::LocalVector<v8::String>& parameters) {
  std::string kind = "function";
  for (const v8::Local<v8::String>& parameter : parameters) kind += " " + ToUtf8(isolate_, parameter);
  v8::Local<v8::Function> function;
  const bool compiled = WithCache<v8::Function>(kind.c_str(), name, false, code, [&](auto* source, auto options) {
                          return v8::ScriptCompiler::CompileFunction(
                              context, source, parameters.size(), const_cast<v8::Local<v8::String>*>(parameters.data()),
                              0, nullptr, options);
                        }).ToLocal(&function);
  if (!compiled) return {};
  source_maps_.NoteUrl(ToUtf8(isolate_, name), function->GetScriptOrigin().SourceMapUrl());
  return function;
}

void ModuleSource::Settle() {
  const v8::HandleScope handle_scope(isolate_);
  for (const Fresh& fresh : std::exchange(fresh_, {})) {
    std::unique_ptr<v8::ScriptCompiler::CachedData> code;
    if (!fresh.function.IsEmpty()) {
      code.reset(v8::ScriptCompiler::CreateCodeCacheForFunction(fresh.function.Get(isolate_)));
    } else if (const auto module = fresh.module.Get(isolate_); module->GetStatus() != v8::Module::kErrored) {
      code.reset(v8::ScriptCompiler::CreateCodeCache(module->GetUnboundModuleScript()));
    }
    if (!code) continue;
    CodeCache::Get().Store(
        cache_folder_, fresh.key,
        std::string(reinterpret_cast<const char*>(code->data), static_cast<std::size_t>(code->length)));
  }
  texts_.clear();
  tools_.reset();
}

}  // namespace jsd

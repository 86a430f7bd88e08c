#ifndef JSD_CORE_MODULE_SOURCE_H_
#define JSD_CORE_MODULE_SOURCE_H_

#include <v8.h>

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/modules/module_resolver.h"
#include "core/script_text.h"
#include "core/script_tools.h"
#include "core/source_maps.h"

namespace jsd {

// A module as JavaScript.
struct ModuleText {
  std::shared_ptr<const ScriptText> code;
  std::string error;          // Why there is no code: for a message, with path, position and excerpt.
  bool syntax_error = false;  // It was read, but is not what its name says.
};

// Reads the files of modules, makes JavaScript of them, and compiles that or finds it compiled.
//
// Owner: ModuleLoader. Thread: the runtime's. Lifetime: ends before the isolate.
class ModuleSource {
 public:
  // `cache_folder` as of CodeCache; empty: none.
  ModuleSource(v8::Isolate* isolate, bool transform_typescript, std::string cache_folder);

  // The text of a module, kept until Settle.
  std::shared_ptr<const ModuleText> Load(const ModuleLocation& module);

  // Where the positions of scripts come from.
  SourceMaps& source_maps() { return source_maps_; }

  // Empty with an exception pending.
  v8::MaybeLocal<v8::Module> CompileModule(v8::Local<v8::String> name, const ScriptText& code);
  v8::MaybeLocal<v8::Function> CompileFunction(v8::Local<v8::Context> context, v8::Local<v8::String> name,
                                               const ScriptText& code, const v8::LocalVector<v8::String>& parameters);

  // What was loaded has run: its code is kept for the next time, its text and the tools are let go.
  void Settle();

  ScriptTools& tools();

 private:
  // Compiled by V8 and not yet known to the cache. One of the two handles is set.
  struct Fresh {
    std::string key;
    v8::Global<v8::Module> module;
    v8::Global<v8::Function> function;
  };

  ScriptTools::Compiled Translate(const ModuleLocation& module, const ScriptText& text);

  // Compiles with what is cached for the text; `compile` takes V8's source and options.
  template <typename T, typename Compile>
  v8::MaybeLocal<T> WithCache(const char* kind, v8::Local<v8::String> name, bool is_module, const ScriptText& code,
                              Compile compile);

  v8::Isolate* const isolate_;
  const bool transform_typescript_;
  const std::string cache_folder_;
  std::shared_ptr<ScriptTools> tools_;
  std::unordered_map<std::string, std::shared_ptr<const ModuleText>> texts_;  // By path.
  SourceMaps source_maps_;
  std::vector<Fresh> fresh_;
};

}  // namespace jsd

#endif  // JSD_CORE_MODULE_SOURCE_H_

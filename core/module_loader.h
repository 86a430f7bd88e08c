#ifndef JSD_CORE_MODULE_LOADER_H_
#define JSD_CORE_MODULE_LOADER_H_

#include <v8.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/commonjs.h"
#include "core/module_options.h"
#include "core/module_source.h"
#include "core/modules/module_resolver.h"

namespace jsd {

// Modules from files: finds, compiles, links and evaluates them, static and dynamic imports alike (HTML, module script
// processing, with files in the place of fetched resources). To an ES module, JSON, CommonJS modules and the built-in
// `node:` modules are modules too.
//
// Owner: JsRuntime. Thread: the runtime's. Lifetime: ends before the isolate.
class ModuleLoader {
 public:
  ModuleLoader(v8::Isolate* isolate, const ModuleOptions& options);
  ~ModuleLoader();

  // Loads the application's first module, links and starts it. The promise settles when it and its imports, with
  // top-level await, have been evaluated. Empty with an exception pending where a module is missing or broken.
  v8::MaybeLocal<v8::Promise> LoadMain(v8::Local<v8::Context> context, const std::string& path);

  // The exports of the first module, once it has been evaluated.
  v8::Local<v8::Value> MainNamespace(v8::Isolate* isolate) const;

  // Where a top-level await keeps the first module from ending: "at FILE:LINE:COLUMN" with the source line, one for
  // each; empty where nothing waits.
  std::string DescribeStalledAwaits(v8::Local<v8::Context> context);

  // The first module has been evaluated: what was only needed to load it is let go, and compiled code is kept.
  void Settle();

  // For `require`: where a specifier of the module at `importer_path` leads; which of the two an ambiguous file is has
  // been found out.
  Resolution ResolveRequire(v8::Local<v8::Context> context, const std::string& specifier,
                            const std::string& importer_path);
  // The namespace of an ES module, which must not have a top-level await. Empty with an exception pending.
  v8::MaybeLocal<v8::Value> RequireModule(v8::Local<v8::Context> context, const ModuleLocation& module);
  CommonJs& commonjs() { return *commonjs_; }
  ModuleSource& source() { return source_; }

 private:
  // What an import attribute asks for.
  enum class Type { kJavaScript, kJson };

  struct Record {
    ModuleLocation location;
    Type type = Type::kJavaScript;
    v8::Global<v8::Module> module;
    v8::Global<v8::Value> exports;   // Of JSON and of a built-in module, which are there before they are linked.
    std::vector<std::string> names;  // What a module that is no ES module exports besides "default".
    std::unordered_map<std::string, Record*> imports;  // By specifier and type, see ImportKey.
  };

  // Who asks for a module; for messages, and as the base of relative specifiers.
  struct Importer {
    std::string url;
    std::string path;
    int line = 0;    // 0: not known.
    int column = 0;  // From 1.
  };

  static v8::MaybeLocal<v8::Promise> ImportDynamically(v8::Local<v8::Context> context, v8::Local<v8::Data>,
                                                       v8::Local<v8::Value> resource_name,
                                                       v8::Local<v8::String> specifier,
                                                       v8::Local<v8::FixedArray> attributes);
  static void FinishDynamicImport(const v8::FunctionCallbackInfo<v8::Value>& info);
  static void InitializeImportMeta(v8::Local<v8::Context> context, v8::Local<v8::Module> module,
                                   v8::Local<v8::Object> meta);
  static v8::MaybeLocal<v8::Module> LinkImport(v8::Local<v8::Context> context, v8::Local<v8::String> specifier,
                                               v8::Local<v8::FixedArray> attributes, v8::Local<v8::Module> referrer);
  static v8::MaybeLocal<v8::Value> EvaluateSynthetic(v8::Local<v8::Context> context, v8::Local<v8::Module> module);
  static void ResolveForMeta(const v8::FunctionCallbackInfo<v8::Value>& info);

  static std::string ImportKey(std::string_view specifier, Type type);

  // Each of these returns null or false with an exception pending.
  Record* LoadGraph(v8::Local<v8::Context> context, const std::string& specifier, Type type, const Importer& importer);
  Record* Load(v8::Local<v8::Context> context, const std::string& specifier, Type type, const Importer& importer,
               std::vector<std::string>* added);
  Record* LoadResolved(v8::Local<v8::Context> context, const std::string& specifier, ModuleLocation location, Type type,
                       const Importer& importer, std::vector<std::string>* added);
  bool LoadImports(v8::Local<v8::Context> context, Record* record, std::vector<std::string>* added);
  bool Compile(v8::Local<v8::Context> context, const ScriptText& text, Record* record);
  bool CompileJson(v8::Local<v8::Context> context, const ScriptText& text, Record* record);
  bool CompileBuiltin(v8::Local<v8::Context> context, Record* record);
  bool MakeSynthetic(v8::Local<v8::Context> context, Record* record);
  // Takes the modules of a graph that did not come together out again: the next import must not find half of it.
  void Forget(const std::vector<std::string>& added);
  // Reads the import map and finds the root; false with an exception pending.
  bool Prepare(const std::string& main);
  bool Link(v8::Local<v8::Context> context, v8::Local<v8::Module> module);
  // Says in the error of a missing name whose package.json took the module away.
  void ExplainEmptyModule(v8::Local<v8::Context> context, v8::Local<v8::Value> error);
  v8::MaybeLocal<v8::Promise> Evaluate(v8::Local<v8::Context> context, const Record& record);

  Record* Find(v8::Local<v8::Module> module);
  // Whether a module that `record` needs, or itself, is being evaluated right now.
  bool NeedsWhatIsRunning(Record* record);

  v8::Isolate* const isolate_;
  const ModuleOptions options_;
  ModuleSource source_;
  std::optional<ModuleResolver> resolver_;  // Since Prepare, as the next.
  std::optional<CommonJs> commonjs_;
  std::unordered_map<std::string, std::unique_ptr<Record>> records_;  // By ImportKey of the URL.
  std::unordered_multimap<int, Record*> records_by_hash_;             // By the module's identity hash.
  Record* main_ = nullptr;
};

}  // namespace jsd

#endif  // JSD_CORE_MODULE_LOADER_H_

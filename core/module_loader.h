#ifndef JSD_CORE_MODULE_LOADER_H_
#define JSD_CORE_MODULE_LOADER_H_

#include <v8.h>

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace jsd {

// ES modules from files: finds, compiles, links and evaluates them, static and dynamic imports alike (HTML, module
// script processing, with files in the place of fetched resources).
//
// Owner: JsRuntime. Thread: the runtime's. Lifetime: ends before the isolate.
class ModuleLoader {
 public:
  explicit ModuleLoader(v8::Isolate* isolate);
  ~ModuleLoader();

  // Loads the application's first module, links and starts it. The promise settles when it and its imports, with
  // top-level await, have been evaluated. Empty with an exception pending where a module is missing or broken.
  v8::MaybeLocal<v8::Promise> LoadMain(v8::Local<v8::Context> context, const std::string& path);

  // The exports of the first module, once it has been evaluated.
  v8::Local<v8::Value> MainNamespace(v8::Isolate* isolate) const;

  // Where a top-level await keeps the first module from ending: "at FILE:LINE:COLUMN" with the source line, one for
  // each; empty where nothing waits.
  std::string DescribeStalledAwaits(v8::Local<v8::Context> context);

 private:
  enum class Type { kJavaScript, kJson };

  struct Record {
    std::string url;
    std::string path;
    Type type = Type::kJavaScript;
    v8::Global<v8::Module> module;
    v8::Global<v8::Value> json;
    std::unordered_map<std::string, Record*> imports;  // By specifier and type, see ImportKey.
  };

  // Who asks for a module; for messages, and as the base of relative specifiers.
  struct Importer {
    std::string url;
    std::string path;
    int line = 0;    // 0: not known.
    int column = 0;  // From 1.
  };

  // An address that a specifier resolved to, or the message why it did not.
  struct Resolution {
    std::string url;
    std::string error;
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
  static v8::MaybeLocal<v8::Value> EvaluateJson(v8::Local<v8::Context> context, v8::Local<v8::Module> module);

  static Resolution Resolve(std::string_view specifier, const Importer& importer);
  static std::string ImportKey(std::string_view specifier, Type type);

  // Each of these returns null or false with an exception pending.
  Record* LoadGraph(v8::Local<v8::Context> context, const std::string& specifier, Type type, const Importer& importer);
  Record* Load(v8::Local<v8::Context> context, const std::string& specifier, Type type, const Importer& importer,
               std::vector<std::string>* added);
  bool LoadImports(v8::Local<v8::Context> context, Record* record, std::vector<std::string>* added);
  bool Compile(v8::Local<v8::Context> context, const std::string& text, Record* record);
  v8::MaybeLocal<v8::Promise> Evaluate(v8::Local<v8::Context> context, const Record& record);

  Record* Find(v8::Local<v8::Module> module);

  v8::Isolate* const isolate_;
  std::unordered_map<std::string, std::unique_ptr<Record>> records_;  // By ImportKey of the URL.
  std::unordered_multimap<int, Record*> records_by_hash_;             // By the module's identity hash.
  Record* main_ = nullptr;
};

}  // namespace jsd

#endif  // JSD_CORE_MODULE_LOADER_H_

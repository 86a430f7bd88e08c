#ifndef JSD_CORE_COMMONJS_H_
#define JSD_CORE_COMMONJS_H_

#include <v8.h>

#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/module_source.h"
#include "core/modules/module_resolver.h"

namespace jsd {

// The native half of CommonJS (Node.js, "Modules: CommonJS modules"): compiles, and finds out what ES modules see.
// `require` itself, its cache and its cycles are bootstrap/commonjs.js.
//
// Owner: ModuleLoader. Thread: the runtime's. Lifetime: ends before the isolate.
class CommonJs {
 public:
  CommonJs(v8::Isolate* isolate, ModuleResolver* resolver, ModuleSource* source)
      : isolate_(isolate), resolver_(resolver), source_(source) {}

  // The module as a function of exports, require, module, __filename and __dirname. Empty with an exception pending
  // where it cannot be read or compiled.
  v8::MaybeLocal<v8::Function> Compile(v8::Local<v8::Context> context, const ModuleLocation& module);

  // Whether a file that may be either is CommonJS. What cannot be read or has another error counts as that.
  bool IsCommonJs(v8::Local<v8::Context> context, const ModuleLocation& module);

  // The names that an import of the module can have, besides "default", each once.
  std::vector<std::string> ExportNames(const ModuleLocation& module);

 private:
  void AddNames(const ModuleLocation& module, std::set<std::string>* seen, std::vector<std::string>* names);

  v8::Isolate* const isolate_;
  ModuleResolver* const resolver_;
  ModuleSource* const source_;
  // Compiled to see what they are, and not called yet; by path.
  std::unordered_map<std::string, v8::Global<v8::Function>> compiled_;
};

}  // namespace jsd

#endif  // JSD_CORE_COMMONJS_H_

#include "core/commonjs.h"

#include <algorithm>
#include <utility>

#include "core/script_tools.h"
#include "core/value.h"

namespace jsd {
namespace {

// V8's words for syntax that only a module may have.
bool SaysThatItIsAModule(const std::string& message) {
  for (const char* words : {"Cannot use import statement outside a module", "Unexpected token 'export'",
                            "Cannot use 'import.meta' outside a module",
                            "await is only valid in async functions and the top level bodies of modules"}) {
    if (message.find(words) != message.npos) return true;
  }
  return false;
}

}  // namespace

v8::MaybeLocal<v8::Function> CommonJs::Compile(v8::Local<v8::Context> context, const ModuleLocation& module) {
  if (const auto known = compiled_.find(module.path); known != compiled_.end()) {
    const v8::Local<v8::Function> function = known->second.Get(isolate_);
    compiled_.erase(known);
    return function;
  }
  const auto text = source_->Load(module);
  if (!text->error.empty()) {
    (text->syntax_error ? ThrowSyntaxError : ThrowTypeError)(isolate_, text->error, "");
    return {};
  }
  v8::Local<v8::String> name;
  if (!ToV8(isolate_, module.path).ToLocal(&name)) return {};
  // A line for the shell; the comment keeps the positions.
  const std::string& code = text->code->utf8();
  const auto compiled = code.starts_with("#!") ? ScriptText::Of("//" + code.substr(2)) : text->code;
  v8::LocalVector<v8::String> parameters(isolate_);
  for (const char* parameter : {"exports", "require", "module", "__filename", "__dirname"}) {
    parameters.push_back(Literal(isolate_, parameter));
  }
  return source_->CompileFunction(context, name, *compiled, parameters);
}

bool CommonJs::IsCommonJs(v8::Local<v8::Context> context, const ModuleLocation& module) {
  if (compiled_.contains(module.path)) return true;
  v8::TryCatch try_catch(isolate_);
  v8::Local<v8::Function> function;
  if (Compile(context, module).ToLocal(&function)) {
    compiled_[module.path].Reset(isolate_, function);
    return true;
  }
  return !try_catch.CanContinue() || !SaysThatItIsAModule(DescribeValue(context, try_catch.Exception()));
}

void CommonJs::AddNames(const ModuleLocation& module, std::set<std::string>* seen, std::vector<std::string>* names) {
  if (!seen->insert(module.path).second) return;
  const auto text = source_->Load(module);
  const ScriptTools::ExportNames found = source_->tools().FindExports(text->code->utf8());
  names->insert(names->end(), found.names.begin(), found.names.end());
  for (const std::string& specifier : found.reexports) {
    const Resolution resolution = resolver_->ResolveRequire(specifier, module.path);
    const ModuleFormat format = resolution.module.format;
    if (resolution.error.empty() && (format == ModuleFormat::kCommonJs || format == ModuleFormat::kAmbiguous)) {
      AddNames(resolution.module, seen, names);
    }
  }
}

std::vector<std::string> CommonJs::ExportNames(const ModuleLocation& module) {
  std::set<std::string> seen;
  std::vector<std::string> names;
  AddNames(module, &seen, &names);
  std::ranges::sort(names);
  const auto repeated = std::ranges::unique(names);
  names.erase(repeated.begin(), repeated.end());
  std::erase_if(names, [](const std::string& name) { return name == "default" || name == "module.exports"; });
  return names;
}

}  // namespace jsd

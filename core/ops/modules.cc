#include "core/ops/modules.h"

#include <string>
#include <vector>

#include "core/bootstrap_files.h"
#include "core/module_loader.h"
#include "core/modules/file_text.h"
#include "core/runtime_state.h"
#include "core/value.h"

namespace jsd {
namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;

std::string TextOf(v8::Isolate* isolate, v8::Local<v8::Value> value) {
  return value->IsString() ? ToUtf8(isolate, value.As<v8::String>()) : std::string();
}

v8::Local<v8::Value> NameOf(v8::Isolate* isolate, ModuleFormat format) {
  switch (format) {
    case ModuleFormat::kModule:
      return Literal(isolate, "module");
    case ModuleFormat::kCommonJs:
    case ModuleFormat::kAmbiguous:
      return Literal(isolate, "commonjs");
    case ModuleFormat::kJson:
      return Literal(isolate, "json");
    case ModuleFormat::kBuiltin:
      return Literal(isolate, "builtin");
  }
  return v8::Undefined(isolate);
}

// resolveRequire(specifier, importer's path): [format, path] of what a `require` there gets.
void ResolveRequire(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const std::string specifier = TextOf(isolate, info[0]);
  const std::string importer = TextOf(isolate, info[1]);
  const Resolution resolution =
      RuntimeState::From(isolate).modules->ResolveRequire(isolate->GetCurrentContext(), specifier, importer);
  if (!resolution.error.empty()) {
    return ThrowTypeError(isolate,
                          "Cannot require '" + specifier + "': " + resolution.error + " (from " + importer + ")",
                          resolution.not_found ? "MODULE_NOT_FOUND" : "");
  }
  v8::Local<v8::String> path;
  if (!ToV8(isolate, resolution.module.path).ToLocal(&path)) return;
  v8::Local<v8::Value> result[] = {NameOf(isolate, resolution.module.format), path};
  info.GetReturnValue().Set(v8::Array::New(isolate, result, std::size(result)));
}

ModuleLocation LocationOf(const std::string& path, ModuleFormat format) {
  ModuleLocation module;
  module.url = UrlOfPath(path);
  module.path = path;
  module.format = format;
  module.syntax = SyntaxOf(path);
  return module;
}

// compileCommonJs(path)
void CompileCommonJs(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Function> function;
  if (RuntimeState::From(isolate)
          .modules->commonjs()
          .Compile(isolate->GetCurrentContext(), LocationOf(TextOf(isolate, info[0]), ModuleFormat::kCommonJs))
          .ToLocal(&function)) {
    info.GetReturnValue().Set(function);
  }
}

// requireJson(path): the parsed file.
void RequireJson(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const v8::Local<v8::Context> context = isolate->GetCurrentContext();
  const std::string path = TextOf(isolate, info[0]);
  const FileText file = ReadFileText(path);
  if (!file.error.empty()) return ThrowTypeError(isolate, path + ": " + file.error);
  v8::Local<v8::String> text;
  if (!ToV8(isolate, file.text).ToLocal(&text)) return;
  std::string reason;
  {
    v8::TryCatch try_catch(isolate);
    v8::Local<v8::Value> value;
    if (v8::JSON::Parse(context, text).ToLocal(&value)) return info.GetReturnValue().Set(value);
    if (!try_catch.CanContinue()) {
      try_catch.ReThrow();
      return;
    }
    reason = DescribeValue(context, try_catch.Exception());
  }
  ThrowSyntaxError(isolate, path + ": " + reason);
}

// requireModule(path): the namespace of an ES module.
void RequireModule(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Value> exports;
  if (RuntimeState::From(isolate)
          .modules
          ->RequireModule(isolate->GetCurrentContext(), LocationOf(TextOf(isolate, info[0]), ModuleFormat::kModule))
          .ToLocal(&exports)) {
    info.GetReturnValue().Set(exports);
  }
}

// compileBuiltin(file): a file of bootstrap/node/, or a bundle, as a function of core, require, module and exports.
// Undefined where there is none.
void CompileBuiltin(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const v8::Local<v8::Context> context = isolate->GetCurrentContext();
  const std::string name = TextOf(isolate, info[0]);
  for (const BootstrapFile& file : BuiltinSources()) {
    const bool bundle = file.name.substr(0, file.name.size() - 3) == name;
    if (!bundle && BuiltinName(file) != name) continue;
    v8::Local<v8::String> text, origin;
    if (!ToV8(isolate, "'use strict'; " + std::string(file.source)).ToLocal(&text) ||
        !ToV8(isolate, "node:" + name).ToLocal(&origin)) {
      return;
    }
    v8::LocalVector<v8::String> parameters(isolate);
    for (const char* parameter : {"core", "require", "module", "exports"}) {
      parameters.push_back(Literal(isolate, parameter));
    }
    v8::ScriptCompiler::Source source(text, v8::ScriptOrigin(origin));
    v8::Local<v8::Function> function;
    if (v8::ScriptCompiler::CompileFunction(context, &source, parameters.size(), parameters.data())
            .ToLocal(&function)) {
      info.GetReturnValue().Set(function);
    }
    return;
  }
}

// builtinNames(): ["assert", …].
void BuiltinNames(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::LocalVector<v8::Value> names(isolate);
  for (const BootstrapFile& file : BuiltinSources()) {
    if (const std::string name = BuiltinName(file); !name.empty()) names.push_back(Literal(isolate, name));
  }
  info.GetReturnValue().Set(v8::Array::New(isolate, names.data(), names.size()));
}

// environment(): what the configuration gives the script, as an object of its own.
void Environment(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const v8::Local<v8::Context> context = isolate->GetCurrentContext();
  const v8::Local<v8::Object> environment = v8::Object::New(isolate);
  if (const auto* variables = RuntimeState::From(isolate).env) {
    for (const auto& [name, value] : *variables) {
      v8::Local<v8::String> key, text;
      if (!ToV8(isolate, name).ToLocal(&key) || !ToV8(isolate, value).ToLocal(&text)) return;
      environment->CreateDataProperty(context, key, text).FromMaybe(false);
    }
  }
  info.GetReturnValue().Set(environment);
}

// architecture(): as Node names it.
void Architecture(const Info& info) {
#if defined(__aarch64__)
  info.GetReturnValue().Set(Literal(info.GetIsolate(), "arm64"));
#else
  info.GetReturnValue().Set(Literal(info.GetIsolate(), "x64"));
#endif
}

// asyncContext(): what code that runs now was given by setAsyncContext, or by the code that made the promise which it
// continues.
void AsyncContext(const Info& info) {
  info.GetReturnValue().Set(info.GetIsolate()->GetContinuationPreservedEmbedderData());
}

// setAsyncContext(value)
void SetAsyncContext(const Info& info) { info.GetIsolate()->SetContinuationPreservedEmbedderData(info[0]); }

constexpr Binding kBindings[] = {
    {"architecture", Architecture},       {"asyncContext", AsyncContext},       {"builtinNames", BuiltinNames},
    {"compileBuiltin", CompileBuiltin},   {"compileCommonJs", CompileCommonJs}, {"environment", Environment},
    {"requireJson", RequireJson},         {"requireModule", RequireModule},     {"resolveRequire", ResolveRequire},
    {"setAsyncContext", SetAsyncContext},
};

}  // namespace

std::span<const Binding> ModuleBindings() { return kBindings; }

}  // namespace jsd

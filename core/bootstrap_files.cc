#include "core/bootstrap_files.h"

#include <algorithm>

#include "core/value.h"

namespace jsd {
namespace {

std::string DescribeFailure(v8::Local<v8::Context> context, const v8::TryCatch& try_catch) {
  v8::Isolate* isolate = context->GetIsolate();
  std::string text = DescribeValue(context, try_catch.Exception());
  if (const auto message = try_catch.Message(); !message.IsEmpty()) {
    text += "\n    at " + DescribeValue(context, message->GetScriptResourceName()) + ":" +
            std::to_string(message->GetLineNumber(context).FromMaybe(0)) + ":" +
            std::to_string(message->GetStartColumn(context).FromMaybe(0) + 1);
    v8::Local<v8::String> line;
    if (message->GetSourceLine(context).ToLocal(&line)) text += "\n" + ToUtf8(isolate, line);
  }
  return text;
}

bool RunFile(v8::Local<v8::Context> context, const BootstrapFile& file, v8::Local<v8::Object> core) {
  v8::Isolate* isolate = context->GetIsolate();
  v8::Local<v8::String> name, text;
  // The directive stands on the first line, so that line numbers are the file's own.
  if (!ToV8(isolate, "jsd:" + std::string(file.name)).ToLocal(&name) ||
      !ToV8(isolate, "'use strict'; " + std::string(file.source)).ToLocal(&text)) {
    return false;
  }
  v8::ScriptCompiler::Source source(text, v8::ScriptOrigin(name));
  v8::Local<v8::String> parameters[] = {Literal(isolate, "core")};
  v8::Local<v8::Value> arguments[] = {core};
  v8::Local<v8::Function> function;
  return v8::ScriptCompiler::CompileFunction(context, &source, 1, parameters).ToLocal(&function) &&
         !function->Call(context, v8::Undefined(isolate), 1, arguments).IsEmpty();
}

}  // namespace

std::string BuiltinName(const BootstrapFile& file) {
  if (file.name.starts_with('_') || file.name.ends_with("_bundle.js")) return {};
  std::string name(file.name.substr(0, file.name.rfind('.')));
  std::ranges::replace(name, '.', '/');
  return name;
}

bool RunBootstrapFiles(v8::Local<v8::Context> context, v8::Local<v8::Object> core, std::string* error) {
  v8::Isolate* isolate = context->GetIsolate();
  v8::TryCatch try_catch(isolate);
  for (const BootstrapFile& file : BootstrapFiles()) {
    v8::HandleScope handle_scope(isolate);
    if (RunFile(context, file, core)) continue;
    *error = "bootstrap file " + std::string(file.name) + ": " + DescribeFailure(context, try_catch);
    return false;
  }
  return true;
}

}  // namespace jsd

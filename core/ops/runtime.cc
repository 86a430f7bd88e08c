#include "core/ops/runtime.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <thread>

#include "core/check.h"
#include "core/module_loader.h"
#include "core/runtime_state.h"
#include "core/value.h"

namespace jsd {
namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;

// False where converting `value` to an integer throws; that exception is swallowed.
bool ToInteger(v8::Local<v8::Context> context, v8::Local<v8::Value> value, std::int32_t* integer) {
  v8::TryCatch try_catch(context->GetIsolate());
  return value->Int32Value(context).To(integer);
}

// print(message, isError): writes to standard output or standard error, without a line end of its own.
void Print(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const v8::Local<v8::Context> context = isolate->GetCurrentContext();
  if (info.Length() > 2) return ThrowTypeError(isolate, "Expected a maximum of 2 arguments.");
  std::int32_t is_error = 0;
  if (info.Length() == 2 && !ToInteger(context, info[1], &is_error)) {
    return ThrowTypeError(isolate, "The second argument chooses stderr and must convert to an integer.");
  }
  const std::string message = info.Length() == 0 ? std::string() : DescribeValue(context, info[0]);
  std::FILE* stream = is_error != 0 ? stderr : stdout;
  std::fwrite(message.data(), 1, message.size(), stream);
  std::fflush(stream);
}

void SetCallback(const Info& info, std::size_t index, v8::Local<v8::Value> value) {
  v8::Isolate* isolate = info.GetIsolate();
  const std::string name(kCallbackNames[index]);
  const auto callback = static_cast<Callback>(index);
  CallbackTable& callbacks = RuntimeState::From(isolate).callbacks;
  if (!value->IsFunction()) return ThrowTypeError(isolate, "The callback '" + name + "' must be a function.");
  if (callbacks.Has(callback)) return ThrowTypeError(isolate, "The callback '" + name + "' is set already.");
  callbacks.Set(isolate, callback, value.As<v8::Function>());
}

// recv(callback): takes the one function that hears of finished asynchronous ops.
void Recv(const Info& info) { SetCallback(info, static_cast<std::size_t>(Callback::kRecv), info[0]); }

// bindCallback(name, callback)
void BindCallback(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const std::string name = DescribeValue(isolate->GetCurrentContext(), info[0]);
  const auto found = std::find(kCallbackNames.begin(), kCallbackNames.end(), name);
  if (found == kCallbackNames.end()) return ThrowTypeError(isolate, "There is no callback '" + name + "'.");
  SetCallback(info, static_cast<std::size_t>(found - kCallbackNames.begin()), info[1]);
}

// send(op, …): calls an op by its id or name.
void Send(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const v8::Local<v8::Context> context = isolate->GetCurrentContext();
  v8::Local<v8::Value> name = info[0];
  if (name->IsNumber()) {
    const double id = name.As<v8::Number>()->Value();
    const auto& bindings = AllBindings();
    if (!(id >= 0 && id < static_cast<double>(bindings.size()))) {
      return ThrowTypeError(isolate, "There is no op " + DescribeValue(context, name) + ".");
    }
    name = Literal(isolate, bindings[static_cast<std::size_t>(id)].name);
  }
  v8::Local<v8::Value> op;
  if (!name->IsString() || !info.Data().As<v8::Object>()->Get(context, name).ToLocal(&op) || !op->IsFunction()) {
    return ThrowTypeError(isolate, "There is no op '" + DescribeValue(context, info[0]) + "'.");
  }
  v8::LocalVector<v8::Value> arguments(isolate);
  for (int i = 1; i < info.Length(); ++i) arguments.push_back(info[i]);
  v8::Local<v8::Value> result;
  if (op.As<v8::Function>()
          ->Call(context, v8::Undefined(isolate), static_cast<int>(arguments.size()), arguments.data())
          .ToLocal(&result)) {
    info.GetReturnValue().Set(result);
  }
}

// reportUncaught(origin, report)
void ReportUncaught(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const v8::Local<v8::Context> context = isolate->GetCurrentContext();
  const std::string origin = DescribeValue(context, info[0]);
  const std::string report = DescribeValue(context, info[1]);
  if (RuntimeHost* host = RuntimeState::From(isolate).host) return host->UncaughtError(origin, report);
  std::fprintf(stderr, "%s: %s\n", origin.c_str(), report.c_str());
}

// isNativeError(value): whether it has [[ErrorData]], whatever its prototype says.
void IsNativeError(const Info& info) { info.GetReturnValue().Set(info[0]->IsNativeError()); }

// errorPosition(error): { file, line, column, endColumn, text } of where it was made; the line counts from 1, the
// columns from 0; `text` is the line, undefined where V8 does not have it. Undefined where V8 does not know at all.
void ErrorPosition(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const v8::Local<v8::Context> context = isolate->GetCurrentContext();
  const v8::Local<v8::Message> message = v8::Exception::CreateMessage(isolate, info[0]);
  const int line = message->GetLineNumber(context).FromMaybe(0);
  const v8::Local<v8::Value> file = message->GetScriptResourceName();
  if (line <= 0 || file.IsEmpty() || !file->IsString()) return;
  v8::Local<v8::String> line_text;
  v8::Local<v8::Value> text = v8::Undefined(isolate);
  if (message->GetSourceLine(context).ToLocal(&line_text)) text = line_text;
  v8::Local<v8::Name> names[] = {Literal(isolate, "file"), Literal(isolate, "line"), Literal(isolate, "column"),
                                 Literal(isolate, "endColumn"), Literal(isolate, "text")};
  v8::Local<v8::Value> values[] = {file, v8::Integer::New(isolate, line),
                                   v8::Integer::New(isolate, message->GetStartColumn(context).FromMaybe(0)),
                                   v8::Integer::New(isolate, message->GetEndColumn(context).FromMaybe(0)), text};
  info.GetReturnValue().Set(v8::Object::New(isolate, v8::Null(isolate), names, values, std::size(names)));
}

// originalPosition(file, line, column): [file, line, column, text of the line] of what a source map says the position
// comes from; undefined where none says anything. Lines and columns count from 1.
void OriginalPosition(const Info& info) {
  JSD_CHECK(info.Length() == 3 && info[0]->IsString() && info[1]->IsUint32() && info[2]->IsUint32());
  v8::Isolate* isolate = info.GetIsolate();
  // While a snapshot is made there is no state, and no script that has a map.
  const RuntimeState* const state = RuntimeState::FromOrNull(isolate);
  if (state == nullptr || state->modules == nullptr) return;
  const auto position = state->modules->source().source_maps().Find(
      ToUtf8(isolate, info[0].As<v8::String>()), info[1].As<v8::Uint32>()->Value(), info[2].As<v8::Uint32>()->Value());
  v8::Local<v8::String> file, text;
  if (!position || !ToV8(isolate, position->file).ToLocal(&file) || !ToV8(isolate, position->text).ToLocal(&text)) {
    return;
  }
  v8::Local<v8::Value> values[] = {file, v8::Integer::NewFromUnsigned(isolate, position->line),
                                   v8::Integer::NewFromUnsigned(isolate, position->column), text};
  info.GetReturnValue().Set(v8::Array::New(isolate, values, std::size(values)));
}

// hardwareConcurrency(): how many threads this process may run at the same time.
void HardwareConcurrency(const Info& info) {
  info.GetReturnValue().Set(std::max(1U, std::thread::hardware_concurrency()));
}

constexpr Binding kBindings[] = {
    {"print", Print},
    {"recv", Recv},
    {"bindCallback", BindCallback},
    {"send", Send},
    {"reportUncaught", ReportUncaught},
    {"isNativeError", IsNativeError},
    {"errorPosition", ErrorPosition},
    {"originalPosition", OriginalPosition},
    {"hardwareConcurrency", HardwareConcurrency},
};

}  // namespace

std::span<const Binding> RuntimeBindings() { return kBindings; }

}  // namespace jsd

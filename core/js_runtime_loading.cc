// How scripts get into a runtime: the application's module, until its handlers are installed, and classic scripts.
#include "core/check.h"
#include "core/js_runtime_impl.h"
#include "core/value.h"

namespace jsd {
namespace {

constexpr std::string_view kTerminatedLoading = "the script was terminated while it was loading";

}  // namespace

void JsRuntime::Impl::Load(const std::string& path, bool as_app, Loaded loaded) {
  JSD_CHECK(!loaded_);
  loading_app_ = as_app;
  loaded_ = std::move(loaded);
  {
    const Entered entered(*this);
    v8::TryCatch try_catch(isolate_.get());
    v8::Local<v8::Promise> evaluation;
    const bool started = modules_->LoadMain(entered.context, path).ToLocal(&evaluation);
    if (EndCall(try_catch.HasTerminated())) {
      FinishLoading(ScriptError{std::string(kTerminatedLoading)});
    } else if (!started) {
      FinishLoading(DescribeFailure(entered.context, try_catch));
    } else {
      evaluation->MarkAsHandled();  // Its failure is told by `loaded`, not as a rejection that nobody handled.
      loading_.Reset(isolate_.get(), evaluation);
      Checkpoint(entered.context);
      CheckLoading(entered.context);
    }
  }
  DeliverLoaded();
}

void JsRuntime::Impl::RunScripts(std::span<const ClassicScript> scripts) {
  const Entered entered(*this);
  v8::Isolate* isolate = isolate_.get();
  for (const ClassicScript& script : scripts) {
    const v8::HandleScope handle_scope(isolate);
    v8::TryCatch try_catch(isolate);
    v8::Local<v8::String> name, text;
    v8::Local<v8::Script> compiled;
    v8::Local<v8::Value> result;
    if (ToV8(isolate, script.name).ToLocal(&name) && ToV8(isolate, script.source).ToLocal(&text)) {
      v8::ScriptOrigin origin(name);
      if (v8::Script::Compile(entered.context, text, &origin).ToLocal(&compiled) &&
          compiled->Run(entered.context).ToLocal(&result)) {
        continue;
      }
    }
    if (!try_catch.CanContinue()) return;
    v8::Local<v8::Value> arguments[] = {try_catch.Exception(), Literal(isolate, "script")};
    Call(entered.context, Callback::kReportException, arguments);
  }
  Checkpoint(entered.context);
}

void JsRuntime::Impl::CheckLoading(v8::Local<v8::Context> context) {
  if (loading_.IsEmpty()) return;
  const v8::Local<v8::Promise> evaluation = loading_.Get(isolate_.get());
  switch (evaluation->State()) {
    case v8::Promise::kFulfilled:
      return FinishLoading(loading_app_ ? InstallApp(context) : std::nullopt);
    case v8::Promise::kRejected:
      return FinishLoading(ScriptError{FormatError(context, evaluation->Result())});
    case v8::Promise::kPending:
      if (has_work() || awaits_something()) return;
      if (loading_terminated_) return FinishLoading(ScriptError{std::string(kTerminatedLoading)});
      return FinishLoading(ScriptError{"a top-level await never settles" + modules_->DescribeStalledAwaits(context)});
  }
}

void JsRuntime::Impl::FinishLoading(std::optional<ScriptError> error) {
  loading_.Reset();
  modules_->Settle();
  read_ahead_.reset();
  load_finished_ = true;
  load_error_ = std::move(error);
}

void JsRuntime::Impl::DeliverLoaded() {
  if (!std::exchange(load_finished_, false)) return;
  std::exchange(loaded_, nullptr)(std::exchange(load_error_, std::nullopt));
}

v8::Local<v8::Object> JsRuntime::Impl::MakeEnv(v8::Local<v8::Context> context) {
  const v8::Local<v8::Object> env = v8::Object::New(isolate_.get());
  for (const auto& [name, value] : env_) {
    v8::Local<v8::String> key, text;
    JSD_CHECK(ToV8(isolate_.get(), name).ToLocal(&key) && ToV8(isolate_.get(), value).ToLocal(&text));
    JSD_CHECK(env->CreateDataProperty(context, key, text).FromMaybe(false));
  }
  return env;
}

std::optional<ScriptError> JsRuntime::Impl::InstallApp(v8::Local<v8::Context> context) {
  v8::TryCatch try_catch(isolate_.get());
  v8::Local<v8::Value> arguments[] = {modules_->MainNamespace(isolate_.get()), MakeEnv(context)};
  v8::Local<v8::Value> has_handler;
  const bool returned = state_.callbacks.Get(isolate_.get(), Callback::kInstallApp)
                            ->Call(context, v8::Undefined(isolate_.get()), 2, arguments)
                            .ToLocal(&has_handler);
  if (EndCall(try_catch.HasTerminated())) return ScriptError{std::string(kTerminatedLoading)};
  if (!returned) return DescribeFailure(context, try_catch);
  if (has_handler->IsTrue()) return std::nullopt;
  return ScriptError{
      "the script has no handler: it must `export default { fetch(request) { … } }` or call "
      "`addEventListener('fetch', …)`"};
}

}  // namespace jsd

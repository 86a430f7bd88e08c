// What it costs to tell JavaScript of an event, in each of the ways that the runtime has: the time is for one event.

#include <benchmark/benchmark.h>

#include <memory>
#include <optional>

#include "core/array_buffer_allocator.h"
#include "core/bindings.h"
#include "core/bootstrap_files.h"
#include "core/check.h"
#include "core/platform.h"
#include "core/runtime_state.h"
#include "core/value.h"

namespace jsd {
namespace {

constexpr char kScript[] = R"(
  let sum = 0;
  const handler = (event) => { sum += event };
  globalThis.app = { fetch: handler };
  jsd.listen('event', handler);
)";

// A context in which bootstrap files and the script above have run.
class Events : public benchmark::Fixture {
 public:
  void SetUp(const benchmark::State&) override {
    holder_.emplace();
    isolate_ = holder_->get();
    references_ = ExternalReferences(AllBindings());
    v8::Isolate::CreateParams parameters;
    parameters.array_buffer_allocator_shared = std::make_shared<ArrayBufferAllocator>(0);
    v8::Isolate::Initialize(isolate_, parameters);
    isolate_->SetMicrotasksPolicy(v8::MicrotasksPolicy::kExplicit);
    isolate_->Enter();
    state_.Attach(isolate_);
    const v8::HandleScope handle_scope(isolate_);
    const v8::Local<v8::Context> context = v8::Context::New(isolate_);
    const v8::Context::Scope context_scope(context);
    context_.Reset(isolate_, context);
    std::string error;
    JSD_CHECK(RunBootstrapFiles(context, MakeCoreObject(context, AllBindings()), &error));
    const auto script = v8::Script::Compile(context, Literal(isolate_, kScript)).ToLocalChecked();
    JSD_CHECK(!script->Run(context).IsEmpty());
    handler_.Reset(isolate_, LookUp(context));
  }

  void TearDown(const benchmark::State&) override {
    handler_.Reset();
    context_.Reset();
    state_.callbacks.Clear();
    isolate_->Exit();
    holder_.reset();
  }

 protected:
  // The handler by its name, as it is found without a cache.
  v8::Local<v8::Function> LookUp(v8::Local<v8::Context> context) {
    const auto app = context->Global()->Get(context, Literal(isolate_, "app")).ToLocalChecked().As<v8::Object>();
    return app->Get(context, Literal(isolate_, "fetch")).ToLocalChecked().As<v8::Function>();
  }

  void Call(v8::Local<v8::Context> context, v8::Local<v8::Function> function) {
    v8::Local<v8::Value> arguments[] = {v8::Integer::New(isolate_, 1)};
    benchmark::DoNotOptimize(function->Call(context, v8::Undefined(isolate_), 1, arguments));
  }

  std::vector<std::intptr_t> references_;
  std::optional<IsolateHolder> holder_;
  v8::Isolate* isolate_ = nullptr;
  RuntimeState state_;
  v8::Global<v8::Context> context_;
  v8::Global<v8::Function> handler_;
};

BENCHMARK_F(Events, LookupByName)(benchmark::State& state) {
  for (auto _ : state) {
    const v8::HandleScope handle_scope(isolate_);
    const v8::Local<v8::Context> context = context_.Get(isolate_);
    const v8::Context::Scope context_scope(context);
    Call(context, LookUp(context));
    isolate_->PerformMicrotaskCheckpoint();
  }
}

BENCHMARK_F(Events, Cached)(benchmark::State& state) {
  for (auto _ : state) {
    const v8::HandleScope handle_scope(isolate_);
    const v8::Local<v8::Context> context = context_.Get(isolate_);
    const v8::Context::Scope context_scope(context);
    Call(context, handler_.Get(isolate_));
    isolate_->PerformMicrotaskCheckpoint();
  }
}

BENCHMARK_F(Events, CachedInBatchesOf16)(benchmark::State& state) {
  constexpr int kBatch = 16;
  // An iteration is one event here too, so that the times compare.
  while (state.KeepRunningBatch(kBatch)) {
    const v8::HandleScope handle_scope(isolate_);
    const v8::Local<v8::Context> context = context_.Get(isolate_);
    const v8::Context::Scope context_scope(context);
    const v8::Local<v8::Function> handler = handler_.Get(isolate_);
    for (int i = 0; i < kBatch; ++i) {
      const v8::HandleScope inner_scope(isolate_);
      Call(context, handler);
    }
    isolate_->PerformMicrotaskCheckpoint();
  }
}

BENCHMARK_F(Events, ManagedInJavaScript)(benchmark::State& state) {
  for (auto _ : state) {
    const v8::HandleScope handle_scope(isolate_);
    const v8::Local<v8::Context> context = context_.Get(isolate_);
    const v8::Context::Scope context_scope(context);
    v8::Local<v8::Value> arguments[] = {Literal(isolate_, "event"), v8::Integer::New(isolate_, 1)};
    benchmark::DoNotOptimize(
        state_.callbacks.Get(isolate_, Callback::kInvoke)->Call(context, v8::Undefined(isolate_), 2, arguments));
    isolate_->PerformMicrotaskCheckpoint();
  }
}

}  // namespace
}  // namespace jsd

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

#include "core/bindings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "core/array_buffer_allocator.h"
#include "core/bootstrap_files.h"
#include "core/platform.h"
#include "core/runtime_state.h"
#include "core/snapshot.h"
#include "core/value.h"

namespace jsd {
namespace {

using testing::HasSubstr;

// A context in which a script sees `core` as bootstrap files do.
class BindingsTest : public testing::Test {
 protected:
  BindingsTest() {
    v8::Isolate::CreateParams parameters;
    parameters.array_buffer_allocator_shared = std::make_shared<ArrayBufferAllocator>(0);
    v8::Isolate::Initialize(isolate_, parameters);
    isolate_->Enter();
    state_.Attach(isolate_);
  }

  ~BindingsTest() override {
    state_.callbacks.Clear();
    isolate_->Exit();
  }

  // The completion value of `source`, where `core` is the namespace, as text; "Name: message" where it throws.
  std::string Run(std::string_view source) {
    const v8::HandleScope handle_scope(isolate_);
    const v8::Local<v8::Context> context = v8::Context::New(isolate_);
    const v8::Context::Scope context_scope(context);
    EXPECT_TRUE(
        context->Global()->Set(context, Literal(isolate_, "core"), MakeCoreObject(context, AllBindings())).FromJust());
    v8::TryCatch try_catch(isolate_);
    v8::Local<v8::String> text;
    v8::Local<v8::Script> script;
    v8::Local<v8::Value> value;
    if (!ToV8(isolate_, source).ToLocal(&text) || !v8::Script::Compile(context, text).ToLocal(&script) ||
        !script->Run(context).ToLocal(&value)) {
      return DescribeValue(context, try_catch.Exception());
    }
    return DescribeValue(context, value);
  }

  const IsolateHolder holder_;
  v8::Isolate* const isolate_ = holder_.get();
  RuntimeState state_;
};

TEST_F(BindingsTest, PrintTakesUpToTwoArguments) {
  EXPECT_EQ(Run("core.ops.print('', 0, 0)"), "TypeError: Expected a maximum of 2 arguments.");
}

TEST_F(BindingsTest, PrintWantsAnIntegerToChooseTheStream) {
  const std::string expected = "TypeError: The second argument chooses stderr and must convert to an integer.";
  EXPECT_EQ(Run("core.ops.print('', Symbol())"), expected);
  EXPECT_EQ(Run("core.ops.print('', { valueOf() { throw new Error('no') } })"), expected);
  EXPECT_EQ(Run("core.ops.print('', 1n)"), expected);
}

TEST_F(BindingsTest, PrintChoosesItsStreamAndFlushes) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  // The captured files hold what has left the process's buffers, so a missing flush would show.
  Run("core.ops.print(); core.ops.print('out'); core.ops.print('err', 1); core.ops.print('grüß', '0');"
      "core.ops.print({ toString() { throw new Error('no') } }); core.ops.print('E', true)");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "outgrüß");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "errE");
}

TEST_F(BindingsTest, RecvIsSetOnce) {
  EXPECT_EQ(Run("core.ops.recv(1)"), "TypeError: The callback 'recv' must be a function.");
  EXPECT_EQ(Run("core.ops.recv(() => {}); core.ops.recv(() => {})"), "TypeError: The callback 'recv' is set already.");
}

TEST_F(BindingsTest, BindCallbackKnowsItsNames) {
  EXPECT_EQ(Run("core.ops.bindCallback('nonsense', () => {})"), "TypeError: There is no callback 'nonsense'.");
  EXPECT_EQ(Run("core.ops.bindCallback('invoke', () => {}); core.ops.bindCallback('invoke', () => {})"),
            "TypeError: The callback 'invoke' is set already.");
}

TEST_F(BindingsTest, SendFindsOpsByNameAndById) {
  EXPECT_EQ(Run("core.ops.send('isNativeError', new Error())"), "true");
  EXPECT_EQ(Run("core.ops.send(core.opNames.indexOf('isNativeError'), {})"), "false");
  EXPECT_EQ(Run("core.ops.send('nonsense')"), "TypeError: There is no op 'nonsense'.");
  EXPECT_EQ(Run("core.ops.send(100000)"), "TypeError: There is no op 100000.");
  EXPECT_EQ(Run("core.ops.send(-1)"), "TypeError: There is no op -1.");
  EXPECT_EQ(Run("core.ops.send()"), "TypeError: There is no op 'undefined'.");
}

TEST_F(BindingsTest, SendPassesExceptionsOnWithTheirClass) {
  EXPECT_EQ(Run("core.ops.send('print', '', Symbol())"),
            "TypeError: The second argument chooses stderr and must convert to an integer.");
}

TEST(Bindings, HaveNamesOfTheirOwn) {
  std::vector<std::string> names;
  for (const Binding& binding : AllBindings()) names.emplace_back(binding.name);
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
}

TEST(Bindings, YieldTheExternalReferencesWithAnEnd) {
  const auto references = ExternalReferences(AllBindings());
  ASSERT_EQ(references.size(), AllBindings().size() + 1);
  EXPECT_EQ(references.back(), 0);
  EXPECT_EQ(std::count(references.begin(), references.end(), 0), 1);
}

TEST(Snapshot, IsNotMadeWithoutTheReferenceOfABinding) {
  auto references = ExternalReferences(AllBindings());
  references.erase(references.begin() + 2);
  std::string error;
  EXPECT_FALSE(MakeSnapshot(AllBindings(), references, &error));
  EXPECT_EQ(error, std::string("the external references lack the function of '") + AllBindings()[2].name + "'");
}

TEST(Snapshot, IsNotMadeWithoutABindingThatABootstrapFileUses) {
  std::vector<Binding> bindings = AllBindings();
  std::erase_if(bindings, [](const Binding& binding) { return binding.name == std::string("bindCallback"); });
  std::string error;
  EXPECT_FALSE(MakeSnapshot(bindings, ExternalReferences(bindings), &error));
  EXPECT_THAT(error, HasSubstr("bootstrap file"));
  EXPECT_THAT(error, HasSubstr("bindCallback"));
}

TEST(Snapshot, IsNotReadWithOtherBindings) {
  std::vector<Binding> bindings = AllBindings();
  bindings.erase(bindings.begin() + 1);
  std::string error;
  EXPECT_FALSE(ReadSnapshot(EmbeddedSnapshot(), bindings, &error));
  EXPECT_EQ(error, std::string("the snapshot does not fit this program: it was made with '") + AllBindings()[1].name +
                       "' where '" + AllBindings()[2].name + "' is expected");
}

TEST(Snapshot, IsReadWhereItFits) {
  std::string error;
  const auto data = ReadSnapshot(EmbeddedSnapshot(), AllBindings(), &error);
  ASSERT_TRUE(data) << error;
  EXPECT_GT(data->raw_size, 0);
}

TEST(Snapshot, CanBeMadeAgainInAProcessThatRunsIsolates) {
  std::string error;
  const auto snapshot = MakeSnapshot(AllBindings(), ExternalReferences(AllBindings()), &error);
  ASSERT_TRUE(snapshot) << error;
  EXPECT_TRUE(ReadSnapshot(*snapshot, AllBindings(), &error)) << error;
}

}  // namespace
}  // namespace jsd

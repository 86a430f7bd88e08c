#ifndef JSD_CORE_SCRIPT_TOOLS_H_
#define JSD_CORE_SCRIPT_TOOLS_H_

#include <v8.h>

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/platform.h"

namespace jsd {

class ArrayBufferAllocator;

// Programs in JavaScript that prepare other scripts: the lexer of CommonJS, the compilers of TypeScript and JSX. They
// run in an isolate of their own, where no script can redefine what they use and nothing of theirs counts as the
// application's memory. Each program is compiled when it is first wanted.
//
// Owner: shared by whoever loads modules at the moment; it goes with the last of them.
// Thread: any; one caller at a time is let in.
class ScriptTools {
 public:
  // The one that is alive, or a new one.
  static std::shared_ptr<ScriptTools> Get();

  ScriptTools();
  ~ScriptTools();
  ScriptTools(const ScriptTools&) = delete;
  ScriptTools& operator=(const ScriptTools&) = delete;

  // What a CommonJS module most likely exports (cjs-module-lexer): names, and the specifiers of modules whose names it
  // exports too. Both empty for a text that is no JavaScript.
  struct ExportNames {
    std::vector<std::string> names;
    std::vector<std::string> reexports;
  };
  ExportNames FindExports(std::string_view text);

  enum class Language { kTypeScript, kTypeScriptTransformed, kTsx, kJsx };
  struct Compiled {
    std::string code;
    std::string map;      // A source map, where positions have moved.
    std::string error;    // Why there is no code, as one sentence.
    std::string excerpt;  // The lines of the error, with carets; may be empty.
    int line = 0;         // Of the error, from 1; 0: not known.
    int column = 0;       // From 1.
  };
  Compiled Compile(std::string_view text, const std::string& path, Language language);

 private:
  v8::MaybeLocal<v8::Value> Call(v8::Local<v8::Context> context, const char* tool, std::vector<std::string> arguments);
  v8::MaybeLocal<v8::Function> Find(v8::Local<v8::Context> context, const std::string& tool);

  std::mutex mutex_;
  const std::shared_ptr<ArrayBufferAllocator> allocator_;
  IsolateHolder isolate_;
  v8::Global<v8::Context> context_;
  std::unordered_map<std::string, v8::Global<v8::Function>> tools_;  // By name of the file.
};

}  // namespace jsd

#endif  // JSD_CORE_SCRIPT_TOOLS_H_

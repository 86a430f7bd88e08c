#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/js_runtime.h"
#include "core/testing.h"

// The way of a request through bootstrap/fetch_event.js and core/ops/fetch_event.cc.

namespace jsd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing_support::ScriptFolder;
using testing_support::TestHost;

// An event with everything that a client can say, whose client reads no faster than it is told to.
class Event final : public RequestEvent {
 public:
  Event() = default;
  Event(std::string method, std::string target, std::vector<HeaderField> fields = {}, std::string body = "")
      : method_(std::move(method)), target_(std::move(target)), body_(std::move(body)), fields_(std::move(fields)) {
    if (!body_.empty()) body_state_ = BodyState::kWhole;
  }

  const RequestHead& head() const override {
    head_ = {.method = method_,
             .scheme = "http",
             .authority = authority,
             .target = target_,
             .remote_address = "192.0.2.7",
             .fields = fields_,
             .field_lines = field_lines};
    return head_;
  }
  std::string_view body() const override { return body_; }
  char* Reply(const ReplyHead& head, std::size_t body_size) override {
    Take(head);
    size = body_size;
    reply.resize(body_size);
    return method_ == "HEAD" ? nullptr : reply.data();
  }
  void StartStream(const ReplyHead& head) override {
    Take(head);
    declared_length = head.declared_length;
  }
  bool Write(std::string_view chunk) override {
    chunks.emplace_back(chunk);
    return never_full || chunks.size() % 2 != 0;
  }
  void EndStream(bool complete) override { stream_complete = complete; }
  void Fail(FailReason reason) override { failed = reason; }

  std::string authority = "host.example";
  std::string field_lines;
  int status = 0;
  std::string status_text, fields, reply;
  std::size_t size = 0;
  std::int64_t declared_length = 0;
  std::vector<std::string> chunks;
  bool never_full = false;
  std::optional<bool> stream_complete;
  std::optional<FailReason> failed;

 private:
  void Take(const ReplyHead& head) {
    ASSERT_EQ(status, 0) << "answered twice";
    status = head.status;
    status_text = std::string(head.status_text);
    fields = std::string(head.fields);
  }

  const std::string method_ = "GET", target_ = "/", body_;
  const std::vector<HeaderField> fields_;
  mutable RequestHead head_;
};

class FetchEventTest : public testing::Test {
 protected:
  void Load(std::string_view source) {
    runtime_ = JsRuntime::Create({.host = &host_, .use_snapshot = true, .env = {}});
    runtime_->LoadApp(folder_.Write("app.mjs", source),
                      [](std::optional<ScriptError> error) { ASSERT_FALSE(error) << error->report; });
    host_.Run(*runtime_);
  }
  void LoadHandler(const std::string& body) {
    Load("export default { async fetch(request, env, ctx) { " + body + " } }");
  }
  void Dispatch(Event& event) {
    RequestEvent* const batch[] = {&event};
    runtime_->Dispatch(batch);
  }
  // The reply of a fresh event to a handler that is loaded.
  std::string Reply(Event&& event) {
    Dispatch(event);
    return event.reply;
  }

  ScriptFolder folder_;
  TestHost host_;
  std::unique_ptr<JsRuntime> runtime_;
};

TEST_F(FetchEventTest, ShowsTheRequestAsItCame) {
  LoadHandler(R"(return new Response([request.method, request.url, request.headers.get('X-A'),
      request.headers.get('none'), request.headers.has('cookie'), [...request.headers].join('|'),
      await request.text(), ctx.remoteAddress].join('\n')))");
  EXPECT_EQ(
      Reply(Event("PATCH", "/p?q", {{"X-A", "1"}, {"Cookie", "a=1"}, {"x-a", "\xE9"}, {"cookie", "b"}}, "gr\xC3\xBC")),
      "PATCH\nhttp://host.example/p?q\n1, \xC3\xA9\n\ntrue\ncookie,a=1; b|x-a,1, \xC3\xA9\ngr\xC3\xBC\n192.0.2.7");
}

TEST_F(FetchEventTest, NormalizesUrls) {
  LoadHandler("return new Response(request.url)");
  const auto url = [&](const char* authority, const char* target) {
    Event event("GET", target);
    event.authority = authority;
    Dispatch(event);
    return event.reply;
  };
  EXPECT_EQ(url("Host.Example:80", "/"), "http://host.example/");
  EXPECT_EQ(url("[::1]:8080", "/a/../b/./c"), "http://[::1]:8080/b/c");
  EXPECT_EQ(url("h", "/%2e%2E/x?'\"<>"), "http://h/x?%27%22%3C%3E");
  EXPECT_EQ(url("h", "/\xC3\xA9\\x"), "http://h/%C3%A9/x");
  EXPECT_EQ(url("h", "//evil/x?a=b&c"), "http://h//evil/x?a=b&c");
  EXPECT_EQ(url("h", "*"), "http://h/");
}

TEST_F(FetchEventTest, ReadsBodiesOnce) {
  LoadHandler(R"(const [first, second] = await Promise.allSettled([request.json(), request.text()]);
      return Response.json([first.value, second.reason?.name, request.bodyUsed]))");
  EXPECT_EQ(Reply(Event("POST", "/", {}, "\xEF\xBB\xBF{\"a\":\"\xC3\xA9\"}")),
            "[{\"a\":\"\xC3\xA9\"},\"TypeError\",true]");
  EXPECT_EQ(Reply(Event("POST", "/", {}, "")), "[null,null,false]") << "an empty body is none";
}

TEST_F(FetchEventTest, EchoesBodiesAsStreamsClonesAndBytes) {
  Load(R"(const ways = {
    '/stream': (request) => new Response(request.body),
    '/clone': async (request) => new Response(await request.clone().text() + await request.text()),
    '/bytes': async (request) => new Response(await request.bytes()),
    '/copy': async (request) => new Response(await new Request(request).arrayBuffer()),
    '/read': async (request) => new Response((await request.body.getReader().read()).value),
  };
  export default { fetch: (request) => ways[new URL(request.url).pathname](request) })");
  for (const char* way : {"/stream", "/bytes", "/copy", "/read"}) {
    EXPECT_EQ(Reply(Event("POST", way, {}, std::string("\0\xFF", 2))), std::string("\0\xFF", 2)) << way;
  }
  EXPECT_EQ(Reply(Event("POST", "/clone", {}, "ab")), "abab");
  EXPECT_THAT(host_.errors, IsEmpty());
}

TEST_F(FetchEventTest, ARequestOutlivesItsEvent) {
  Load(R"(let last; export default { fetch(request, env, ctx) {
      const before = last && [last.request.method, last.request.url, last.request.headers.get('x-a'),
          [...last.request.headers].join(), last.ctx.remoteAddress, last.request.signal.aborted].join(' ');
      last?.request.text().catch((error) => console.log(error.message));
      last = { request, ctx };
      return new Response(before); } })");
  Reply(Event("PUT", "/one", {{"X-A", "v"}, {"B", ""}}, "body"));
  EXPECT_EQ(Reply(Event("GET", "/two")), "PUT http://host.example/one v b,,x-a,v 192.0.2.7 false");
  EXPECT_THAT(host_.console, ElementsAre(HasSubstr("was not read before the request ended")));
}

TEST_F(FetchEventTest, ARequestReadLaterHasTheFieldsThatItHadBefore) {
  Load(R"(let last; export default { fetch(request) {
      if (request.method === 'POST') {
        last = request;
        return new Response();
      }
      return new Response([...last.headers].join('|')); } })");
  const std::vector<HeaderField> fields = {
      {"A", "1"}, {"Cookie", "x=1"}, {"B-b", ""}, {"cookie", "y: 2"}, {"Z", "\xE9 e"}};
  const std::string expected = "a,1|b-b,|cookie,x=1; y: 2|z,\xC3\xA9 e";
  Reply(Event("POST", "/", fields));
  EXPECT_EQ(Reply(Event("GET", "/")), expected);
  Event as_text("POST", "/", fields);
  as_text.field_lines = "A: 1\r\nCookie:x=1 \r\nB-b:\r\ncookie:\t y: 2\r\nZ: \xE9 e";
  Dispatch(as_text);
  EXPECT_EQ(Reply(Event("GET", "/")), expected);
}

TEST_F(FetchEventTest, SendsStatusFieldsAndBodiesOfEachKind) {
  LoadHandler(R"(const { pathname } = new URL(request.url);
      const headers = { 'content-length': '1234', connection: 'close' };
      if (pathname === '/head') return new Response(null, { headers });
      if (pathname === '/wide') return new Response('\u20AC\uD83D\uDE00\uD800');
      if (pathname === '/latin') return new Response('caf\u00E9', { status: 404, statusText: 'caf\u00E9' });
      return new Response('x', { headers: [['set-cookie', 'a'], ['X-Y', 'z'], ['set-cookie', 'b']] }))");
  Event head("HEAD", "/head"), wide("GET", "/wide"), latin("GET", "/latin"), fields("GET", "/");
  for (Event* event : {&head, &wide, &latin, &fields}) Dispatch(*event);
  EXPECT_EQ(head.size, 1234u);
  EXPECT_EQ(head.fields, "");
  EXPECT_EQ(wide.reply, "\xE2\x82\xAC\xF0\x9F\x98\x80\xEF\xBF\xBD");
  EXPECT_EQ(latin.reply, "caf\xC3\xA9");
  EXPECT_EQ(latin.status_text, "caf\xE9");
  EXPECT_EQ(fields.fields, "set-cookie: a\r\nx-y: z\r\nset-cookie: b\r\ncontent-type: text/plain;charset=UTF-8\r\n");
}

TEST_F(FetchEventTest, FailsWhereThereIsNoResponseToSend) {
  Load(R"(const used = new Response('once');
  const ways = { '/throw': () => { throw new Error('thrown here'); }, '/reject': async () => { throw 'rejected'; },
    '/none': () => undefined, '/other': async () => ({ status: 200 }), '/error': () => Response.error(),
    '/used': () => used, '/locked': () => { const r = new Response('x'); r.body.getReader(); return r; } };
  export default { fetch: (request) => ways[new URL(request.url).pathname]() })");
  EXPECT_EQ(Reply(Event("GET", "/used")), "once");
  for (const char* way : {"/throw", "/reject", "/none", "/other", "/error", "/used", "/locked"}) {
    Event event("GET", way);
    Dispatch(event);
    EXPECT_EQ(event.failed, FailReason::kHandlerError) << way;
  }
  EXPECT_THAT(host_.errors,
              ElementsAre(HasSubstr("thrown here"), HasSubstr("rejected"), HasSubstr("undefined"), HasSubstr("object"),
                          HasSubstr("network error"), HasSubstr("already been used"), HasSubstr("locked")));
}

TEST_F(FetchEventTest, LargeBytesAreThoseOfTheResponseAlone) {
  LoadHandler(R"(const bytes = new Uint8Array(200000).fill(97);
      const response = new Response(bytes);
      bytes.fill(98);
      if (request.url.endsWith('clone')) {
        const copy = response.clone();
        setTimeout(async () => console.log((await copy.text()).slice(0, 3)), 1);
      }
      return response)");
  EXPECT_EQ(Reply(Event("GET", "/")), std::string(200000, 'a'));
  EXPECT_EQ(Reply(Event("GET", "/clone")), std::string(200000, 'a'));
  host_.Run(*runtime_);
  EXPECT_THAT(host_.console, ElementsAre("aaa"));
}

TEST_F(FetchEventTest, ChunksThatAreThereAlreadyAreSentOneAfterTheOther) {
  LoadHandler(R"(return new Response(new ReadableStream({ start(controller) {
        for (let i = 0; i < 100000; i++) controller.enqueue(new Uint8Array([97]));
        controller.close();
      } })))");
  Event event;
  event.never_full = true;
  Dispatch(event);
  EXPECT_EQ(event.chunks.size(), 100000u);
  EXPECT_EQ(event.stream_complete, true);
  EXPECT_THAT(host_.errors, IsEmpty());
}

TEST_F(FetchEventTest, StreamsAsFastAsTheClientReads) {
  LoadHandler(R"(let n = 0;
      return new Response(new ReadableStream({ pull(controller) {
        if (n === 5) return controller.close();
        controller.enqueue(new TextEncoder().encode(String(++n)));
      } }), { headers: { 'content-length': '5' } }))");
  Event event;
  Dispatch(event);
  EXPECT_EQ(event.declared_length, 5);
  EXPECT_THAT(event.chunks, ElementsAre("1", "2")) << "the second write asked to wait";
  runtime_->Drained(event);
  EXPECT_THAT(event.chunks, ElementsAre("1", "2", "3", "4"));
  runtime_->Drained(event);
  EXPECT_THAT(event.chunks, ElementsAre("1", "2", "3", "4", "5"));
  EXPECT_EQ(event.stream_complete, true);
}

TEST_F(FetchEventTest, CutsAStreamThatFails) {
  Load(R"(export default { fetch: (request) => new Response(new ReadableStream({ pull(controller) {
      if (request.url.endsWith('text')) controller.enqueue('text'); else throw new RangeError('dry well'); } })) })");
  Event text("GET", "/text"), dry("GET", "/dry");
  Dispatch(text);
  Dispatch(dry);
  EXPECT_EQ(text.stream_complete, false);
  EXPECT_EQ(dry.stream_complete, false);
  EXPECT_THAT(host_.errors, ElementsAre(HasSubstr("not a Uint8Array"), HasSubstr("dry well")));
}

TEST_F(FetchEventTest, ACancelledRequestAbortsAndItsAnswerIsIgnored) {
  LoadHandler(R"(request.signal.addEventListener('abort', () => {
        const { name, message } = request.signal.reason;
        console.log(name, message, request.url);
      });
      await new Promise((resolve) => setTimeout(resolve, 1));
      console.log('answers');
      return new Response('too late'))");
  Event gone("GET", "/gone"), overdue("GET", "/overdue");
  Dispatch(gone);
  Dispatch(overdue);
  runtime_->Cancel(gone, "The client left");
  runtime_->Cancel(overdue, kRequestOverdue);
  host_.Run(*runtime_);
  EXPECT_THAT(host_.console,
              ElementsAre("AbortError The client left http://host.example/gone",
                          "TimeoutError " + std::string(kRequestOverdue) + " http://host.example/overdue", "answers",
                          "answers"));
  EXPECT_EQ(gone.status, 0);
  EXPECT_THAT(host_.errors, IsEmpty());
}

TEST_F(FetchEventTest, OnlyOtherErrorsOfACancelledHandlerAreReported) {
  LoadHandler(R"(await new Promise((resolve) => request.signal.addEventListener('abort', resolve));
      if (request.url.endsWith('/other')) throw new RangeError('another');
      request.signal.throwIfAborted())");
  Event abort("GET", "/abort"), other("GET", "/other");
  for (Event* event : {&abort, &other}) {
    Dispatch(*event);
    runtime_->Cancel(*event, "The client left");
  }
  EXPECT_THAT(host_.errors, ElementsAre(HasSubstr("another")));
}

TEST_F(FetchEventTest, ACancelledStreamIsCancelledAtItsSource) {
  LoadHandler(R"(return new Response(new ReadableStream({
        pull(controller) { controller.enqueue(new Uint8Array(3)); },
        cancel(reason) { console.log('cancelled', reason.name); } })))");
  Event event;
  Dispatch(event);
  runtime_->Cancel(event, "The client left");
  host_.Run(*runtime_);
  EXPECT_THAT(host_.console, ElementsAre("cancelled AbortError"));
  EXPECT_EQ(event.stream_complete, std::nullopt);
}

TEST_F(FetchEventTest, AHandleThatIsKeptNeverReachesAnotherRequest) {
  Load(R"(let kept; export default { fetch(request) {
      kept ??= request;
      return new Response(kept.headers.get('who') + kept.method); } })");
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(Reply(Event(i == 0 ? "GET" : "PUT", "/", {{"who", i == 0 ? "me" : "other"}})), "meGET");
}

TEST_F(FetchEventTest, ListenersAnswerToo) {
  Load(R"(addEventListener('fetch', (event) => {
      if (event.request.url.endsWith('/none')) return;
      event.respondWith(Promise.resolve(new Response('listened')));
      event.waitUntil(Promise.reject(new Error('in the background')));
    }))");
  EXPECT_EQ(Reply(Event("GET", "/")), "listened");
  Event none("GET", "/none");
  Dispatch(none);
  EXPECT_EQ(none.failed, FailReason::kHandlerError);
  EXPECT_THAT(host_.errors, ElementsAre(HasSubstr("waitUntil: Error: in the background"), HasSubstr("undefined")));
}

TEST_F(FetchEventTest, ScriptsThatRedefineBuiltInsDoNotReachTheRuntime) {
  Load(R"(Promise.prototype.then = Array.prototype.push = Object.prototype.toString = () => { throw new Error('spy'); };
      Object.defineProperty(Object.prototype, 'get', { get() { throw new Error('spy'); } });
      export default { async fetch(request) { return new Response(await request.text()); } })");
  EXPECT_EQ(Reply(Event("POST", "/", {}, "safe")), "safe");
  EXPECT_THAT(host_.errors, IsEmpty());
}

}  // namespace
}  // namespace jsd

#include "server/http/http_check.h"

#include <gtest/gtest.h>

#include <span>
#include <string>
#include <string_view>

#include "server/http/http_test_server.h"

namespace jsd {
namespace {

// What a service makes of raw bytes. A status of 0: they are a request, and the sink saw "METHOD TARGET AUTHORITY".
struct Case {
  const char* section;  // Of RFC 9112, or of the RFC named.
  std::string request;
  int status;
  std::string seen = {};
};

std::string With(std::string_view fields, std::string_view method = "GET") {
  return std::string(method) + " / HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n";
}

std::string Chunked(std::string_view body) {
  return With("Transfer-Encoding: chunked\r\n", "POST") + std::string(body);
}

void ExpectCases(std::span<const Case> cases) {
  for (const Case& test : cases) {
    TestServer server;
    TestClient client(server, TestClient::Kind::kUnix);
    // No later byte of a connection on which something was refused may be read as a request.
    ASSERT_TRUE(client.Send(test.request + "GET /smuggled HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    const std::string all = client.All();
    const std::string what = std::string(test.section) + ": " + test.request.substr(0, 300);
    ASSERT_FALSE(all.ends_with("(open)")) << what;
    if (test.status != 0) {
      EXPECT_EQ(StatusIn(all), test.status) << what;
      EXPECT_NE(all.find("\r\nConnection: close\r\n"), std::string::npos) << what;
      EXPECT_EQ(server.sink.requests.size(), 0u) << what;
      EXPECT_EQ(all.find("HTTP/1.1", 1), std::string::npos) << what;
    } else {
      EXPECT_EQ(StatusIn(all), 200) << what;
      ASSERT_EQ(server.sink.requests.size(), 2u) << what;
      const FakeSink::Seen& seen = server.sink.requests[0];
      const std::string text = seen.method + " " + seen.target + " " + seen.authority + (seen.body.empty() ? "" : " ");
      EXPECT_EQ(text + seen.body, test.seen) << what;
      EXPECT_EQ(server.sink.requests[1].target, "/smuggled") << what;
    }
  }
}

TEST(HttpCheck, RequestLine) {
  const std::string host = "\r\nHost: h\r\n\r\n";
  const Case cases[] = {
      {"3", "GET / HTTP/1.1" + host, 0, "GET / h"},
      {"2.2", "\r\n\r\nGET / HTTP/1.1" + host, 0, "GET / h"},
      {"2.2", "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1" + host, 400},
      {"2.2", "\nGET / HTTP/1.1" + host, 400},
      {"2.2", "GET / HTTP/1.1\nHost: h\r\n\r\n", 400},
      {"2.2", "GET / HTTP/1.1\r\nHost: h\n\r\n", 400},
      {"2.2", "GET / HTTP/1.1\r\nHost: h\r\n\n", 400},
      {"2.2", "GET /\r HTTP/1.1" + host, 400},
      {"2.2", " GET / HTTP/1.1" + host, 400},
      {"3", "GET  / HTTP/1.1" + host, 400},
      {"3", "GET /  HTTP/1.1" + host, 400},
      {"3", "GET / HTTP/1.1 " + host, 400},
      {"3", "GET\t/ HTTP/1.1" + host, 400},
      {"3", "GET /a b HTTP/1.1" + host, 400},
      {"3", "GET /" + host, 400},
      {"3", "GET" + host, 400},
      {"3", "GET HTTP/1.1" + host, 400},
      {"3.1", "G@T / HTTP/1.1" + host, 400},
      {"3.1", "G(T / HTTP/1.1" + host, 400},
      {"3.1", "get / HTTP/1.1" + host, 0, "get / h"},
      {"3.1", "!#$%&'*+-.^_`|~09aZ / HTTP/1.1" + host, 0, "!#$%&'*+-.^_`|~09aZ / h"},
      {"3.1", std::string(100, 'M') + " / HTTP/1.1" + host, 501},
      {"2.3", "GET / HTTP/1.9" + host, 0, "GET / h"},
      {"2.3", "GET / HTTP/2.0" + host, 505},
      {"2.3", "GET / HTTP/0.9" + host, 505},
      {"2.3", "GET / HTTP/9.9" + host, 505},
      {"2.3", "GET / HTTP/11" + host, 400},
      {"2.3", "GET / HTTP/1.10" + host, 400},
      {"2.3", "GET / HTTP/1." + host, 400},
      {"2.3", "GET / HTTP/1.x" + host, 400},
      {"2.3", "GET / http/1.1" + host, 400},
      {"2.3", "GET / HTTPS/1.1" + host, 400},
      {"2.3", "GET / ICY/1.1" + host, 400},
      {"3", std::string("GET /\0 HTTP/1.1", 15) + host, 400},
      {"3", "GET /\x7f HTTP/1.1" + host, 400},
      {"3", "GET /\x01 HTTP/1.1" + host, 400},
      {"3", "GET /" + std::string(8 * 1024 - 1, 'x') + " HTTP/1.1" + host, 0,
       "GET /" + std::string(8 * 1024 - 1, 'x') + " h"},
      {"3", "GET /" + std::string(8 * 1024, 'x') + " HTTP/1.1" + host, 414},
      {"3", "GET /" + std::string(100 * 1024, 'x'), 414},
      {"3", std::string("\x16\x03\x01\x02\x00\x01", 6), 400},
  };
  ExpectCases(cases);
}

TEST(HttpCheck, TargetForms) {
  const std::string end = " HTTP/1.1\r\nHost: h\r\n\r\n";
  const Case cases[] = {
      {"3.2.1", "GET /a/b?c=d&e" + end, 0, "GET /a/b?c=d&e h"},
      {"3.2.1", "GET //a" + end, 0, "GET //a h"},
      {"3.2.1", "GET /%7e|^" + end, 0, "GET /%7e|^ h"},
      {"3.2.1", "GET /a#b" + end, 400},
      {"3.2.1", "GET a" + end, 400},
      {"3.2.1", "GET ?a" + end, 400},
      {"3.2.2", "GET http://other:8080/x?y" + end, 0, "GET /x?y other:8080"},
      {"3.2.2", "GET HTTP://other/x" + end, 0, "GET /x other"},
      {"3.2.2", "GET http://other" + end, 0, "GET / other"},
      {"3.2.2", "GET http://other?q" + end, 0, "GET /?q other"},
      {"3.2.2", "GET http://other/ HTTP/1.1\r\nHost:\r\n\r\n", 0, "GET / other"},
      {"3.2.2", "GET http://other/ HTTP/1.1\r\n\r\n", 400},
      {"3.2.2", "GET http://user@other/" + end, 400},
      {"3.2.2", "GET http:///x" + end, 400},
      {"3.2.2", "GET http:x" + end, 400},
      {"3.2.2", "GET ftp://other/" + end, 400},
      {"RFC 9110 7.4", "GET https://other/" + end, 421},
      {"3.2.3", "CONNECT other:80" + end, 501},
      {"3.2.4", "OPTIONS *" + end, 0, "OPTIONS * h"},
      {"3.2.4", "OPTIONS http://other" + end, 0, "OPTIONS * other"},
      {"3.2.4", "OPTIONS /x" + end, 0, "OPTIONS /x h"},
      {"3.2.4", "GET *" + end, 400},
      {"3.2.4", "OPTIONS *x" + end, 400},
  };
  ExpectCases(cases);
}

TEST(HttpCheck, Host) {
  const auto host = [](std::string_view value) { return "GET / HTTP/1.1\r\nHost:" + std::string(value) + "\r\n\r\n"; };
  const Case cases[] = {
      {"3.2", "GET / HTTP/1.1\r\n\r\n", 400},
      {"3.2", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
      {"3.2", "GET / HTTP/1.0\r\nConnection: keep-alive\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"3.2", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 0, "GET / localhost"},
      {"3.2", host(" example.org"), 0, "GET / example.org"},
      {"3.2", host("\texample.org \t"), 0, "GET / example.org"},
      {"3.2", host("a:65535"), 0, "GET / a:65535"},
      {"3.2", host("a:"), 0, "GET / a:"},
      {"3.2", host("127.0.0.1:80"), 0, "GET / 127.0.0.1:80"},
      {"3.2", host("[::1]:80"), 0, "GET / [::1]:80"},
      {"3.2", host("[::ffff:1.2.3.4]"), 0, "GET / [::ffff:1.2.3.4]"},
      {"3.2", host("a%20b"), 0, "GET / a%20b"},
      {"3.2", host(""), 400},
      {"3.2", host(":80"), 400},
      {"3.2", host("a:65536"), 400},
      {"3.2", host("a:8o"), 400},
      {"3.2", host("a:-1"), 400},
      {"3.2", host("a:1:2"), 400},
      {"3.2", host("a b"), 400},
      {"3.2", host("a,b"), 400},
      {"3.2", host("a, b"), 400},
      {"3.2", host("user@a"), 400},
      {"3.2", host("a/b"), 400},
      {"3.2", host("a?b"), 400},
      {"3.2", host("a#b"), 400},
      {"3.2", host("http://a"), 400},
      {"3.2", host("a%2"), 400},
      {"3.2", host("a%zz"), 400},
      {"3.2", host("::1"), 400},
      {"3.2", host("[::1"), 400},
      {"3.2", host("[::1]x"), 400},
      {"3.2", host("[::g]"), 400},
      {"3.2", host("[1.2.3.4]"), 400},
      {"3.2", host("[" + std::string(60, ':') + "]"), 400},
      {"3.2", host("b\xc3\xbc"), 400},
  };
  ExpectCases(cases);
}

TEST(HttpCheck, Fields) {
  std::string many;
  for (int i = 0; i < 300; ++i) many += "a:b\r\n";
  const Case cases[] = {
      {"5", With("A:b\r\n"), 0, "GET / h"},
      {"5", With("A:\r\n"), 0, "GET / h"},
      {"5.1", With("A : b\r\n"), 400},
      {"5.1", With("A\t: b\r\n"), 400},
      {"5.1", With(" A: b\r\n"), 400},
      {"5.1", With("A\r\n"), 400},
      {"5.1", With(": b\r\n"), 400},
      {"5.1", With("A B: c\r\n"), 400},
      {"5.1", With("A(B): c\r\n"), 400},
      {"5.1", With("\xc3\xbc: c\r\n"), 400},
      {"5.2", With("A: b\r\n c\r\n"), 400},
      {"5.2", With("A:\r\n\tc\r\n"), 400},
      {"5.5", With(std::string("A: b\0c\r\n", 8)), 400},
      {"5.5", With("A: b\x01\r\n"), 400},
      {"5.5", With("A: b\x7f\r\n"), 400},
      {"5.5", With("A: b\rc\r\n"), 400},
      {"5.5", With("A: b\xff\tc\r\n"), 0, "GET / h"},
      {"5.4", With(many), 431},
      {"5.4", With("A: " + std::string(40 * 1024, 'x') + "\r\n"), 431},
      {"5.4", "GET / HTTP/1.1\r\nHost: h\r\n" + std::string(40 * 1024, 'x'), 431},
      {"RFC 9110 10.1.1", With("Expect: 100-continue\r\n"), 0, "GET / h"},
      {"RFC 9110 10.1.1", With("Expect: 200-ok\r\n"), 417},
      {"9.1", With("Connection: a b\r\n"), 400},
  };
  ExpectCases(cases);
}

TEST(HttpCheck, ContentLength) {
  const auto length = [](std::string_view fields) { return With(fields, "POST") + "abc"; };
  const Case cases[] = {
      {"6.2", length("Content-Length: 3\r\n"), 0, "POST / h abc"},
      {"6.2", length("Content-Length: 0003 \r\n"), 0, "POST / h abc"},
      {"6.2", With("Content-Length: 0\r\n", "POST"), 0, "POST / h"},
      {"6.2", length("Content-Length: +3\r\n"), 400},
      {"6.2", length("Content-Length: -3\r\n"), 400},
      {"6.2", length("Content-Length: 3x\r\n"), 400},
      {"6.2", length("Content-Length: 0x3\r\n"), 400},
      {"6.2", length("Content-Length: 3 3\r\n"), 400},
      {"6.2", length("Content-Length: 3.0\r\n"), 400},
      {"6.2", length("Content-Length: \r\n"), 400},
      {"6.3", length("Content-Length: 3, 3\r\n"), 400},
      {"6.3", length("Content-Length: 3\r\nContent-Length: 3\r\n"), 400},
      {"6.3", length("Content-Length: 3\r\nContent-Length: 4\r\n"), 400},
      {"6.3", length("Content-Length: 18446744073709551616\r\n"), 400},
      {"6.3", length("Content-Length: 18446744073709551615\r\n"), 413},
      {"6.3", length("Content-Length: 1048577\r\n"), 413},
      {"6.3", length("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"), 400},
      {"6.3", length("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"), 400},
  };
  ExpectCases(cases);
}

TEST(HttpCheck, TransferEncoding) {
  const std::string body = "3\r\nabc\r\n0\r\n\r\n";
  const auto coded = [&](std::string_view fields) { return With(fields, "POST") + body; };
  const Case cases[] = {
      {"6.1", coded("Transfer-Encoding: chunked\r\n"), 0, "POST / h abc"},
      {"6.1", coded("transfer-encoding: ChunkeD\r\n"), 0, "POST / h abc"},
      {"6.1", coded("Transfer-Encoding: gzip\r\n"), 400},
      {"6.1", coded("Transfer-Encoding: gzip, chunked\r\n"), 400},
      {"6.1", coded("Transfer-Encoding: chunked, gzip\r\n"), 400},
      {"6.1", coded("Transfer-Encoding: chunked, chunked\r\n"), 400},
      {"6.1", coded("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400},
      {"6.1", coded("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"), 400},
      {"6.1", coded("Transfer-Encoding: identity\r\n"), 400},
      {"6.1", coded("Transfer-Encoding: xchunked\r\n"), 400},
      {"6.1", coded("Transfer-Encoding: \"chunked\"\r\n"), 400},
      {"6.1", coded("Transfer-Encoding: chunked;x=y\r\n"), 400},
      {"6.1",
       coded("Transfer-Encoding: \x0b"
             "chunked\r\n"),
       400},
      {"6.1", coded("Transfer-Encoding:\r\n"), 400},
      {"6.1", "POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n" + body, 400},
  };
  ExpectCases(cases);
}

TEST(HttpCheck, Chunks) {
  const Case cases[] = {
      {"7.1", Chunked("0\r\n\r\n"), 0, "POST / h"},
      {"7.1", Chunked("003\r\nabc\r\n000\r\n\r\n"), 0, "POST / h abc"},
      {"7.1", Chunked("1\r\na\r\nA\r\nbbbbbbbbbb\r\na\r\ncccccccccc\r\n0\r\n\r\n"), 0,
       "POST / h abbbbbbbbbbcccccccccc"},
      {"7.1", Chunked("\r\n"), 400},
      {"7.1", Chunked("g\r\nabc\r\n0\r\n\r\n"), 400},
      {"7.1", Chunked("+3\r\nabc\r\n0\r\n\r\n"), 400},
      {"7.1", Chunked("-3\r\nabc\r\n0\r\n\r\n"), 400},
      {"7.1", Chunked("0x3\r\nabc\r\n0\r\n\r\n"), 400},
      {"7.1", Chunked(" 3\r\nabc\r\n0\r\n\r\n"), 400},
      {"7.1", Chunked("3 \r\nabc\r\n0\r\n\r\n"), 400},
      {"7.1", Chunked("3\nabc\r\n0\r\n\r\n"), 400},
      {"7.1", Chunked("3\rabc\r\n0\r\n\r\n"), 400},
      {"7.1", Chunked("3\r\nabcd\r\n0\r\n\r\n"), 400},
      {"7.1", Chunked("3\r\nabc0\r\n\r\n"), 400},
      {"7.1", Chunked("3\r\nabc\n0\r\n\r\n"), 400},
      {"7.1", Chunked("10000000000000000\r\nabc\r\n0\r\n\r\n"), 400},
      {"7.1", Chunked("ffffffffffffffff\r\nabc\r\n0\r\n\r\n"), 413},
      {"7.1", Chunked("100001\r\n"), 413},
      {"7.1", Chunked("3\r\nabc\r\nffffe\r\n"), 413},
      {"7.1.1", Chunked("3;a\r\nabc\r\n0;b=c;d=\"e;\\\" f\"\r\n\r\n"), 0, "POST / h abc"},
      {"7.1.1", Chunked("3 ; a = b\r\nabc\r\n0\r\n\r\n"), 0, "POST / h abc"},
      {"7.1.1", Chunked("3;\r\nabc\r\n0\r\n\r\n"), 400},
      {"7.1.1", Chunked("3;a=\r\nabc\r\n0\r\n\r\n"), 400},
      {"7.1.1", Chunked("3;a=\"b\r\nabc\r\n0\r\n\r\n"), 400},
      {"7.1.1", Chunked("3;a=\"b\nc\"\r\nabc\r\n0\r\n\r\n"), 400},
      {"7.1.1", Chunked("3;a\nb\r\nabc\r\n0\r\n\r\n"), 400},
      {"7.1.1", Chunked("3;a\rb\r\nabc\r\n0\r\n\r\n"), 400},
      {"7.1.1", Chunked(std::string("3;a=\"\0\"\r\nabc\r\n0\r\n\r\n", 20)), 400},
      {"7.1.1", Chunked("3;" + std::string(40 * 1024, 'x')), 431},
      {"7.1.2", Chunked("0\r\nA: b\r\nC: d\r\n\r\n"), 0, "POST / h"},
      {"7.1.2", Chunked("0\r\nA : b\r\n\r\n"), 400},
      {"7.1.2", Chunked("0\r\nA\r\n\r\n"), 400},
      {"7.1.2", Chunked("0\r\nA: b\n\r\n\r\n"), 400},
      {"7.1.2", Chunked("0\r\nA: b\r\n c\r\n\r\n"), 400},
      {"7.1.2", Chunked("0\r\nA:\r\n c\r\n\r\n"), 400},
      {"RFC 9110 6.5.1", Chunked("0\r\nContent-Length: 3\r\n\r\n"), 400},
      {"RFC 9110 6.5.1", Chunked("0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400},
      {"RFC 9110 6.5.1", Chunked("0\r\nHost: other\r\n\r\n"), 400},
      {"RFC 9110 6.5.1", Chunked("0\r\nAuthorization: x\r\n\r\n"), 400},
      {"7.1.2", Chunked("0\r\nA: " + std::string(40 * 1024, 'x')), 431},
      {"7.1.2", Chunked("0\r\nA: " + std::string(40 * 1024, 'x') + "\r\n\r\n"), 431},
  };
  ExpectCases(cases);
}

TEST(HttpCheck, EmptyLinesAlone) {
  TestServer server;
  TestClient client(server);
  ASSERT_TRUE(client.Send("\r\n"));
  client.ShutdownSend();
  EXPECT_EQ(client.All(), "");
}

}  // namespace
}  // namespace jsd

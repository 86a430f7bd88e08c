import { assert, assertEquals, assertStrictEquals, fail, test } from './harness.mjs';

// What needs servers is in tests/e2e/test_fetch.py.

const rejection = (promise) => promise.then(() => fail('it did not fail'), (error) => error);

test('the function', () => {
  assertEquals([fetch.name, fetch.length], ['fetch', 1]);
  const descriptor = Object.getOwnPropertyDescriptor(globalThis, 'fetch');
  assertEquals([descriptor.writable, descriptor.enumerable, descriptor.configurable], [true, true, true]);
});

test('what cannot be fetched', async () => {
  for (const input of ['no url', 'ftp://host/', 'nothing:x', 'http://user@host/', 'http://host:6000/', 'http://host/']) {
    const error = await rejection(fetch(input));
    assert(error instanceof TypeError, `${input}: ${error}`);
  }
  assert(await rejection(fetch()) instanceof TypeError);
  const { cause } = await rejection(fetch('http://host/'));
  assertStrictEquals(cause.code, 'ENETUNREACH');
  assertStrictEquals((await rejection(fetch('http://host:25/'))).cause.code, 'ERR_BAD_PORT');
});

test('a signal that has been aborted', async () => {
  const reason = new RangeError('mine');
  assertStrictEquals(await rejection(fetch('http://host/', { signal: AbortSignal.abort(reason) })), reason);
  const body = new ReadableStream({
    cancel(given) {
      assertStrictEquals(given, reason);
      body.cancelled = true;
    },
  });
  const init = { method: 'POST', body, duplex: 'half', signal: AbortSignal.abort(reason) };
  assertStrictEquals(await rejection(fetch('http://host/', init)), reason);
  assert(body.cancelled);
});

test('data: URLs', async () => {
  const cases = [
    ['data:,', 'text/plain;charset=US-ASCII', []],
    ['data:,X', 'text/plain;charset=US-ASCII', [88]],
    ['data:,X%20Y#fragment', 'text/plain;charset=US-ASCII', [88, 32, 89]],
    ['data:,%FF%4', 'text/plain;charset=US-ASCII', [255, 37, 52]],
    ['data:;base64,WA', 'text/plain;charset=US-ASCII', [88]],
    ['data:; base64 ,WA', 'text/plain;charset=US-ASCII', [88]],
    ['data:;BASe64,W%20A', 'text/plain;charset=US-ASCII', [88]],
    ['data:;charset=utf-8,X', 'text/plain;charset=utf-8', [88]],
    ['data:TEXT/HTML;Charset="UTF-8",X', 'text/html;charset=UTF-8', [88]],
    ['data:text/html;a="b;c";d=e;a=f;=x;g,X', 'text/html;a="b;c";d=e', [88]],
    ['data:not a type,X', 'text/plain;charset=US-ASCII', [88]],
    ['data:a/b ;base64x,X', 'a/b', [88]],
  ];
  for (const [url, type, bytes] of cases) {
    const response = await fetch(url);
    assertEquals([response.status, response.statusText, response.headers.get('content-type')], [200, 'OK', type], url);
    assertEquals([...await response.bytes()], bytes, url);
    assertStrictEquals(response.url, url.split('#')[0]);
  }
  for (const url of ['data:', 'data:text/plain', 'data:;base64,W', 'data:;base64,****']) {
    assert(await rejection(fetch(url)) instanceof TypeError, url);
  }
});

test('the response of a data: URL', async () => {
  const response = await fetch('data:text/plain,hello');
  assertEquals([response.type, response.redirected, response.ok], ['basic', false, true]);
  try {
    response.headers.append('a', 'b');
    fail('the headers can be changed');
  } catch (error) {
    assert(error instanceof TypeError);
  }
  const copy = response.clone();
  assertStrictEquals(await copy.text(), 'hello');
  assertStrictEquals(copy.url, 'data:text/plain,hello');
  const chunks = [];
  for await (const chunk of response.body) chunks.push(...chunk);
  assertStrictEquals(String.fromCharCode(...chunks), 'hello');
});

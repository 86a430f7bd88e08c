import { assert, assertEquals, assertRejects, assertStrictEquals, fail, test } from './harness.mjs';

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

test('blob: URLs are fetched', async () => {
  const url = URL.createObjectURL(new Blob(['hello ', 'world'], { type: 'text/x-greeting' }));
  const response = await fetch(`${url}#fragment`);
  assertEquals([response.status, response.statusText, response.type, response.headers.get('content-type'),
    response.headers.get('content-length')].join(), '200,OK,basic,text/x-greeting,11');
  assertEquals(await response.text(), 'hello world');
  const range = async (value) => {
    const part = await fetch(url, { headers: { range: value } });
    return `${part.status} ${part.headers.get('content-range')} ${await part.text()}`;
  };
  assertEquals(await range('bytes=0-4'), '206 bytes 0-4/11 hello');
  assertEquals(await range('bytes=6-'), '206 bytes 6-10/11 world');
  assertEquals(await range('Bytes = 6 - 100'), '206 bytes 6-10/11 world');
  assertEquals(await range('bytes=-3'), '206 bytes 8-10/11 rld');
  assertEquals(await range('bytes=-100'), '206 bytes 0-10/11 hello world');
  for (const wrong of ['bytes=', 'bytes=-', 'bytes=11-', 'bytes=3-2', 'bytes=-0', 'lines=0-1', 'bytes=0-1,3-4']) {
    await assertRejects(() => fetch(url, { headers: { range: wrong } }), TypeError);
  }
  await assertRejects(() => fetch(url, { method: 'HEAD' }), TypeError);
  await assertRejects(() => fetch(`${url}?query`), TypeError);
});

test('a request knows the blob that its URL stood for', async () => {
  const url = URL.createObjectURL(new Blob(['kept']));
  const request = new Request(url);
  const copies = [request.clone(), new Request(request)];
  const promise = fetch(url);
  URL.revokeObjectURL(url);
  assertEquals(await (await promise).text(), 'kept');
  for (const each of [request, ...copies]) assertEquals(await (await fetch(each)).text(), 'kept');
  await assertRejects(() => fetch(url), TypeError);
  await assertRejects(() => fetch(new Request(url)), TypeError);
});

test('file: URLs need the permission to read', async () => {
  await assertRejects(() => fetch('file:///etc/hostname'), DOMException);
  await assertRejects(() => fetch('file://elsewhere/etc/hostname'), TypeError);
  await assertRejects(() => fetch('file:///etc/hostname', { method: 'POST' }), TypeError);
});

test('HEAD of a data: URL has no body', async () => {
  const response = await fetch('data:text/plain,hello', { method: 'HEAD' });
  assertEquals([response.status, response.headers.get('content-type'), response.body, await response.text()],
    [200, 'text/plain', null, '']);
});

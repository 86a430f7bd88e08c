import {
  assert, assertEquals, assertRejects, assertStrictEquals, assertThrows, checkInterface, test,
} from './harness.mjs';

const url = 'http://example.org/path?query';

test('the interface', () => {
  checkInterface('Request', {
    length: 1,
    members: {
      method: 'readonly', url: 'readonly', headers: 'readonly', destination: 'readonly', referrer: 'readonly',
      referrerPolicy: 'readonly', mode: 'readonly', credentials: 'readonly', cache: 'readonly', redirect: 'readonly',
      integrity: 'readonly', keepalive: 'readonly', isReloadNavigation: 'readonly', isHistoryNavigation: 'readonly',
      signal: 'readonly', duplex: 'readonly', body: 'readonly', bodyUsed: 'readonly', clone: 0,
    },
  });
});

test('has the defaults of the standard', () => {
  const request = new Request(url);
  assertEquals([request.method, request.url, request.destination, request.referrer, request.referrerPolicy],
               ['GET', url, '', 'about:client', '']);
  assertEquals([request.mode, request.credentials, request.cache, request.redirect, request.integrity],
               ['cors', 'same-origin', 'default', 'follow', '']);
  assertEquals([request.keepalive, request.duplex, request.body, request.bodyUsed], [false, 'half', null, false]);
  assert(request.signal instanceof AbortSignal && !request.signal.aborted);
  assertStrictEquals(request.signal, request.signal);
});

test('takes URLs as text and as objects', () => {
  assertEquals(new Request(new URL(url)).url, url);
  assertEquals(new Request('HTTP://Example.org:80/a/../b#c').url, 'http://example.org/b#c');
  for (const bad of ['', '/relative', 'http://', 'http://user:pass@host/', 'http://user@host/']) {
    assertThrows(() => new Request(bad), TypeError);
  }
});

test('normalizes and checks the method', () => {
  for (const method of ['get', 'Post', 'hEAD', 'options', 'put', 'delete']) {
    assertEquals(new Request(url, { method }).method, method.toUpperCase());
  }
  assertEquals([new Request(url, { method: 'patch' }).method, new Request(url, { method: 'Foo' }).method],
               ['patch', 'Foo']);
  for (const method of ['', 'a b', 'connect', 'TRACE', 'track', 'ä']) {
    assertThrows(() => new Request(url, { method }), TypeError);
  }
});

test('checks its init', () => {
  const wrong = [
    { mode: 'navigate' }, { mode: 'x' }, { credentials: 'x' }, { cache: 'x' }, { redirect: 'x' }, { duplex: 'full' },
    { referrerPolicy: 'x' }, { referrer: 'http://:x' }, { window: 'x' }, { signal: {} }, { priority: 'x' },
    { cache: 'only-if-cached' }, { mode: 'no-cors', method: 'PUT' }, { headers: 1 }, 1,
  ];
  for (const init of wrong) assertThrows(() => new Request(url, init), TypeError);
  const request = new Request(url, {
    mode: 'same-origin', credentials: 'omit', cache: 'only-if-cached', redirect: 'manual', referrer: '',
    referrerPolicy: 'origin', integrity: 'sha256-x', keepalive: true, window: null, signal: null, priority: 'high',
  });
  assertEquals([request.mode, request.credentials, request.cache, request.redirect, request.referrer,
                request.referrerPolicy, request.integrity, request.keepalive],
               ['same-origin', 'omit', 'only-if-cached', 'manual', '', 'origin', 'sha256-x', true]);
});

test('has bodies', async () => {
  const post = (body, init = {}) => new Request(url, { method: 'POST', body, ...init });
  assertEquals(await post('text').text(), 'text');
  assertEquals(post('text').headers.get('content-type'), 'text/plain;charset=UTF-8');
  assertEquals(await post(new URLSearchParams('a=1')).text(), 'a=1');
  assertEquals(await post(new Uint8Array([1, 2])).bytes(), new Uint8Array([1, 2]));
  assertEquals(await post('[1]').json(), [1]);
  const stream = () => new Response('s').body;
  assertThrows(() => post(stream()), TypeError, 'duplex');
  assertThrows(() => post(stream(), { duplex: 'half', keepalive: true }), TypeError);
  assertEquals(await post(stream(), { duplex: 'half' }).text(), 's');
  for (const method of ['GET', 'HEAD']) assertThrows(() => new Request(url, { method, body: 'x' }), TypeError);
  const request = post('once');
  await request.text();
  assertEquals(request.bodyUsed, true);
  await assertRejects(request.text(), TypeError);
  await assertRejects(Request.prototype.text.call({}), TypeError);
});

test('is made of another request', async () => {
  const original = new Request(url, { method: 'POST', body: 'b', headers: { a: '1' }, redirect: 'error' });
  const copy = new Request(original, { headers: { c: '2' } });
  assertEquals([copy.method, copy.url, copy.redirect, copy.headers.get('a'), copy.headers.get('c')],
               ['POST', url, 'error', null, '2']);
  assertEquals([original.bodyUsed, await copy.text()], [true, 'b']);
  assertThrows(() => new Request(original), TypeError);
  const again = new Request(original, { body: 'new' });
  assertEquals([await again.text(), again.headers.get('a')], ['new', '1']);
  const streamed = new Request(url, { method: 'POST', body: new ReadableStream({
    start(controller) {
      controller.enqueue(new Uint8Array([0x61]));
      controller.close();
    },
  }), duplex: 'half' });
  const taken = new Request(streamed);
  assertEquals([streamed.bodyUsed, await taken.text()], [true, 'a']);
});

test('clone', async () => {
  const request = new Request(url, { method: 'PUT', body: 'b', headers: { a: '1' } });
  const copy = request.clone();
  copy.headers.set('a', '2');
  assertEquals([copy.method, copy.url, request.headers.get('a')], ['PUT', url, '1']);
  assertEquals([await request.text(), await copy.text()], ['b', 'b']);
  assertThrows(() => request.clone(), TypeError);
});

test('its signal follows the one it was given', () => {
  const controller = new AbortController();
  const request = new Request(url, { signal: controller.signal });
  const copy = request.clone();
  const derived = new Request(request);
  assertEquals([request.signal.aborted, request.signal === controller.signal], [false, false]);
  controller.abort('enough');
  for (const each of [request, copy, derived]) {
    assertEquals([each.signal.aborted, each.signal.reason], [true, 'enough']);
  }
  assertEquals(new Request(request, { signal: null }).signal.aborted, false);
});

import {
  assert, assertEquals, assertRejects, assertStrictEquals, assertThrows, checkInterface, test,
} from './harness.mjs';

const utf8 = (text) => new TextEncoder().encode(text);

test('the interface', () => {
  checkInterface('Response', {
    length: 0,
    members: {
      type: 'readonly', url: 'readonly', redirected: 'readonly', status: 'readonly', ok: 'readonly',
      statusText: 'readonly', headers: 'readonly', body: 'readonly', bodyUsed: 'readonly', clone: 0,
    },
    statics: { error: 0, json: 1, redirect: 1 },
  });
});

test('has the defaults of the standard', () => {
  const response = new Response();
  assertEquals([response.status, response.ok, response.statusText, response.type, response.url, response.redirected],
               [200, true, '', 'default', '', false]);
  assertEquals([response.body, response.bodyUsed, [...response.headers]], [null, false, []]);
  assertStrictEquals(response.headers, response.headers);
});

test('checks its init', () => {
  for (const status of [0, 100, 199, 600, 1000]) assertThrows(() => new Response('', { status }), RangeError);
  for (const statusText of ['\n', '\u0141', 'a\0']) assertThrows(() => new Response('', { statusText }), TypeError);
  for (const status of [204, 205, 304]) {
    assertEquals(new Response(null, { status }).status, status);
    assertThrows(() => new Response('', { status }), TypeError);
    assertThrows(() => new Response(new Uint8Array(), { status }), TypeError);
  }
  assertThrows(() => new Response('', 1), TypeError);
  assertEquals(new Response('', null).status, 200);
  assertEquals(new Response('', { status: '404', statusText: 'Lost' }).statusText, 'Lost');
  assertEquals(new Response('', { status: 299.9 }).status, 299);
});

test('reads bodies of each kind in each way, with the Content-Type that they bring', async () => {
  const form = 'application/x-www-form-urlencoded;charset=UTF-8';
  const cases = [
    [() => 'grüße', 'grüße', 'text/plain;charset=UTF-8'],
    [() => utf8('bytes').buffer, 'bytes', null],
    [() => utf8('-view-').subarray(1, 5), 'view', null],
    [() => new DataView(utf8('data').buffer), 'data', null],
    [() => new URLSearchParams({ a: 'b c' }), 'a=b+c', form],
    [() => new Response('stream').body, 'stream', null],
    [() => 42, '42', 'text/plain;charset=UTF-8'],
    [() => null, '', null],
    [() => undefined, '', null],
  ];
  for (const [make, text, type] of cases) {
    assertEquals(new Response(make()).headers.get('content-type'), type);
    assertEquals(await new Response(make()).text(), text);
    assertEquals(await new Response(make()).bytes(), utf8(text));
    assertEquals(await new Response(make()).arrayBuffer(), utf8(text).buffer);
  }
  const typed = new Response('x', { headers: { 'Content-Type': 'text/html' } });
  assertEquals(typed.headers.get('content-type'), 'text/html');
  assertEquals(await new Response('{"a":[1]}').json(), { a: [1] });
  await assertRejects(new Response('{').json(), SyntaxError);
  await assertRejects(new Response().json(), SyntaxError);
});

test('copies what a script could change afterwards', async () => {
  const bytes = utf8('abc');
  const response = new Response(bytes);
  bytes[0] = 0x78;
  const copy = response.clone();
  (await response.bytes())[1] = 0x78;
  assertEquals(await copy.text(), 'abc');
});

test('decodes as UTF-8: byte order marks go, errors are replaced', async () => {
  assertEquals(await new Response(new Uint8Array([0xEF, 0xBB, 0xBF, 0x61])).text(), 'a');
  assertEquals(await new Response('\uFEFFa').text(), 'a');
  assertEquals(await new Response(new Uint8Array([0x61, 0xFF])).text(), 'a\uFFFD');
  assertEquals(await new Response('a\uD800').text(), 'a\uFFFD');
  assertEquals(await new Response('\uD83D\uDE00').bytes(), new Uint8Array([0xF0, 0x9F, 0x98, 0x80]));
});

test('a body is read once', async () => {
  const response = new Response('x');
  assertEquals(response.bodyUsed, false);
  const text = response.text();
  assertEquals(response.bodyUsed, true);
  assertEquals(await text, 'x');
  await assertRejects(response.text(), TypeError, 'already been used');
  await assertRejects(response.json(), TypeError);
  assertThrows(() => response.clone(), TypeError);
  const empty = new Response();
  assertEquals([await empty.text(), await empty.text(), empty.bodyUsed], ['', '', false]);
  await assertRejects(Response.prototype.text.call({}), TypeError);
});

test('a stream over a whole body behaves as the standard has it', async () => {
  const response = new Response('stream me');
  const { body } = response;
  assert(body instanceof ReadableStream);
  assertStrictEquals(response.body, body);
  const reader = body.getReader();
  await assertRejects(response.text(), TypeError, 'locked');
  const { value } = await reader.read();
  assertEquals(value, utf8('stream me'));
  assertEquals(response.bodyUsed, true);
  assertEquals((await reader.read()).done, true);

  const untouched = new Response('whole');
  const stream = untouched.body;
  assertEquals(await untouched.text(), 'whole');
  assertEquals([untouched.bodyUsed, stream.locked], [true, true]);
  const late = new Response('x');
  await late.text();
  assertEquals(late.body.locked, true);
});

test('a body moves on with its stream', async () => {
  const first = new Response('moved', { status: 201, headers: { a: 'b' } });
  const second = new Response(first.body, first);
  assertEquals([second.status, second.headers.get('a')], [201, 'b']);
  assertEquals(await second.text(), 'moved');
  assertEquals(first.bodyUsed, true);
  assertThrows(() => new Response(first.body), TypeError);
});

test('reads streams of scripts', async () => {
  const make = (chunks) => new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
  assertEquals(await new Response(make([utf8('a'), utf8('b')])).text(), 'ab');
  await assertRejects(new Response(make(['text'])).text(), TypeError, 'Uint8Array');
  const failing = new ReadableStream({ start: (controller) => controller.error(new RangeError('broken')) });
  await assertRejects(new Response(failing).text(), RangeError, 'broken');
  const response = new Response(make([utf8('twice')]));
  const copy = response.clone();
  assertEquals([await response.text(), await copy.text()], ['twice', 'twice']);
});

test('clone', async () => {
  const response = new Response('x', { status: 404, statusText: 'No', headers: { a: '1' } });
  const copy = response.clone();
  copy.headers.set('a', '2');
  assertEquals([copy.status, copy.statusText, response.headers.get('a')], [404, 'No', '1']);
  assertEquals([await response.text(), await copy.text()], ['x', 'x']);
});

test('json', async () => {
  const response = Response.json({ a: 1 }, { status: 202, headers: { b: 'c' } });
  assertEquals([response.status, response.headers.get('content-type'), response.headers.get('b')],
               [202, 'application/json', 'c']);
  assertEquals(await response.json(), { a: 1 });
  assertEquals(Response.json(1, { headers: { 'content-type': 'a/b' } }).headers.get('content-type'), 'a/b');
  for (const value of [undefined, () => {}, Symbol('s')]) assertThrows(() => Response.json(value), TypeError);
  assertThrows(() => Response.json({ toJSON() { throw new RangeError('x'); } }), RangeError);
  assertThrows(() => Response.json({}, { status: 204 }), TypeError);
});

test('redirect and error', () => {
  const redirect = Response.redirect('http://a.example/b c');
  assertEquals([redirect.status, redirect.headers.get('location')], [302, 'http://a.example/b%20c']);
  assertThrows(() => Response.redirect('http://a/', 200), RangeError);
  assertThrows(() => Response.redirect('no url'), TypeError);
  const error = Response.error();
  assertEquals([error.type, error.status, error.ok, error.body], ['error', 0, false, null]);
});

test('the type of a blob is parsed as the MIME Sniffing standard says', async () => {
  const typeOf = async (value) => (await new Response('x', { headers: { 'content-type': value } }).blob()).type;
  for (const [value, type] of [
    [' text/html ', 'text/html'], ['text/html ;charset=utf-8', 'text/html;charset=utf-8'], ['text/ html', ''],
    ['text /html', ''], ['text/html;charset= utf-8', 'text/html;charset=" utf-8"'], ['a/b;c=d ', 'a/b;c=d'],
    ['a/b;c="d e" f;g=h', 'a/b;c="d e";g=h'], ['a/b;c=D\u00d6', 'a/b;c="d\u00d6"'], ['a/b;c= ', 'a/b'], ['a/b;c= ;d=e', 'a/b;d=e'],
  ]) assertEquals(await typeOf(value), type, value);
});

test('a clone has chunks of its own', async () => {
  const chunk = new Uint8Array([1, 2]);
  const response = new Response(new ReadableStream({
    start(controller) {
      controller.enqueue(chunk);
      controller.close();
    },
  }));
  const clone = response.clone();
  const first = await response.body.getReader().read();
  chunk[0] = 9;
  assertEquals(first.value === chunk, true);
  assertEquals(await clone.bytes(), new Uint8Array([1, 2]));
  const bad = new Response(new ReadableStream({ start: (controller) => controller.enqueue(() => {}) }));
  const badClone = bad.clone();
  await assertRejects(bad.text(), 'DataCloneError');
  await assertRejects(badClone.text(), 'DataCloneError');
});

test('a then of Object.prototype comes between a body and its stream nowhere', async () => {
  const response = new Response(new ReadableStream({
    start(controller) {
      controller.enqueue(new Uint8Array([0x61]));
      controller.close();
    },
  }));
  let calls = 0;
  Object.prototype.then = () => calls++;
  let text;
  try {
    text = response.text();
    for (let i = 0; i < 20; i++) await 0;
  } finally {
    delete Object.prototype.then;
  }
  assertEquals([await text, calls], ['a', 0]);
});

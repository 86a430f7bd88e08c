"""Every function that a script finds, called with values that fight back: only the request that does it may suffer."""

import json

import pytest

# Values whose every use throws, lies or calls back.
VALUES = '''
const boom = () => { throw new Error('expected'); };
const trap = { __proto__: new Proxy({}, { get: () => boom }) };
const handlers = ['get', 'set', 'has', 'ownKeys', 'getPrototypeOf', 'getOwnPropertyDescriptor', 'defineProperty', 'deleteProperty', 'apply',
  'construct', 'isExtensible', 'preventExtensions', 'setPrototypeOf'];
const throwing = () => new Proxy(function () {}, Object.fromEntries(handlers.map((name) => [name, boom])));
const revoked = () => { const { proxy, revoke } = Proxy.revocable(function () {}, {}); revoke(); return proxy; };
const lying = () => new Proxy({}, { get: (_, key) => key === Symbol.toPrimitive ? undefined : lying(), has: () => true, ownKeys: () => ['a', 'b'],
  getOwnPropertyDescriptor: () => ({ value: 1, configurable: true, enumerable: true }), getPrototypeOf: () => Array.prototype });
class Species extends Array { static get [Symbol.species]() { return boom; } }
const buffers = () => { const bytes = new Uint8Array(8); bytes.constructor = { [Symbol.species]: function () { return lying(); } }; return bytes; };
const detached = () => { const bytes = new Uint8Array(8); structuredClone(bytes.buffer, { transfer: [bytes.buffer] }); return bytes; };
const shrinking = () => { const buffer = new ArrayBuffer(64, { maxByteLength: 64 }); const bytes = new Uint8Array(buffer);
  return [bytes, { valueOf() { buffer.resize(0); return 64; }, toString() { buffer.resize(0); return '64'; } }]; };
const makers = [throwing, revoked, lying, () => new Species(1, 2, 3), buffers, detached, () => shrinking()[0], () => shrinking()[1],
  () => ({ toString: boom, valueOf: boom, [Symbol.toPrimitive]: boom }), () => ({ get then() { boom(); } }), () => ({ then: boom }),
  () => ({ [Symbol.iterator]: boom, [Symbol.asyncIterator]: boom }), () => ({ *[Symbol.iterator]() { yield throwing(); boom(); } }),
  () => ({ length: -1 }), () => ({ get length() { boom(); } }), () => Symbol('s'), () => 2n ** 70n, () => NaN, () => -0, () => 2 ** 53,
  () => '\\ud800', () => 'x\\0y', () => null, () => undefined, () => Object.create(null), () => trap, () => globalThis,
  () => ({ get signal() { return throwing(); }, get method() { return lying(); }, get headers() { return revoked(); }, get body() { boom(); } }),
  () => ({ transform: boom, start: boom, pull: boom, write: boom, flush: boom, close: boom, cancel: boom, abort: boom }),
  () => ({ start: throwing(), pull: revoked(), type: lying(), autoAllocateChunkSize: -1 }), () => boom, () => async () => boom(),
  () => class { constructor() { boom(); } }];
'''

# The functions of one global and what it holds, without those whose purpose is to take the time or memory they are given.
WALK = '''
const skipped = new Set(['globalThis', 'eval', 'Function', 'WebAssembly']);
const seen = new Set();
function walk(value, path, found, depth) {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value) || depth > 4) return;
  seen.add(value);
  if (typeof value === 'function') found.push([value, path]);
  for (const key of Reflect.ownKeys(value)) {
    const { value: inner, get, set } = Object.getOwnPropertyDescriptor(value, key);
    for (const each of [inner, get, set]) if (key !== 'constructor') walk(each, `${path}.${String(key)}`, found, depth + 1);
  }
}
// Half of the arguments by the number of the call, so that a run can be repeated.
let state = 1;
const random = (bound) => (state = (state * 48271) % 2147483647) % bound;
const value = () => makers[random(makers.length)]();
// Real instances to be asked for their methods.
const instances = () => [new Headers(), new Request('http://a/', { method: 'POST', body: 'x' }), new Response('x'), new URL('http://a/?b'),
  new URLSearchParams('a=b'), new ReadableStream(), new WritableStream(), new TransformStream(), new TextEncoder(), new TextDecoder(),
  new AbortController(), new AbortController().signal, new EventTarget(), new Event('x'), new Blob(['x']), new File(['x'], 'y'),
  new FormData(), new MessageChannel().port1, new Uint8Array(8), new ArrayBuffer(8), new DataView(new ArrayBuffer(8)), new Map(), new Set(),
  [], {}, 'text', 1, /x/, new Date(), Promise.resolve(), new Error(), performance, crypto, crypto.subtle, console];
function attack(name, rounds) {
  const found = [];
  walk(globalThis[name], name, found, 0);
  let calls = 0;
  for (let round = 0; round < rounds; round++) {
    const receivers = instances();
    for (const [target, path] of found) {
      const parameters = Array.from({ length: random(4) }, value);
      const receiver = random(2) ? receivers[random(receivers.length)] : value();
      for (const call of [() => Reflect.apply(target, receiver, parameters), () => Reflect.construct(target, parameters),
        () => Reflect.construct(target, parameters, lying())]) {
        calls++;
        try {
          const result = call();
          // What it returned is used too, as the runtime itself would.
          if (result instanceof Promise) result.catch(() => {});
        } catch {}
      }
    }
  }
  return calls;
}
'''


@pytest.fixture(scope='module')
def names():
    """The globals of the web, of jsd and of the language, by their first letters."""
    return ['Headers', 'Request', 'Response', 'URL', 'URLSearchParams', 'URLPattern', 'ReadableStream', 'WritableStream', 'TransformStream',
            'TextEncoder', 'TextDecoder', 'TextEncoderStream', 'TextDecoderStream', 'CompressionStream', 'DecompressionStream',
            'AbortController', 'AbortSignal', 'EventTarget', 'Event', 'CustomEvent', 'MessageEvent', 'ErrorEvent', 'FetchEvent', 'Blob', 'File',
            'FileReader', 'FormData', 'MessageChannel', 'MessagePort', 'BroadcastChannel', 'DOMException', 'structuredClone', 'performance',
            'crypto', 'Crypto', 'CryptoKey', 'SubtleCrypto', 'console', 'navigator', 'atob', 'btoa', 'queueMicrotask', 'reportError',
            'setTimeout', 'clearTimeout', 'clearInterval', 'WebSocket', 'WebSocketPair', 'CloseEvent', 'jsd', 'addEventListener',
            'removeEventListener', 'dispatchEvent', 'fetch', 'QueuingStrategy', 'ByteLengthQueuingStrategy', 'CountQueuingStrategy']


def test_every_api_bears_hostile_values(jsd, names):
    server = jsd(VALUES + WALK + '''
      export default { fetch(request) {
        const { pathname } = new URL(request.url);
        if (pathname === '/') return new Response('fine');
        const name = pathname.slice(1);
        return Response.json(name in globalThis ? attack(name, 3) : 0);
      } };''', {'limits.slice': '60s', 'limits.request': '120s'}, workers=2)
    attacked = 0
    for name in names:
        with server.connect() as client:
            client.socket.settimeout(120)
            reply = client.get(f'/{name}')
            assert reply.status == 200, (name, reply.text)
            attacked += json.loads(reply.text)
        # The isolate that was attacked, or the other one: both serve.
        for _ in range(4):
            assert server.get('/').text == 'fine', name
    assert attacked > 2000
    # What promises rejected with, and what listeners threw, is in the log; nothing else is.
    server.expected.append('error|warn')
    assert server.stop() == 0


HANDLERS = {
    'a stream that fails later': 'return new Response(new ReadableStream({ pull(c) { c.error(new Error("secret")); } }, { highWaterMark: 0 }));',
    'a chunk that is no bytes': 'return new Response(new ReadableStream({ start(c) { c.enqueue({ toString() { throw 1; } }); } }));',
    'a transform that throws': '''const t = new TransformStream({ transform() { throw new Error("secret"); } });
       const w = t.writable.getWriter(); w.write(new Uint8Array(1)).catch(() => {}); w.closed.catch(() => {}); return new Response(t.readable);''',
    'a source that throws in pull': 'return new Response(new ReadableStream({ pull() { throw new Error("secret"); } }, { highWaterMark: 0 }));',
}


@pytest.mark.parametrize('name', HANDLERS)
def test_a_stream_that_fails_cuts_its_reply_alone(jsd, name):
    server = jsd('export default { fetch(request) { if (!request.url.endsWith("bad")) return new Response("fine");' + HANDLERS[name] + '} };')
    server.expect('error')
    with server.connect() as client:
        client.send_request(target='/bad')
        data = client.read_rest()
        # Cut before the last chunk, or refused as a whole.
        assert b'\r\n0\r\n\r\n' not in data and b'secret' not in data
    server.wait_for_log('error ')
    assert server.get('/').text == 'fine'


def test_a_rejection_that_is_handled_late_is_told_and_goes_on(jsd):
    server = jsd('''
      let handled = 0;
      addEventListener('rejectionhandled', () => { handled++; });
      export default { async fetch(request) {
        if (request.url.endsWith('late')) {
          const late = Promise.reject(new Error('expected'));
          setTimeout(() => late.catch(() => {}), 5);
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        return new Response(`handled ${handled}`);
      } };''')
    server.expect('expected')
    assert server.get('/late').status == 200
    assert server.get('/').text in ('handled 1', 'handled 0')
    assert server.log().count('expected') >= 1


def test_prepare_stack_trace_sees_no_more_than_the_script_may(jsd):
    """The function gets the script's own frames; what it returns or throws stays the error's."""
    server = jsd('''
      const files = new Set();
      Error.prepareStackTrace = (error, sites) => {
        for (const site of sites) { files.add(String(site.getFileName())); files.add(typeof site.getThis()); files.add(typeof site.getFunction()); }
        return { toString() { throw new Error('hostile'); } };
      };
      export default { async fetch(request) {
        if (request.url.endsWith('bad')) { new Headers({ 'bad name': 'x' }); }
        try { new URL('no url'); } catch (error) { error.stack; }
        try { await new Response(new ReadableStream({ start(c) { c.error(new TypeError('inner')); } })).text(); } catch (error) { error.stack; }
        return Response.json([...files]);
      } };''')
    server.expect('error')
    assert server.get('/bad').status == 500
    files = json.loads(server.get('/').text)
    assert all('object' != file and 'function' != file for file in files), files

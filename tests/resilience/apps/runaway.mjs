// Code that does not return, by the path that asks for it. `/` answers how many requests have been counted so far, so
// that a test sees whether the isolate lives on.

const forever = () => {
  for (;;);
};
let array;
let served = 0;
let ticks = 0;
setInterval(() => ticks++, 10);

// (func (export "f") (loop (br 0)))
const endlessModule = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 9, 1, 7, 0, 3, 64, 12, 0, 11,
  11,
]);

const cases = {
  '/loop': forever,
  '/unrolled': () => { for (;;) array = new Array(1000); },
  '/sort': () => [3, 2, 1].sort(forever),
  '/json': () => JSON.stringify({ toJSON: forever }),
  '/getter': () => ({ get x() { return forever(); } }).x,
  '/regexp': () => /(a+)+$/.test('a'.repeat(40) + 'b'),
  '/replace': () => 'aaa'.replace(/a/g, forever),
  '/proxy': () => new Proxy({}, { get: forever }).x,
  '/wasm': () => new WebAssembly.Instance(new WebAssembly.Module(endlessModule)).exports.f(),
  '/headers': () => new Headers({ get a() { return forever(); } }),
  '/clone': () => structuredClone({ get x() { return forever(); } }),
  '/finally': () => { try { forever(); } finally { forever(); } },
  '/catch': () => { for (;;) { try { forever(); } catch {} } },
  '/generator': () => { for (const _ of { *[Symbol.iterator]() { for (;;) yield 1; } }); },
  '/bigint': () => { const x = 3n ** 100000n; for (;;) array = x * x; },
  '/microtasks': async () => { for (;;) await 0; },
  '/then': () => ({ then: forever }),
  '/timer': () => new Promise(() => setTimeout(forever, 1)),
  '/body': () => {
    let pulled = false;
    return new Response(new ReadableStream({
      pull(controller) {
        if (pulled) forever();
        pulled = true;
        controller.enqueue(new Uint8Array(1000));
      },
    }, { highWaterMark: 0 }));
  },
  '/stack': () => { Error.prepareStackTrace = forever; try { throw new Error('stack'); } finally { new Error('s').stack; } },
};

export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === '/') return new Response(`served ${++served} ticks ${ticks}`);
    if (pathname === '/slow') {
      await new Promise((resolve) => setTimeout(resolve, 100));
      return new Response('slow');
    }
    return (await cases[pathname]()) ?? new Response('returned');
  },
};

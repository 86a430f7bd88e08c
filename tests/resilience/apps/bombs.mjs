// Code that wants all memory there is, by the path that asks for it.

const bombs = {
  '/push': (kept) => { for (;;) kept.push({ text: 'x' + kept.length }); },
  '/fill': (kept) => new Array(1e8).fill().map(() => ({})),
  '/double': (kept) => { let text = 'x'.repeat(1000); for (;;) { text += text; kept.push(text.replace('x', 'y')); } },
  '/json': (kept) => { const text = `[${'{"a":[1]},'.repeat(4e6)}0]`; for (;;) kept.push(JSON.parse(text)); },
  '/map': (kept) => { const map = new Map(); for (let i = 0; ; i++) map.set(i, { i }); },
  '/typed': (kept) => { for (;;) kept.push(new Float64Array(1e6)); },
  '/slices': (kept) => { const buffer = new ArrayBuffer(1 << 20); for (;;) kept.push(buffer.slice(0)); },
  '/timers': (kept) => { for (let i = 0; ; i++) setTimeout(() => i, 1e6); },
  '/promises': (kept) => { let chain = Promise.resolve(); for (;;) chain = chain.then(() => 1); },
  '/recursion': (kept) => { const down = (n) => down(n + 1) + 1; return down(0); },
  '/regexp': (kept) => 'x'.repeat(1 << 24).match(/(?:(x)|y)+/gu).map((x) => x),
  '/bigint': (kept) => 2n ** (2n ** 40n),
  '/headers': (kept) => new Response('', { headers: [['x', 'y'.repeat(1 << 28)]] }),
  '/wasm': (kept) => { for (;;) kept.push(new WebAssembly.Memory({ initial: 64 })); },
  '/clone': (kept) => {
    const nodes = Array.from({ length: 2e5 }, () => ({ next: [] }));
    nodes.forEach((node, i) => node.next.push(nodes[(i * 7 + 1) % nodes.length], nodes));
    for (;;) kept.push(structuredClone(nodes));
  },
  '/decode': (kept) => new TextDecoder().decode(new Uint8Array(1 << 30)),
  '/iterator': async (kept) => {
    const flood = async function* () { for (;;) yield new Array(1000).fill(0); };
    for await (const array of flood()) kept.push(array);
  },
  '/concat': (kept) => { let all = [1]; for (;;) all = all.concat(all, all); },
  '/symbols': (kept) => { for (let i = 0; ; i++) Symbol.for('symbol' + i); },
};

// Which isolate, and so which worker, a reply comes from.
const name = String(Math.random());
let released = () => {};

export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === '/') return new Response(name);
    // In flight until somebody asks for its end.
    if (pathname === '/held') {
      await new Promise((resolve) => { const before = released; released = () => { before(); resolve(); }; });
      return new Response('held');
    }
    if (pathname === '/release') {
      released();
      return new Response('released');
    }
    await bombs[pathname]([]);
    return new Response('survived');
  },
};

// What a server must survive, to try by hand: `curl -i http://127.0.0.1:8080/loop`. `/` lists what there is; it answers
// all the while, and the log tells what the others did. See docs/limits.md.

const kept = [];

const bombs = {
  // Ended after limits.slice.
  loop: () => { for (;;); },
  regexp: () => /(a+)+$/.test('a'.repeat(40) + 'b'),
  microtasks: async () => { for (;;) await 0; },
  sort: () => [2, 1].sort(() => { for (;;); }),
  // V8 cannot end these: the worker is replaced a second later.
  includes: () => Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1),
  reverse: () => Array.prototype.reverse.call({ length: 2 ** 53 - 1 }),
  // These would end V8.
  split: () => 'a'.repeat(2 ** 28).split(''),
  fill: () => new Array(1e8).fill().map(() => ({})),
  // limits.heap: the isolate is replaced.
  heap: () => { for (;;) kept.push({ text: 'x' + kept.length }); },
  promises: () => { for (let chain = Promise.resolve(); ;) chain = chain.then(() => 1); },
  // limits.buffers: a RangeError.
  buffers: () => { for (;;) kept.push(new ArrayBuffer(1 << 20)); },
  wasm: () => { for (;;) kept.push(new WebAssembly.Memory({ initial: 64 })); },
  // Errors of the script.
  recursion: () => { const down = () => down() + 1; down(); },
  error: () => { throw new Error('nothing of this reaches the client'); },
};

export default {
  fetch(request) {
    const name = new URL(request.url).pathname.slice(1);
    if (name === '') return new Response(Object.keys(bombs).map((key) => `/${key}\n`).join(''));
    if (!Object.hasOwn(bombs, name)) return new Response('no such bomb\n', { status: 404 });
    return run(bombs[name]);
  },
};

async function run(bomb) {
  await bomb();
  return new Response('it returned\n');
}

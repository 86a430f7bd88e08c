// AsyncLocalStorage across everything that continues later; over the network: tests/e2e/test_async_context.py.

import { AsyncLocalStorage } from 'node:async_hooks';
import EventEmitter from 'node:events';

import { assertStrictEquals, test } from './harness.mjs';

const wait = (time) => new Promise((resolve) => setTimeout(resolve, time));
const storage = new AsyncLocalStorage();

// Each is given what to call, once, with the store that it sees.
const continuations = {
  microtask: (tell) => queueMicrotask(tell),
  timer: (tell) => setTimeout(tell, 1),
  interval: (tell) => {
    const id = setInterval(() => {
      clearInterval(id);
      tell();
    }, 1);
  },
  immediate: (tell) => setImmediate(tell),
  nextTick: (tell) => process.nextTick(tell),
  thenable: async (tell) => {
    await { then: (resolve) => resolve() };
    tell();
  },
  generator: async (tell) => {
    async function* numbers() {
      yield 1;
      await null;
      tell();
    }
    for await (const number of numbers()) assertStrictEquals(number, 1);
  },
  'source of a stream': (tell) => new ReadableStream({
    async pull(controller) {
      await wait(1);
      tell();
      controller.close();
    },
  }).getReader().read(),
  'sink of a pipe': (tell) => ReadableStream.from([1]).pipeTo(new WritableStream({ write: tell })),
  transformer: (tell) => ReadableStream.from([1]).pipeThrough(new TransformStream({ transform: tell })).getReader().read(),
  compression: async (tell) => {
    await new Response(new Blob(['text']).stream().pipeThrough(new CompressionStream('gzip'))).bytes();
    tell();
  },
  'work of another thread': async (tell) => {
    await crypto.subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-256', salt: new Uint8Array(8), iterations: 1000 },
      await crypto.subtle.importKey('raw', new Uint8Array(8), 'PBKDF2', false, ['deriveBits']), 256);
    tell();
  },
  listener: (tell) => {
    const target = new EventTarget();
    target.addEventListener('test', tell);
    target.dispatchEvent(new Event('test'));
  },
  'abort of a timeout': (tell) => AbortSignal.timeout(1).addEventListener('abort', tell),
  emitter: (tell) => new EventEmitter().on('test', tell).emit('test'),
  'message port': (tell) => {
    const { port1, port2 } = new MessageChannel();
    port2.onmessage = () => {
      port1.close();
      tell();
    };
    port1.postMessage(1);
  },
  broadcast: (tell) => {
    const from = new BroadcastChannel('context');
    const to = new BroadcastChannel('context');
    to.onmessage = () => {
      from.close();
      to.close();
      tell();
    };
    setTimeout(() => storage.exit(() => from.postMessage(1)), 1);
  },
  'WebSocket of a pair': (tell) => {
    const [client, server] = Object.values(new WebSocketPair());
    client.accept();
    server.accept();
    server.onmessage = tell;
    storage.exit(() => client.send('text'));
  },
};
for (const name of Object.keys(continuations)) {
  test(`AsyncLocalStorage: ${name}`, async () => {
    const seen = await new Promise((resolve) => {
      storage.run(name, () => continuations[name](() => resolve(storage.getStore())));
    });
    assertStrictEquals(seen, name);
    assertStrictEquals(storage.getStore(), undefined);
  });
}

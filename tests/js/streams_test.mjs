import { assert, assertEquals, assertRejects, assertThrows, test } from './harness.mjs';

const names = [
  'ByteLengthQueuingStrategy', 'CountQueuingStrategy', 'ReadableByteStreamController', 'ReadableStream',
  'ReadableStreamBYOBReader', 'ReadableStreamBYOBRequest', 'ReadableStreamDefaultController',
  'ReadableStreamDefaultReader', 'TransformStream', 'TransformStreamDefaultController', 'WritableStream',
  'WritableStreamDefaultController', 'WritableStreamDefaultWriter',
];

test('the interfaces are on the global object', () => {
  for (const name of names) {
    const { value, ...rest } = Object.getOwnPropertyDescriptor(globalThis, name);
    assertEquals(rest, { writable: true, enumerable: false, configurable: true }, name);
    assertEquals([value.name, value.prototype[Symbol.toStringTag]], [name, name]);
  }
});

test('pipes, transforms, tees and iterates', async () => {
  const source = ReadableStream.from([1, 2, 3]);
  const doubled = source.pipeThrough(new TransformStream({
    transform(chunk, controller) { controller.enqueue(chunk * 2); },
  }));
  const [left, right] = doubled.tee();
  const seen = [];
  for await (const chunk of left) seen.push(chunk);
  const written = [];
  await right.pipeTo(new WritableStream({ write(chunk) { written.push(chunk); } }));
  assertEquals([seen, written], [[2, 4, 6], [2, 4, 6]]);
});

test('byte streams read into the buffers of their readers', async () => {
  const reader = new Response('hello').body.getReader({ mode: 'byob' });
  const { value } = await reader.read(new Uint8Array(3));
  assertEquals(value, new TextEncoder().encode('hel'));
  assertEquals((await reader.read(new Uint8Array(10))).value, new TextEncoder().encode('lo'));
  assertEquals((await reader.read(new Uint8Array(10))).done, true);
});

test('a pull that fails errors the stream', async () => {
  const stream = new ReadableStream({ pull() { throw new RangeError('empty well'); } });
  await assertRejects(stream.getReader().read(), RangeError, 'empty well');
});

test('piping stops when its signal aborts', async () => {
  const controller = new AbortController();
  let cancelled;
  const source = new ReadableStream({ cancel(reason) { cancelled = reason; } });
  const piping = source.pipeTo(new WritableStream(), { signal: controller.signal });
  controller.abort();
  await assertRejects(piping, 'AbortError');
  assertEquals(cancelled.name, 'AbortError');
});

test('what only looks like a stream is text as a body', async () => {
  const fake = Object.create(ReadableStream.prototype);
  assertEquals(await new Response(fake).text(), '[object ReadableStream]');
  const stream = new ReadableStream();
  stream.getReader();
  assertThrows(() => new Response(stream), TypeError, 'locked');
  assert(!new Response(new ReadableStream()).bodyUsed);
});

test('what a script redefines is not met', async () => {
  const { pipeTo, pipeThrough, tee, values } = ReadableStream.prototype;
  const keys = [
    ...['push', 'shift', 'slice', 'forEach', Symbol.iterator].map((key) => [Array.prototype, key]),
    ...['getReader', 'pipeTo', 'cancel', 'locked', 'tee'].map((key) => [ReadableStream.prototype, key]),
    ...['read', 'releaseLock', 'closed'].map((key) => [ReadableStreamDefaultReader.prototype, key]),
    ...['getWriter', 'close'].map((key) => [WritableStream.prototype, key]),
    ...['write', 'ready', 'releaseLock'].map((key) => [WritableStreamDefaultWriter.prototype, key]),
    ...['buffer', 'set'].map((key) => [Object.getPrototypeOf(Uint8Array.prototype), key]),
    ...['state', 'highWaterMark', 'queue', 'value', 'start', 'pull', 'cancel', 'write', 'abort', 'chunk', 'close', 'error',
      'buffer', 'byteOffset', 'byteLength', 'size', 'Class'].map((key) => [Object.prototype, key]),
  ];
  const descriptors = keys.map(([object, key]) => Object.getOwnPropertyDescriptor(object, key));
  const source = new ReadableStream({
    type: 'bytes',
    start(controller) {
      controller.enqueue(new Uint8Array([1, 2]));
      controller.enqueue(new Uint8Array([3]));
      controller.close();
    },
  });
  const written = [];
  const sink = new WritableStream({ write(chunk) { written[written.length] = chunk; } });
  const identity = new TransformStream();
  const spoiled = {
    __proto__: null, configurable: true, get() { throw new Error('used'); }, set() { throw new Error('set'); },
  };
  for (let i = 0; i < keys.length; i++) Object.defineProperty(keys[i][0], keys[i][1], spoiled);
  let piped, step;
  try {
    const branches = tee.call(source);
    piped = pipeTo.call(pipeThrough.call(branches[0], identity), sink);
    step = values.call(branches[1]).next();
    await new Promise((resolve) => setTimeout(resolve, 20));
  } finally {
    for (let i = 0; i < keys.length; i++) {
      if (descriptors[i] === undefined) delete keys[i][0][keys[i][1]];
      else Object.defineProperty(keys[i][0], keys[i][1], { __proto__: null, ...descriptors[i] });
    }
  }
  await piped;
  assertEquals((await step).value, new Uint8Array([1, 2]));
  assertEquals(written, [new Uint8Array([1, 2]), new Uint8Array([3])]);
});

test('streams show nothing of themselves', () => {
  for (const stream of [new ReadableStream(), new WritableStream(), new TransformStream()]) {
    assertEquals(Reflect.ownKeys(stream), []);
    assertEquals(Reflect.ownKeys(Object.getPrototypeOf(stream)).filter((key) => String(key).startsWith('_')), []);
  }
});

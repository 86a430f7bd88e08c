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

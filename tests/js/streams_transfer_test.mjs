import { assert, assertEquals, assertRejects, assertThrows, sleep, test } from './harness.mjs';

const move = (stream) => structuredClone(stream, { transfer: [stream] });

async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

test('a readable stream goes on elsewhere', async () => {
  const chunk = { a: [1], date: new Date(3) };
  const source = ReadableStream.from(['one', chunk, 3n]);
  const moved = move(source);
  assert(moved instanceof ReadableStream && moved !== source && source.locked && !moved.locked);
  const chunks = await collect(moved);
  assertEquals(chunks, ['one', chunk, 3n]);
  assert(chunks[1] !== chunk);
});

test('through a port, and within a value', async () => {
  const { port1, port2 } = new MessageChannel();
  const arrived = new Promise((resolve) => { port2.onmessage = ({ data }) => resolve(data); });
  const stream = ReadableStream.from([1, 2]);
  port1.postMessage({ name: 'numbers', stream }, [stream]);
  const { name, stream: moved } = await arrived;
  assertEquals([name, await collect(moved)], ['numbers', [1, 2]]);
  port1.close();
});

test('nothing is read before it is wanted', async () => {
  let pulls = 0;
  const moved = move(new ReadableStream({
    pull(controller) { controller.enqueue(++pulls); },
  }, { highWaterMark: 0 }));
  await sleep(5);
  // The pipe behind it fetches one ahead.
  assert(pulls <= 1, pulls);
  const reader = moved.getReader();
  assertEquals([(await reader.read()).value, (await reader.read()).value], [1, 2]);
  await sleep(5);
  assert(pulls <= 3, pulls);
  await reader.cancel('enough');
});

test('errors and cancellation cross', async () => {
  const moved = move(new ReadableStream({ start(controller) { controller.error(new RangeError('broken')); } }));
  await assertRejects(() => moved.getReader().read(), RangeError, 'broken');
  let reason;
  const cancelled = move(new ReadableStream({ cancel(why) { reason = why; } }));
  await cancelled.cancel({ why: 'no more' });
  await sleep(2);
  assertEquals(reason, { why: 'no more' });
});

test('a chunk that cannot be cloned is an error on both sides', async () => {
  let reason;
  const moved = move(new ReadableStream({
    start(controller) { controller.enqueue(() => {}); },
    cancel(why) { reason = why; },
  }));
  await assertRejects(() => moved.getReader().read(), 'DataCloneError');
  await sleep(2);
  assertEquals(reason.name, 'DataCloneError');
});

test('a writable stream', async () => {
  const written = [];
  const sink = new WritableStream({
    write: async (chunk) => {
      await sleep(1);
      written.push(chunk);
    },
    close: () => { written.push('closed'); },
  });
  const writer = move(sink).getWriter();
  assert(sink.locked);
  for (const chunk of [1, [2], 3]) await writer.write(chunk);
  await writer.close();
  await sleep(10);
  assertEquals(written, [1, [2], 3, 'closed']);
});

test('a writable stream that is aborted, and one that fails', async () => {
  let reason;
  await move(new WritableStream({ abort(why) { reason = why; } })).abort('stop');
  await sleep(2);
  assertEquals(reason, 'stop');
  const writer = move(new WritableStream({ write() { throw new TypeError('full'); } })).getWriter();
  writer.closed.catch(() => {});
  await assertRejects(async () => { for (;;) await writer.write(1); }, TypeError, 'full');
});

test('a transform stream', async () => {
  const upper = new TransformStream({ transform: (chunk, controller) => controller.enqueue(chunk.toUpperCase()) });
  const moved = move(upper);
  assert(moved instanceof TransformStream && upper.readable.locked && upper.writable.locked);
  assertEquals(await collect(ReadableStream.from(['a', 'b']).pipeThrough(moved)), ['A', 'B']);
  assertEquals(await collect(move(ReadableStream.from(['c'])).pipeThrough(move(new TransformStream()))), ['c']);
});

test('byte streams and bodies become streams of chunks', async () => {
  const moved = move(new Response('text').body);
  assertEquals(await new Response(moved).text(), 'text');
});

test('what is locked stays where it is', async () => {
  const readable = new ReadableStream();
  readable.getReader();
  assertThrows(() => move(readable), 'DataCloneError');
  const writable = new WritableStream();
  writable.getWriter();
  assertThrows(() => move(writable), 'DataCloneError');
  const transform = new TransformStream();
  transform.readable.getReader();
  assertThrows(() => move(transform), 'DataCloneError');
  assert(!transform.writable.locked);
  assertThrows(() => structuredClone(new ReadableStream()), 'DataCloneError');
  const whole = new TransformStream();
  assertThrows(() => structuredClone(1, { transfer: [whole.readable, whole] }), 'DataCloneError');
  const twice = new ReadableStream();
  assertThrows(() => structuredClone(1, { transfer: [twice, twice] }), 'DataCloneError');
  assert(!twice.locked);
});

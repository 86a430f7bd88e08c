// TextEncoderStream, TextDecoderStream, CompressionStream, DecompressionStream.

import { assert, assertEquals, assertRejects, assertThrows, checkInterface, test } from './harness.mjs';

const formats = ['gzip', 'deflate', 'deflate-raw', 'brotli'];
const bytesOf = (text) => new TextEncoder().encode(text);
const streamOf = (...chunks) => new ReadableStream({
  start(controller) {
    for (const chunk of chunks) controller.enqueue(chunk);
    controller.close();
  },
});
async function chunksOf(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}
// The harness compares key by key, which takes long for millions of bytes.
const sameBytes = (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i]);
const readBytes = async (stream) => new Uint8Array(await new Response(stream).arrayBuffer());
const compress = (format, ...chunks) => readBytes(streamOf(...chunks).pipeThrough(new CompressionStream(format)));
const decompress = (format, ...chunks) => readBytes(streamOf(...chunks).pipeThrough(new DecompressionStream(format)));

test('the interfaces are what their IDL says', () => {
  const pair = { readable: 'readonly', writable: 'readonly' };
  checkInterface('TextEncoderStream', { length: 0, members: { ...pair, encoding: 'readonly' } });
  checkInterface('TextDecoderStream', {
    length: 0, members: { ...pair, encoding: 'readonly', fatal: 'readonly', ignoreBOM: 'readonly' },
  });
  checkInterface('CompressionStream', { length: 1, members: pair });
  checkInterface('DecompressionStream', { length: 1, members: pair });
  for (const Class of [CompressionStream, DecompressionStream]) {
    assertThrows(() => new Class(), TypeError, '1 argument required');
    for (const wrong of ['GZIP', 'zip', '', undefined]) assertThrows(() => new Class(wrong), TypeError);
    const stream = new Class('gzip');
    assert(stream.readable instanceof ReadableStream && stream.writable instanceof WritableStream);
  }
});

test('compressed data that others made', async () => {
  const known = {
    'gzip': [31, 139, 8, 0, 0, 0, 0, 0, 0, 3, 203, 72, 205, 201, 201, 7, 0, 134, 166, 16, 54, 5, 0, 0, 0],
    'deflate': [120, 156, 203, 72, 205, 201, 201, 7, 0, 6, 44, 2, 21],
    'deflate-raw': [203, 72, 205, 201, 201, 7, 0],
    'brotli': [11, 2, 128, 104, 101, 108, 108, 111, 3],
  };
  for (const format of formats) {
    const data = new Uint8Array(known[format]);
    assertEquals(new TextDecoder().decode(await decompress(format, data)), 'hello', format);
    assertEquals(new TextDecoder().decode(await decompress(format, ...[...data].map((byte) => new Uint8Array([byte])))),
      'hello', format);
  }
});

test('what was compressed comes back', async () => {
  const random = crypto.getRandomValues(new Uint8Array(65536));
  for (const format of formats) {
    for (const chunks of [[], [new Uint8Array(0)], [bytesOf('one '), bytesOf('two').buffer, new DataView(bytesOf('!').buffer)],
      [new Uint8Array(3_000_000)], [random, random.subarray(1, 1000)]]) {
      const packed = await compress(format, ...chunks);
      assert(packed.length > 0);
      const plain = await readBytes(streamOf(...chunks.map((chunk) =>
        (ArrayBuffer.isView(chunk) ? new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength) :
          new Uint8Array(chunk)))));
      assert(sameBytes(await decompress(format, packed), plain), format);
    }
  }
});

test('data that is cut short, followed by more, or wrong is a TypeError', async () => {
  for (const format of formats) {
    const packed = await compress(format, bytesOf('some text '.repeat(1000)));
    await assertRejects(decompress(format), TypeError, 'cut short');
    await assertRejects(decompress(format, packed.subarray(0, packed.length - 1)), TypeError, 'cut short');
    await assertRejects(decompress(format, packed, new Uint8Array(1)), TypeError, 'behind the end');
    await assertRejects(decompress(format, new Uint8Array([...packed, 0])), TypeError, 'behind the end');
    await assertRejects(decompress(format, new Uint8Array(100).fill(255)), TypeError, `not valid ${format}`);
    assertEquals((await decompress(format, packed, new Uint8Array(0))).length, 10_000);
  }
  const damaged = await compress('gzip', bytesOf('text'));
  damaged[damaged.length - 5] ^= 1;
  await assertRejects(decompress('gzip', damaged), TypeError, 'not valid gzip');
});

test('what came out before the trouble can be read', async () => {
  const packed = await compress('gzip', bytesOf('text'));
  const reader = streamOf(new Uint8Array([...packed, 0])).pipeThrough(new DecompressionStream('gzip')).getReader();
  assertEquals((await reader.read()).value, bytesOf('text'));
  await assertRejects(reader.read(), TypeError);
});

test('chunks that are no bytes error both sides', async () => {
  for (const Class of [CompressionStream, DecompressionStream]) {
    for (const chunk of [undefined, 3, 'text', {}, [65], new Uint8Array(new SharedArrayBuffer(1))]) {
      const { readable, writable } = new Class('gzip');
      const reader = readable.getReader();
      const writer = writable.getWriter();
      await Promise.all([
        assertRejects(writer.write(chunk), TypeError),
        assertRejects(reader.read(), TypeError),
        assertRejects(writer.closed, TypeError),
        assertRejects(reader.closed, TypeError),
      ]);
    }
  }
});

test('a chunk that is changed while it waits is compressed as it was', async () => {
  const chunk = new Uint8Array(3_000_000).fill(7);
  const packed = await compress('gzip', chunk);
  const { readable, writable } = new DecompressionStream('gzip');
  const writer = writable.getWriter();
  const written = writer.write(packed);
  const closed = writer.close();
  const reader = readable.getReader();
  let length = (await reader.read()).value.length;
  packed.fill(0);
  structuredClone(packed, { transfer: [packed.buffer] });
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    assert(value.every((byte) => byte === 7));
    length += value.length;
  }
  assertEquals(length, 3_000_000);
  await written;
  await closed;
});

test('text becomes UTF-8, surrogates that were parted come together', async () => {
  const encode = (...chunks) => chunksOf(streamOf(...chunks).pipeThrough(new TextEncoderStream()));
  assertEquals(await encode('a', '', 'é'), [bytesOf('a'), bytesOf('é')]);
  assertEquals(await encode('a\ud83d', '\ude00b'), [bytesOf('a'), bytesOf('😀b')]);
  assertEquals(await encode('\ud83d', '', '\ud83d\ude00'), [bytesOf('\ufffd😀')]);
  assertEquals(await encode('a\ud83d'), [bytesOf('a'), bytesOf('\ufffd')]);
  assertEquals(await encode(1, null), [bytesOf('1'), bytesOf('null')]);
  await assertRejects(encode(Symbol()), TypeError);
  assertEquals(new TextEncoderStream().encoding, 'utf-8');
});

test('bytes become text, characters that were parted come together', async () => {
  const decode = async (label, options, ...chunks) =>
    (await chunksOf(streamOf(...chunks).pipeThrough(new TextDecoderStream(label, options)))).join('|');
  const smile = bytesOf('😀');
  assertEquals(await decode('utf-8', {}, bytesOf('\ufeffa'), smile.subarray(0, 1), smile.subarray(1)), 'a|😀');
  assertEquals(await decode('utf-8', { ignoreBOM: true }, bytesOf('\ufeffa').buffer), '\ufeffa');
  assertEquals(await decode('utf-8', {}, smile.subarray(0, 2)), '\ufffd');
  await assertRejects(decode('utf-8', { fatal: true }, smile.subarray(0, 2)), TypeError, 'not valid UTF-8');
  await assertRejects(decode('utf-8', {}, 'text'), TypeError);
  assertEquals(await decode('shift_jis', {}, new Uint8Array([0x82]), new Uint8Array([0xa0])), 'あ');
  const stream = new TextDecoderStream(' Latin1 ', { fatal: 1, ignoreBOM: 'yes' });
  assertEquals([stream.encoding, stream.fatal, stream.ignoreBOM], ['windows-1252', true, true]);
  assertThrows(() => new TextDecoderStream('nonsense'), RangeError);
});

import { assert, assertEquals, assertRejects, assertThrows, checkInterface, test } from './harness.mjs';

test('the interfaces', async () => {
  checkInterface('Blob', {
    length: 0,
    members: { size: 'readonly', type: 'readonly', slice: 0, stream: 0 },
  });
  checkInterface('File', { length: 2, members: { name: 'readonly', lastModified: 'readonly' }, parent: Blob });
  assertThrows(() => new Blob('text'), TypeError);
  for (const read of ['arrayBuffer', 'bytes', 'text']) await assertRejects(Blob.prototype[read].call({}), TypeError);
  assertThrows(() => new File([]), TypeError);
  assertThrows(() => Object.getOwnPropertyDescriptor(Blob.prototype, 'size').get.call({}), TypeError);
});

test('a blob does not change with what it was made of', async () => {
  const bytes = new Uint8Array([1, 2, 3]);
  const blob = new Blob([bytes, bytes.buffer, 'ä', new Blob(['z'])]);
  bytes.fill(0);
  (await blob.bytes()).fill(9);
  assertEquals([...await blob.bytes()], [1, 2, 3, 1, 2, 3, 0xc3, 0xa4, 0x7a]);
  assertEquals([...new Uint8Array(await blob.slice(2, -2).arrayBuffer())], [3, 1, 2, 3, 0xc3]);
});

test('a large blob streams in pieces, with and without a buffer of the reader', async () => {
  const blob = new Blob([new Uint8Array(200_000).fill(1), 'end']);
  let size = 0;
  let chunks = 0;
  for await (const chunk of blob.stream()) {
    size += chunk.length;
    chunks++;
  }
  assertEquals([size, chunks], [200_003, 5]);
  const reader = blob.stream().getReader({ mode: 'byob' });
  const { value } = await reader.read(new Uint8Array(10));
  assertEquals(value.length, 10);
  await reader.cancel();
  assertEquals(await new Response(blob.stream()).text(), await blob.text());
});

test('blobs are bodies, and bodies become blobs', async () => {
  const blob = new Blob(['hello'], { type: 'Text/Plain; charset=UTF-8' });
  const response = new Response(blob);
  assertEquals(response.headers.get('content-type'), 'text/plain; charset=utf-8');
  assertEquals(await response.text(), 'hello');
  assertEquals(new Response(new Blob(['x'])).headers.get('content-type'), null);
  const copy = await new Request('http://a/', { method: 'PUT', body: blob }).blob();
  assertEquals([copy.type, await copy.text()], ['text/plain;charset=utf-8', 'hello']);
  assertEquals((await new Response('x', { headers: { 'content-type': 'bad' } }).blob()).type, '');
  assertEquals((await new Response('x', { headers: { 'content-type': 'a/b;c="d e";c=f' } }).blob()).type, 'a/b;c="d e"');
  assertEquals([(await new Response().blob()).size, (await new Response('').blob()).type], [0, 'text/plain;charset=utf-8']);
  await assertRejects(Response.prototype.blob.call({}), TypeError);
});

test('a clone shares the bytes', async () => {
  const file = new File(['abc'], 'n', { type: 'x/y', lastModified: 7 });
  const { copy } = structuredClone({ copy: file });
  assert(copy instanceof File && copy !== file);
  assertEquals([copy.name, copy.type, copy.lastModified, await copy.text()], ['n', 'x/y', 7, 'abc']);
});

test('object URLs', () => {
  const url = URL.createObjectURL(new Blob(['x']));
  assertEquals([new URL(url).protocol, new URL(url).origin], ['blob:', 'null']);
  URL.revokeObjectURL(url);
  URL.revokeObjectURL('nonsense');
  assertThrows(() => URL.createObjectURL({}), TypeError);
});

test('a FileReader tells its progress and gives the result', async () => {
  const events = [];
  const read = (method, blob, ...rest) => new Promise((resolve) => {
    const reader = new FileReader();
    for (const type of ['loadstart', 'progress', 'load', 'loadend', 'abort', 'error']) {
      reader.addEventListener(type, () => events.push(type));
    }
    reader.onloadend = () => resolve(reader.result);
    reader[method](blob, ...rest);
    assertThrows(() => reader[method](blob), DOMException);
    assertEquals(reader.readyState, FileReader.LOADING);
  });
  const blob = new Blob(['\u00e4'], { type: 'text/plain' });
  assertEquals([...new Uint8Array(await read('readAsArrayBuffer', blob))], [0xc3, 0xa4]);
  assertEquals(events, ['loadstart', 'progress', 'load', 'loadend']);
  assertEquals(await read('readAsDataURL', blob), 'data:text/plain;base64,w6Q=');
  assertEquals(await read('readAsBinaryString', blob), '\u00c3\u00a4');
  assertEquals(await read('readAsText', blob), '\u00e4');
  assertEquals(await read('readAsText', blob, 'windows-1252'), '\u00c3\u00a4');
  assertEquals(await read('readAsText', new Blob([new Uint8Array([0xff, 0xfe, 0x41, 0])])), 'A');
});

test('a FileReader that is aborted says so and nothing more', async () => {
  const reader = new FileReader();
  const events = [];
  for (const type of ['loadstart', 'load', 'loadend', 'abort']) reader[`on${type}`] = () => events.push(type);
  reader.readAsText(new Blob(['x']));
  reader.abort();
  assertEquals([reader.error.name, reader.result, reader.readyState], ['AbortError', null, FileReader.DONE]);
  await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals(events, ['abort', 'loadend']);
});

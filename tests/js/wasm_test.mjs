import { assertEquals, assertRejects, test } from './harness.mjs';

// (module (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))
const bytes = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 7, 1, 96, 2, 127, 127, 1, 127, 3, 2, 1, 0, 7, 7, 1, 3, 97, 100, 100, 0, 0, 10, 9, 1,
  7, 0, 32, 0, 32, 1, 106, 11,
]);
const respond = (body, type = 'application/wasm', status = 200) =>
  new Response(body, { status, headers: { 'content-type': type } });
const stream = (...chunks) => ReadableStream.from(chunks);

test('a response is compiled, whole or in pieces', async () => {
  for (const source of [
    respond(bytes), Promise.resolve(respond(bytes, 'Application/WASM')),
    respond(stream(bytes.slice(0, 5), bytes.slice(5, 20), bytes.slice(20))),
  ]) {
    const { instance } = await WebAssembly.instantiateStreaming(source);
    assertEquals(instance.exports.add(2, 3), 5);
  }
  const module = await WebAssembly.compileStreaming(respond(bytes));
  assertEquals(WebAssembly.Module.exports(module).length, 1);
});

test('what is no module rejects', async () => {
  const response = respond(bytes);
  await response.bytes();
  for (const source of [
    undefined, {}, bytes, Promise.resolve(1), response, respond(bytes, 'text/plain'),
    respond(bytes, 'application/wasm; a=b'), respond(bytes, 'application/wasm', 404), respond(stream('text')),
  ]) {
    await assertRejects(WebAssembly.compileStreaming(source), TypeError);
  }
  for (const source of [respond(null), respond(''), respond(bytes.slice(0, 20)), respond(stream(bytes, bytes))]) {
    await assertRejects(WebAssembly.compileStreaming(source), WebAssembly.CompileError);
  }
  const reason = new Error('mine');
  await assertRejects(WebAssembly.compileStreaming(Promise.reject(reason)), Error, 'mine');
  const failing = new ReadableStream({ pull(controller) { controller.error(reason); } });
  await assertRejects(WebAssembly.instantiateStreaming(respond(failing)), Error, 'mine');
});

// WebAssembly.compileStreaming and instantiateStreaming (WebAssembly Web API, section 3): V8 has the methods and compiles,
// this file reads the response.

const { fetch, streams } = core;
const { TypedArrayPrototypeGetSymbolToStringTag, TypeError } = core.primordials;

async function readResponse(response, sink) {
  const context = 'WebAssembly streaming';
  if (!fetch.isResponse(response)) throw new TypeError(`${context}: the source is not a Response`);
  const { type, ok, status, takeBody } = fetch.describeResponse(response);
  // Parameters are not allowed.
  if (type !== 'application/wasm') throw new TypeError(`${context}: the Content-Type is not application/wasm`);
  if (!ok) throw new TypeError(`${context}: the response has status ${status}`);
  const body = takeBody(context);
  if (body === null) return;
  const reader = streams.getReader(body);
  for (;;) {
    const { done, value } = await streams.read(reader);
    if (done) return;
    if (TypedArrayPrototypeGetSymbolToStringTag(value) !== 'Uint8Array') {
      const error = new TypeError(`${context}: the body gave a chunk that is not a Uint8Array`);
      streams.cancel(reader, error);
      throw error;
    }
    sink(value);
  }
}

core.bindCallback('wasmStreaming', async (response, sink) => {
  try {
    await readResponse(response, sink);
  } catch (error) {
    sink(undefined, error);
    return;
  }
  sink();
});

// What web APIs cost, each done many times in one request: /run?operation=NAME&count=N. The time is taken from outside, as
// CPU time of the process: not every server lets its clock go on within a request.

const kilobyte = 'The quick brown fox jumps over the lazy dog — ßtraße. '.repeat(19).slice(0, 1000);
const megabyte = kilobyte.repeat(1000);
const ascii = 'The quick brown fox jumps over the lazy dog. '.repeat(23).slice(0, 1024);
const base64 = btoa(ascii);
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const kilobyteBytes = encoder.encode(kilobyte);
const megabyteBytes = encoder.encode(megabyte);
const chunk = new Uint8Array(65536);
const fields = {
  'accept': 'text/html,application/xhtml+xml', 'accept-language': 'de,en;q=0.5', 'cache-control': 'no-cache',
  'content-type': 'application/json', 'cookie': 'session=0123456789; theme=dark', 'if-none-match': '"33a64df5"',
  'user-agent': 'Mozilla/5.0 (X11; Linux x86_64)', 'x-request-id': '7f3c9a',
};
const headers = new Headers(fields);
const record = {
  id: 17, name: 'Ada', tags: ['a', 'b', 'c'], date: new Date(0), nested: { list: [1, 2, 3, { deep: true }] },
  map: new Map([['one', 1], ['two', 2]]), bytes: new Uint8Array(64),
};
const json = JSON.stringify({ items: Array.from({ length: 40 }, (_, id) => ({ id, name: `item ${id}`, price: id * 1.5 })) });
const multipart = ['--boundary', 'Content-Disposition: form-data; name="title"', '', 'hello', '--boundary',
  'Content-Disposition: form-data; name="note"', '', 'a longer text', '--boundary',
  'Content-Disposition: form-data; name="file"; filename="a.txt"', 'Content-Type: text/plain', '', ascii,
  '--boundary--', ''].join('\r\n');
const formHeaders = { 'content-type': 'multipart/form-data; boundary=boundary' };
let hmacKey;

async function pipe() {
  let left = 16;
  let size = 0;
  const source = new ReadableStream({
    pull(controller) {
      if (left-- > 0) controller.enqueue(chunk);
      else controller.close();
    },
  });
  const sink = new WritableStream({ write(part) { size += part.byteLength; } });
  await source.pipeThrough(new TransformStream()).pipeTo(sink);
  return size;
}

// Each returns a number that depends on the work, or a promise of one.
const operations = {
  'new URL': (i) => new URL(`https://shop.example.org:8443/path/${i & 7}/item?query=one&sort=two#part`).pathname.length,
  'URLSearchParams': (i) => {
    const parameters = new URLSearchParams(`query=a+b&page=${i & 7}&tag=x&tag=y%20z`);
    parameters.append('more', 'ü');
    return parameters.getAll('tag').length + parameters.toString().length;
  },
  'Headers, build': () => {
    const built = new Headers(fields);
    built.append('vary', 'accept');
    built.set('x-request-id', 'other');
    return built.has('vary') ? 1 : 0;
  },
  'Headers, read': () => {
    let length = headers.get('accept').length + headers.get('Content-Type').length;
    for (const [name, value] of headers) length += name.length + value.length;
    return length;
  },
  'new Request': () => new Request('https://example.org/path', { method: 'POST', headers: fields, body: ascii }).method.length,
  'new Response': () => new Response(ascii, { status: 201, headers: { 'content-type': 'text/plain' } }).status,
  'TextEncoder, 1 KB': () => encoder.encode(kilobyte).length,
  'TextEncoder, 1 MB': () => encoder.encode(megabyte).length,
  'TextDecoder, 1 KB': () => decoder.decode(kilobyteBytes).length,
  'TextDecoder, 1 MB': () => decoder.decode(megabyteBytes).length,
  'structuredClone': () => structuredClone(record).tags.length,
  'btoa, 1 KB': () => btoa(ascii).length,
  'atob, 1 KB': () => atob(base64).length,
  'SHA-256, 1 KB': async () => (await crypto.subtle.digest('SHA-256', kilobyteBytes)).byteLength,
  'HMAC-SHA-256, 1 KB': async () => {
    hmacKey ??= await crypto.subtle.importKey('raw', chunk.subarray(0, 32), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
    return (await crypto.subtle.sign('HMAC', hmacKey, kilobyteBytes)).byteLength;
  },
  'streams, 16 chunks of 64 KB': pipe,
  'FormData of multipart': async () => (await new Response(multipart, { headers: formHeaders }).formData()).get('title').length,
  'JSON of a body, 1.6 KB': async () => (await new Response(json).json()).items.length,
};

export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === '/operations') return Response.json(Object.keys(operations));
    if (pathname !== '/run') return new Response('api');
    const name = searchParams.get('operation');
    const count = Number(searchParams.get('count'));
    const operation = operations[name];
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const result = operation(i);
      sum += typeof result === 'number' ? result : await result;
    }
    return Response.json({ sum: sum / count });
  },
};

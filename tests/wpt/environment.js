// What a file of web-platform-tests finds besides jsd's own globals; runs before testharness.js. run.py puts
// `const wptLocation = "…";` before it.

(() => {
  const mark = 'wpt-runner:';
  const { log } = console;
  const { stringify } = JSON;
  const tell = (message) => log(mark + stringify(message));
  self.wptTell = tell;  // report.js takes it away.

  self.GLOBAL = { isWindow: () => false, isWorker: () => false, isShadowRealm: () => false };
  const { href, origin, protocol, host, hostname, port, pathname, search, hash } = new URL(wptLocation);
  self.location = { href, origin, protocol, host, hostname, port, pathname, search, hash, toString: () => href };

  // Files of the tree. Whatever is not there goes to jsd's own fetch.
  const jsdFetch = globalThis.fetch;
  const types = { wasm: 'application/wasm', json: 'application/json', txt: 'text/plain', html: 'text/html',
    js: 'text/javascript' };
  const waiting = new Map();
  let lastId = 0;
  jsd.listen('wpt.file', ({ id, content }) => {
    const { resolve } = waiting.get(id);
    waiting.delete(id);
    resolve(content);
  });
  const readFile = (path) => new Promise((resolve) => {
    waiting.set(++lastId, { resolve });
    tell({ kind: 'read', id: lastId, path });
  });

  // The one pipe that tests of streaming compilation use: pipe=header(Content-Type,…).
  const contentTypeOf = (url) => {
    const pipe = /^header\(Content-Type,(.*)\)$/.exec(url.searchParams.get('pipe') ?? '');
    return pipe ? pipe[1] : types[url.pathname.split('.').at(-1)] ?? 'application/octet-stream';
  };

  self.fetch = async function fetch(input, init) {
    const isRequest = input instanceof Request;
    const url = isRequest ? new URL(input.url) : new URL(input, wptLocation);
    if (url.origin !== origin) return jsdFetch(input, init);
    const signal = init?.signal ?? (isRequest ? input.signal : undefined);
    signal?.throwIfAborted();
    // The one program of the test server that is easily done without it.
    if (url.pathname.endsWith('/echo-content.py')) return new Response(await new Request(url, init).text());
    const content = await readFile(decodeURIComponent(url.pathname));
    signal?.throwIfAborted();
    if (content === null) return new Response('', { status: 404, statusText: 'Not Found' });
    const body = new Uint8Array(content.length);
    for (let i = 0; i < content.length; i++) body[i] = content.charCodeAt(i);
    return new Response(body, { headers: { 'content-type': contentTypeOf(url) } });
  };
})();

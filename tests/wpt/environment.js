// What a file of web-platform-tests finds besides a runtime's own globals; runs before testharness.js. run.py puts
// `const wptLocation = "…";` before it, and the runtime's host has set wptHost: how it tells a result, how it reads a
// file of the tree (its bytes, or null).

(() => {
  const { tell, readFile } = self.wptHost;
  delete self.wptHost;
  self.wptTell = tell;  // report.js takes it away.

  self.GLOBAL = { isWindow: () => false, isWorker: () => false, isShadowRealm: () => false };
  const { href, origin, protocol, host, hostname, port, pathname, search, hash } = new URL(wptLocation);
  if (self.location?.href !== href) {
    self.location = { href, origin, protocol, host, hostname, port, pathname, search, hash, toString: () => href };
  }

  // Relative URLs, which have no base in a server.
  const absolute = (url) => (URL.canParse(url) || !URL.canParse(url, href) ? url : new URL(url, href).href);
  let hasBase = true;
  try {
    new Request('');
  } catch {
    hasBase = false;
  }
  if (!hasBase) {
    self.Request = new Proxy(Request, {
      construct(target, given, newTarget) {
        const [input, ...rest] = given;
        const isText = given.length > 0 && !(input instanceof target);
        return Reflect.construct(target, isText ? [absolute(`${input}`), ...rest] : given, newTarget);
      },
    });
    Request.prototype.constructor = Request;
    const { redirect } = Response;
    Response.redirect = { redirect(url, ...rest) {
      return Reflect.apply(redirect, this, arguments.length === 0 ? [] : [absolute(String(url)), ...rest]);
    } }.redirect;
  }

  // Files of the tree. Whatever is not there goes to the runtime's own fetch.
  const ownFetch = globalThis.fetch;
  const types = { wasm: 'application/wasm', json: 'application/json', txt: 'text/plain', html: 'text/html',
    js: 'text/javascript' };

  // The one pipe that tests of streaming compilation use: pipe=header(Content-Type,…).
  const contentTypeOf = (url) => {
    const pipe = /^header\(Content-Type,(.*)\)$/.exec(url.searchParams.get('pipe') ?? '');
    return pipe ? pipe[1] : types[url.pathname.split('.').at(-1)] ?? 'application/octet-stream';
  };

  self.fetch = async function fetch(input, init) {
    // Checks what the caller gave, as any fetch does.
    const request = new Request(input, init);
    const url = new URL(request.url);
    if (url.origin !== origin) return ownFetch(request);
    const { signal } = request;
    signal.throwIfAborted();
    // The one program of the test server that is easily done without it.
    if (url.pathname.endsWith('/echo-content.py')) return new Response(await request.text());
    const content = await readFile(decodeURIComponent(url.pathname));
    signal.throwIfAborted();
    if (content === null) return new Response('', { status: 404, statusText: 'Not Found' });
    return new Response(content, { headers: { 'content-type': contentTypeOf(url) } });
  };
})();

"""Errors and hostile values stay where they happen: the client sees a generic reply, the next one an intact runtime."""

import pytest

# Each handler is the body of a function that gets `request`; all of them are wrong in some way.
FAILING = {
    'throw': 'throw new Error("secret");',
    'throw a string': 'throw "secret";',
    'throw null': 'throw null;',
    'throw undefined': 'throw undefined;',
    'throw a symbol': 'throw Symbol("secret");',
    'throw an object without a prototype': 'throw Object.create(null);',
    'reject': 'return Promise.reject(new Error("secret"));',
    'a message that throws': 'const e = new Error(); Object.defineProperty(e, "message", { get() { throw e; } }); throw e;',
    'a stack that throws': 'const e = new Error(); Object.defineProperty(e, "stack", { get() { throw 1; } }); throw e;',
    'a stack that is no string': 'const e = new Error(); e.stack = { toString() { throw 1; } }; throw e;',
    'a name that throws': 'const e = new Error(); Object.defineProperty(e, "name", { get() { throw 1; } }); throw e;',
    'a cause that throws': 'const e = new Error(); Object.defineProperty(e, "cause", { get() { throw 1; } }); throw e;',
    'a circular cause': 'const e = new Error("secret"); e.cause = e; throw e;',
    'prepareStackTrace that throws': 'Error.prepareStackTrace = () => { throw 1; }; throw new Error("secret");',
    'prepareStackTrace that recurses': 'Error.prepareStackTrace = (e) => new Error(e.stack).stack; throw new Error("secret");',
    'a proxy as an error': 'throw new Proxy(new Error("secret"), { get() { throw 1; }, getPrototypeOf() { throw 2; } });',
    'a revoked proxy': 'const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); throw proxy;',
    'a proxy as a response': 'return new Proxy(new Response("secret"), {});',
    'a fake response': 'return Object.create(Response.prototype);',
    'a thenable that throws': 'return { get then() { throw new Error("secret"); } };',
    'a thenable that rejects': 'return { then(_, reject) { reject("secret"); } };',
    'a body that fails at once': 'return new Response(new ReadableStream({ start() { throw new Error("secret"); } }));',
    'a body that is used': 'const r = new Response("secret"); r.text(); return r;',
    'a locked body': 'const r = new Response("secret"); r.body.getReader(); return r;',
    'deep recursion': 'const down = () => down() + 1; return down();',
    'recursion in a getter': 'return new Response(null, { get status() { return new Response(null, this).status; } });',
    'headers that throw': 'return new Response("", { headers: { get secret() { throw new Error("secret"); } } });',
    'headers by a hostile iterator': 'return new Response("", { headers: { [Symbol.iterator]() { return { next() { throw 1; } }; } } });',
}


@pytest.mark.parametrize('name', FAILING)
def test_a_failing_handler_costs_its_request_alone(jsd, name):
    server = jsd('let first = true; export default { fetch(request) { if (!request.url.endsWith("bad")) return new Response("fine");'
                 + FAILING[name] + '} };')
    server.expect('.')
    reply = server.get('/bad')
    assert (reply.status, reply.text) == (500, 'Internal Server Error\n')
    assert not any('secret' in value or 'app.mjs' in value for _, value in reply.fields)
    assert server.get('/').text == 'fine'
    assert 'error' in server.log()


# What happens beside a request.
ELSEWHERE = {
    'a timer': 'setTimeout(() => { throw new Error("expected"); });',
    'an interval': 'const i = setInterval(() => { clearInterval(i); throw new Error("expected"); });',
    'a microtask': 'queueMicrotask(() => { throw new Error("expected"); });',
    'a rejection': 'Promise.reject(new Error("expected"));',
    'a listener': 'const t = new EventTarget(); t.addEventListener("x", () => { throw new Error("expected"); }); t.dispatchEvent(new Event("x"));',
    'an abort listener': 'const c = new AbortController(); c.signal.onabort = () => { throw new Error("expected"); }; c.abort();',
    'waitUntil': 'context.waitUntil(Promise.reject(new Error("expected")));',
    'a hostile rejection': 'Promise.reject({ get stack() { throw 1; }, toString() { throw new Error("expected"); } });',
    'the console': 'console.log({ get x() { throw new Error("expected"); }, [Symbol.toStringTag]: { toString() { throw 1; } } }); console.error("expected");',
    'a proxy on the console': 'console.log(new Proxy({}, { get() { throw 1; }, ownKeys() { throw 2; }, getPrototypeOf() { throw 3; } })); console.error("expected");',
}


@pytest.mark.parametrize('name', ELSEWHERE)
def test_an_error_beside_a_request_leaves_it_alone(jsd, name):
    server = jsd('export default { fetch(request, env, context) { if (request.url.endsWith("bad")) {' + ELSEWHERE[name]
                 + '} return new Response("fine"); } };')
    server.expect('error')
    assert server.get('/bad').text == 'fine'
    server.wait_for_log('error ')
    assert server.get('/').text == 'fine'


# What a script may do to the built-ins that the runtime itself is made of. `spy` is called where one of them is used.
POLLUTION = {
    'array methods': 'for (const key of ["push", "map", "slice", "join", "shift", "unshift", "splice", "forEach", Symbol.iterator]) Array.prototype[key] = spy;',
    'array setters': 'for (let i = 0; i < 20; i++) Object.defineProperty(Array.prototype, i, { set: spy, get: () => undefined, configurable: true });',
    'promise methods': 'for (const key of ["then", "catch", "finally"]) Promise.prototype[key] = spy; Promise.resolve = spy;',
    'promise species': 'Object.defineProperty(Promise, Symbol.species, { get: spy }); Object.defineProperty(Promise.prototype, "constructor", { get: spy });',
    'object properties': 'for (const key of ["get", "set", "value", "writable", "done", "headers", "status", "body", "signal", "type", "mode"]) Object.defineProperty(Object.prototype, key, { __proto__: null, get: () => { spy(); return undefined; }, set: spy, configurable: true });',
    'object methods': 'Object.defineProperty = Object.keys = Object.entries = Object.assign = Object.create = Object.freeze = spy;',
    'functions': 'Function.prototype.call = Function.prototype.apply = Function.prototype.bind = spy; Reflect.apply = Reflect.construct = spy;',
    'collections': 'for (const C of [Map, Set, WeakMap]) for (const key of ["get", "set", "has", "add", "delete"]) C.prototype[key] = spy;',
    'strings': 'for (const key of ["toLowerCase", "slice", "split", "indexOf", "replace", "charCodeAt", "trim", "startsWith"]) String.prototype[key] = spy; RegExp.prototype.exec = RegExp.prototype.test = spy;',
    'typed arrays': 'const T = Object.getPrototypeOf(Uint8Array); for (const key of ["set", "subarray", "slice", "fill"]) T.prototype[key] = spy; Object.defineProperty(T, Symbol.species, { get: spy }); Object.defineProperty(T.prototype, "length", { get: spy }); ArrayBuffer.prototype.slice = spy;',
    'iterators': 'Object.getPrototypeOf([][Symbol.iterator]()).next = spy; Object.getPrototypeOf(new Map().entries()).next = spy; Object.getPrototypeOf(Object.getPrototypeOf(async function* () {}).prototype).next = spy;',
    'errors': 'globalThis.Error = globalThis.TypeError = spy; Error.prototype = null; globalThis.Promise = globalThis.Map = globalThis.Object = globalThis.Array = undefined;',
    'web classes': 'for (const C of [Headers, Response, Request, URL, ReadableStream, AbortSignal, TextEncoder, TextDecoder]) for (const key of Object.getOwnPropertyNames(C.prototype)) { try { if (key !== "constructor") Object.defineProperty(C.prototype, key, { get: spy, configurable: true }); } catch {} }',
}


@pytest.mark.parametrize('name', POLLUTION)
def test_a_script_that_redefines_built_ins_breaks_and_spies_on_nothing(jsd, name):
    server = jsd('''
      let seen = 0;
      const spy = () => { seen++; };
      const Reply = Response, Later = Promise, later = setTimeout;
      let polluted = false;
      const pollute = () => { ''' + POLLUTION[name] + ''' };
      // A body, a method, promises and timers are what the runtime deals with by itself.
      export default { fetch(request, env, context) {
        if (!polluted) { polluted = true; pollute(); return new Reply('polluted'); }
        if (context === undefined) throw 'no context';
        if (seen > 0) { const count = seen; seen = 0; return new Reply('spied ' + count); }
        const reply = new Reply('fine');
        return reply;
      } };''')
    assert server.get('/').text == 'polluted'
    for method in ('GET', 'POST', 'DELETE', 'GET'):
        assert server.request(method, '/path?query', body=b'x' if method == 'POST' else None).text == 'fine'


def test_promises_and_timers_of_a_script_that_redefines_built_ins(jsd):
    server = jsd('''
      const Reply = Response, Later = Promise, later = setTimeout;
      const spy = () => { throw new Error('spied'); };
      const classes = [Array, Promise, Map, Set, WeakMap];
      for (let i = 0; i < classes.length; i++) {
        const { prototype } = classes[i];
        const keys = Reflect.ownKeys(prototype);
        for (let j = 0; j < keys.length; j++) {
          const method = Object.getOwnPropertyDescriptor(prototype, keys[j]).value;
          if (keys[j] !== 'constructor' && typeof method === 'function') prototype[keys[j]] = spy;
        }
      }
      Promise.resolve = Promise.reject = Promise.all = spy;
      Function.prototype.call = Function.prototype.apply = spy;
      export default { async fetch(request, env, context) {
        await new Later((resolve) => later(resolve, 5));
        context.waitUntil(new Later((resolve) => later(resolve, 1)));
        return new Reply('fine');
      } };''')
    for _ in range(3):
        assert server.get('/').text == 'fine'

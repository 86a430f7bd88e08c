// The way of a request through JavaScript: native code calls `dispatchFetch` with the handle of an event, the
// application's handler gets a Request, and its Response goes back by one native call.

const {
  FunctionPrototypeBind, JSONParse, ObjectFreeze, ObjectSetPrototypeOf, ObjectValues, Promise, PromisePrototypeThen,
  PromiseResolve, TypeError,
  TypedArrayPrototypeGetSymbolToStringTag,
} = core.primordials;
const { event: events, fetch, ops, slotOf, streams, webidl } = core;
const { internal } = webidl;
const { detach, handleOf, isResponse, makeIncoming, sendResponse } = fetch;
const { isFetched } = core.outgoing;

// ---- The context of a handler ----

function deepFreeze(object) {
  const values = ObjectValues(object);
  for (let i = 0; i < values.length; i++) {
    if (webidl.isObject(values[i])) deepFreeze(values[i]);
  }
  return ObjectFreeze(object);
}

class ExecutionContext {
  #request;
  #remoteAddr = undefined;
  #tls = undefined;

  constructor(key, request) {
    if (key !== internal) webidl.illegalConstructor(key);
    this.#request = request;
  }

  // Keeps the runtime from being shut down or replaced until the promise has settled.
  waitUntil(promise) {
    this.#request;
    webidl.requiredArguments(arguments.length, 1, "Failed to execute 'waitUntil' on 'ExecutionContext'");
    core.waitFor(promise, 'waitUntil');
  }

  // The client's address; empty over a unix socket.
  get remoteAddress() {
    return fetch.remoteAddress(this.#request);
  }

  // The same as { transport: 'tcp', hostname, port } or { transport: 'unix', path }. The path is that of the client's
  // end, which has none. A port that has not been read before the reply is 0: the connection may be gone.
  get remoteAddr() {
    if (this.#remoteAddr === undefined) {
      const hostname = fetch.remoteAddress(this.#request);
      const handle = handleOf(this.#request);
      const port = handle < 0 ? 0 : ops.requestRemotePort(handle);
      this.#remoteAddr =
        ObjectFreeze(hostname === '' ? { transport: 'unix', path: '' } : { transport: 'tcp', hostname, port });
    }
    return this.#remoteAddr;
  }

  // { version, cipher, serverName, resumed, clientCertificate } of the connection, null without TLS.
  get tls() {
    if (this.#tls === undefined) {
      const text = fetch.tls(this.#request);
      this.#tls = text === '' ? null : deepFreeze(JSONParse(text));
    }
    return this.#tls;
  }
}
webidl.configureInterface(ExecutionContext);

// ---- Events for listeners of 'fetch' ----

const fetchEventInit = webidl.dictionary('FetchEventInit', [
  { key: 'request', convert: webidl.interfaceType('Request', fetch.isRequest), required: true },
]);

class FetchEvent extends events.Event {
  #request;
  #response = undefined;
  // True while listeners run: only they may choose the response.
  #open = false;

  constructor(type, eventInitDict) {
    const context = "Failed to construct 'FetchEvent'";
    webidl.requiredArguments(arguments.length, 2, context);
    super(type, eventInitDict);
    this.#request = fetchEventInit(eventInitDict, `${context}: Argument 2`).request;
  }

  get request() { return this.#request; }

  respondWith(r) {
    const context = "Failed to execute 'respondWith' on 'FetchEvent'";
    const open = this.#open;
    webidl.requiredArguments(arguments.length, 1, context);
    if (!open) throw new core.DOMException(`${context}: the event is not being dispatched`, 'InvalidStateError');
    if (this.#response !== undefined) {
      throw new core.DOMException(`${context}: it has been called already`, 'InvalidStateError');
    }
    this.#response = PromiseResolve(r);
    this.stopImmediatePropagation();
  }

  waitUntil(f) {
    this.#request;
    webidl.requiredArguments(arguments.length, 1, "Failed to execute 'waitUntil' on 'FetchEvent'");
    core.waitFor(f, 'waitUntil');
  }

  // The handler of an application that listens to 'fetch'.
  static dispatch(request) {
    const event = new FetchEvent('fetch', { __proto__: null, request });
    event.#open = true;
    events.dispatchTrusted(globalThis, event);
    event.#open = false;
    return event.#response;
  }
}
const dispatchFetchEvent = FetchEvent.dispatch;
delete FetchEvent.dispatch;
webidl.configureInterface(FetchEvent);
core.defineGlobal('FetchEvent', FetchEvent);

// ---- Dispatch ----

// (request, env, ctx) → a Response or a promise of one.
let handler;
let env;

// What native code may still ask about: the requests whose handlers have not answered, by the slot of their handle.
// Without a prototype, so that an assignment cannot find a setter.
const open = ObjectSetPrototypeOf([], null);

class OpenRequest {
  request;
  // The reader of a reply that is being streamed.
  reader = undefined;
  // The body of a response from elsewhere that native code sends.
  fetched = undefined;
  // Wakes the pump that waits for the client to read on.
  drained = undefined;
  // What its signal aborted with.
  abortReason = undefined;

  constructor(request) {
    this.request = request;
  }
}

function dispatchFetch(handle) {
  const request = makeIncoming(handle);
  try {
    const result = handler(request, env, new ExecutionContext(internal, request));
    if (isResponse(result)) answer(request, handle, result);
    else settle(request, handle, result);
  } catch (error) {
    fail(request, handle, error);
  }
}

// Sends a response; throws where it cannot be sent.
function answer(request, handle, response) {
  const rest = sendResponse(handle, response);
  if (typeof rest === 'string') detach(request, rest);
  else if (isFetched(rest)) forward(request, handle, rest);
  else pump(request, handle, rest);
}

// Sends the body of a response from elsewhere, which native code does by itself.
function forward(request, handle, body) {
  const slot = slotOf(handle);
  const entry = new OpenRequest(request);
  open[slot] = entry;
  entry.fetched = body;
  body.forward(handle, (error, trailers) => {
    if (open[slot] !== entry) return;
    open[slot] = undefined;
    detach(request, ops.streamEnd(handle, error === undefined, trailers));
    if (error !== undefined) core.reportException(error, 'response body');
  });
}

function fail(request, handle, error) {
  // The event may have ended meanwhile: termination, or an answer that was half given.
  if (handleOf(request) === handle) detach(request, ops.fail(handle));
  core.reportException(error, 'request handler');
}

async function settle(request, handle, result) {
  const slot = slotOf(handle);
  const entry = new OpenRequest(request);
  open[slot] = entry;
  try {
    const response = await result;
    // Cancelled meanwhile: nobody waits for the answer.
    if (open[slot] !== entry) return;
    open[slot] = undefined;
    if (!isResponse(response)) throw new TypeError(`The handler returned ${describe(response)} instead of a Response`);
    answer(request, handle, response);
  } catch (error) {
    if (open[slot] === entry) open[slot] = undefined;
    // A handler that heard of its cancellation and gave up did as it should.
    if (entry.abortReason === undefined || error !== entry.abortReason) fail(request, handle, error);
  }
}

function describe(value) {
  if (value === null) return 'null';
  return typeof value === 'object' || typeof value === 'undefined' ? typeof value : `a ${typeof value}`;
}

// Sends a stream chunk by chunk, no faster than the client reads: a read request, again and again.
class Pump {
  #handle;
  #entry;
  #reading = false;
  #again = false;

  constructor(handle, entry) {
    this.#handle = handle;
    this.#entry = entry;
  }

  static start(handle, entry) {
    new Pump(handle, entry).#next();
  }

  // A chunk that is there already comes from within `read`: then it is the loop that goes on, not one call in another.
  #next() {
    this.#again = true;
    if (this.#reading) return;
    this.#reading = true;
    while (this.#again && this.#isOpen()) {
      this.#again = false;
      streams.readInto(this.#entry.reader, this);
    }
    this.#reading = false;
  }

  #isOpen() {
    return open[slotOf(this.#handle)] === this.#entry;
  }

  chunk(value) {
    if (!this.#isOpen()) return;
    if (TypedArrayPrototypeGetSymbolToStringTag(value) !== 'Uint8Array') {
      const { reader } = this.#entry;
      const error = new TypeError('The body stream gave a chunk that is not a Uint8Array');
      this.error(error);
      streams.cancel(reader, error);
    } else if (ops.streamWrite(this.#handle, value)) {
      this.#next();
    } else {
      const drained = new Promise((resolve) => {
        this.#entry.drained = resolve;
      });
      PromisePrototypeThen(drained, () => this.#next());
    }
  }

  close() {
    this.#end(true);
  }

  error(reason) {
    if (this.#end(false)) core.reportException(reason, 'response body');
  }

  #end(complete) {
    if (!this.#isOpen()) return false;
    open[slotOf(this.#handle)] = undefined;
    detach(this.#entry.request, ops.streamEnd(this.#handle, complete));
    return true;
  }
}
const startPump = Pump.start;

function pump(request, handle, stream) {
  const entry = new OpenRequest(request);
  open[slotOf(handle)] = entry;
  entry.reader = streams.getReader(stream);
  startPump(handle, entry);
}

core.bindCallback('dispatchFetch', dispatchFetch);

core.bindCallback('streamDrained', (handle) => {
  const entry = open[slotOf(handle)];
  if (entry === undefined || handleOf(entry.request) !== handle) return;
  const { drained } = entry;
  entry.drained = undefined;
  if (drained !== undefined) drained();
});

// kRequestOverdue of core/request_event.h; any other reason says why nobody waits for the reply any more.
const requestOverdue = 'The request has taken too long.';

// The event ends without the handler's answer.
core.bindCallback('cancelFetch', (handle, reason) => {
  const slot = slotOf(handle);
  const entry = open[slot];
  if (entry === undefined || handleOf(entry.request) !== handle) return;
  open[slot] = undefined;
  const { fetched, request, reader, drained } = entry;
  const error = new core.DOMException(reason, reason === requestOverdue ? 'TimeoutError' : 'AbortError');
  entry.abortReason = error;
  detach(request, ops.requestHead(handle), error);
  if (reader !== undefined) streams.cancel(reader, error);
  if (fetched !== undefined) fetched.abort(error);
  if (drained !== undefined) drained();
  fetch.abortRequest(request, error);
});

// ---- After a termination ----

// V8 drops all microtasks when it ends one, and with them what other requests were about to do. Who is affected shows
// by reachability: a request whose continuation waits for a timer, an op or another promise is held by that, one whose
// continuation is gone by nothing but the table here. So native code takes the table away, collects garbage, and gives
// back what is left. A request that waits for native code, to call `drained` or
// to send what was fetched, is not in doubt.
core.bindCallback('setRequestsAside', () => {
  const aside = ObjectSetPrototypeOf([], null);
  for (let slot = 0; slot < open.length; slot++) {
    const entry = open[slot];
    if (entry === undefined || entry.drained !== undefined || entry.fetched !== undefined) continue;
    open[slot] = undefined;
    aside[aside.length] = entry;
    aside[aside.length] = handleOf(entry.request);
  }
  return aside;
});
core.bindCallback('takeRequestsBack', (entries) => {
  for (let i = 0; i < entries.length; i++) open[slotOf(handleOf(entries[i].request))] = entries[i];
});

// ---- The application ----

// Called with the namespace of the application's module once it has been evaluated. `default.fetch` answers requests,
// or else the listeners of 'fetch'. Returns whether there is one.
core.bindCallback('installApp', (namespace, environment) => {
  const application = namespace.default;
  env = environment;
  handler = undefined;
  if (webidl.isObject(application)) {
    const { fetch: method } = application;
    if (typeof method === 'function') handler = FunctionPrototypeBind(method, application);
  }
  if (handler === undefined && events.hasListeners(globalThis, 'fetch')) handler = dispatchFetchEvent;
  return handler !== undefined;
});

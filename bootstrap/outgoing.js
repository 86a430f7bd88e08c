// Outgoing requests between native code and `fetch`: what has happened to each comes by one callback, and the body of a
// response stays native until a script reads it, or goes to a client of ours without ever being seen here.

const {
  ArrayPrototypePush, Error, FinalizationRegistry, FinalizationRegistryPrototypeRegister,
  FinalizationRegistryPrototypeUnregister, Promise, PromisePrototypeThen, RegExpPrototypeExec, SafeMap, SafeSet,
  TypeError, TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetSymbolToStringTag,
} = core.primordials;
const { encoding, ops, streams } = core;

// As in core/ops/fetch.cc.
const head = 0;
const readable = 1;
const failure = 2;
const forwarded = 3;
const drained = 4;

// A TypeError as `fetch` rejects with; its cause has the reason's code, as `cause.code`.
function networkError(code, message) {
  const cause = new Error(message);
  cause.code = code;
  return new TypeError(`fetch failed: ${message}`, { __proto__: null, cause });
}

const userAgent = `jsd/${core.version}`;

// Fetch, "port blocking": other protocols', whose servers might take a request for something else.
const badPorts = new SafeSet();
for (const port of [
  0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110,
  111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532,
  540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061,
  6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
]) badPorts.add(`${port}`);

const portPattern = /^[^:]*:\/\/[^/?#]*:([0-9]+)(?:[/?#]|$)/;

// Throws where a request to this URL would go to such a port.
function checkPort(href) {
  const port = RegExpPrototypeExec(portPattern, href);
  if (port === null || !badPorts.has(port[1])) return;
  throw networkError('ERR_BAD_PORT', `the port ${port[1]} belongs to another protocol`);
}

// What concerns one connection (RFC 9110, section 7.6.1), or is said by whoever frames the message. Host is the URL's.
function isConnectionField(name) {
  switch (name) {
    case 'connection':
    case 'content-length':
    case 'expect':
    case 'host':
    case 'keep-alive':
    case 'proxy-authorization':
    case 'proxy-connection':
    case 'te':
    case 'trailer':
    case 'transfer-encoding':
    case 'upgrade':
      return true;
    default:
      return false;
  }
}

// The exchanges that native code knows of, by handle. One of them must not lead to its FetchedBody unless somebody
// waits: a body that nobody holds any more is collected, and its exchange dropped.
const exchanges = new SafeMap();

class Exchange {
  handle = 0;
  // Native code has forgotten it: no more events, and its ops do nothing.
  over = false;
  // Why it failed, once it has.
  error = undefined;
  // The FetchedBody that somebody waits for, so that it is not collected meanwhile.
  waiting = undefined;
  // Called at most once each, while somebody waits.
  onHead = undefined;
  onFailure = undefined;
  onReadable = undefined;
  onForwarded = undefined;
  onDrained = undefined;
  // What becomes its entry (bootstrap/resource_timing.js), if it gets one.
  timing = undefined;
  // Bytes of the body that a script has read.
  received = 0;

  constructor(handle) {
    this.handle = handle;
    exchanges.set(handle, this);
  }

  end(error) {
    if (this.over) return;
    this.over = true;
    this.error = error;
    exchanges.delete(this.handle);
    if (this.timing !== undefined) core.resourceTiming.end(this.timing, this.received);
    const { onFailure, onDrained } = this;
    this.onHead = this.onReadable = this.onForwarded = this.onFailure = this.onDrained = undefined;
    this.waiting = undefined;
    if (onFailure !== undefined && error !== undefined) onFailure(error);
    if (onDrained !== undefined) onDrained();
  }

  // Gives the request up, for whoever waits with `error`.
  drop(error) {
    if (this.over) return;
    ops.fetchDrop(this.handle);
    this.end(error);
  }
}

core.bindCallback('fetchEvent', (handle, event, a, b, c, d, e, f) => {
  const exchange = exchanges.get(handle);
  if (exchange === undefined) return;
  switch (event) {
    case head: {
      const { onHead } = exchange;
      exchange.onHead = exchange.onFailure = undefined;
      // Whole: native code is done with it.
      if (f !== true) exchange.end(undefined);
      onHead(exchange, a, b, c, d, e, f);
      break;
    }
    case readable: {
      const { onReadable } = exchange;
      exchange.waiting = exchange.onReadable = exchange.onFailure = undefined;
      if (a === null) exchange.end(undefined);
      else exchange.received += TypedArrayPrototypeGetByteLength(a);
      onReadable(a);
      break;
    }
    case failure:
      exchange.end(networkError(a, b));
      break;
    case forwarded: {
      const { onForwarded } = exchange;
      const trailers = ops.fetchTrailers(handle);
      exchange.drop(undefined);
      onForwarded(a === '' ? undefined : networkError(a, b), trailers);
      break;
    }
    case drained: {
      const { onDrained } = exchange;
      exchange.onDrained = undefined;
      if (onDrained !== undefined) onDrained();
      break;
    }
  }
});

// Made when first needed: it belongs to the process.
let abandoned;

// The body of a response that did not come whole with its head.
class FetchedBody {
  #exchange;
  // The content coding that native code takes off what is read; empty for none.
  encoding;
  // In bytes, as the server said it, of what comes over the wire; -1 where it did not.
  length;
  // Whether a client may get it in that coding: the script's own Accept-Encoding has asked for it.
  mayStayEncoded;
  #controller = undefined;

  constructor(exchange, encoding, length, mayStayEncoded) {
    this.#exchange = exchange;
    this.encoding = encoding;
    this.length = length;
    this.mayStayEncoded = mayStayEncoded;
    abandoned ??= new FinalizationRegistry((left) => left.drop(undefined));
    FinalizationRegistryPrototypeRegister(abandoned, this, exchange, exchange);
  }

  // A chunk, null at the end, or a promise of one of them. Throws what the body has failed with.
  #read() {
    const exchange = this.#exchange;
    if (exchange.error !== undefined) throw exchange.error;
    if (exchange.over) return null;
    let chunk;
    try {
      chunk = ops.fetchRead(exchange.handle);
    } catch (error) {
      exchange.drop(error);
      throw error;
    }
    if (chunk === null) exchange.drop(undefined);
    else if (chunk !== undefined) exchange.received += TypedArrayPrototypeGetByteLength(chunk);
    if (chunk !== undefined) return chunk;
    return new Promise((resolve, reject) => {
      exchange.waiting = this;
      exchange.onReadable = resolve;
      exchange.onFailure = reject;
    });
  }

  // A promise of all of it.
  async gather() {
    const chunks = [];
    let length = 0;
    for (;;) {
      const chunk = await this.#read();
      if (chunk === null) break;
      ArrayPrototypePush(chunks, chunk);
      length += TypedArrayPrototypeGetByteLength(chunk);
    }
    if (chunks.length === 1) return chunks[0];
    return encoding.concatenate(chunks, length);
  }

  // A byte stream over it.
  stream() {
    return streams.pulled({
      __proto__: null,
      start: (controller) => {
        this.#controller = controller;
      },
      pull: (controller) => {
        const chunk = this.#read();
        // A promise where nothing has come yet.
        if (chunk !== null && TypedArrayPrototypeGetSymbolToStringTag(chunk) === undefined) {
          return PromisePrototypeThen(chunk, (late) => this.#deliver(controller, late));
        }
        this.#deliver(controller, chunk);
        return undefined;
      },
      cancel: (reason) => {
        this.#controller = undefined;
        this.#exchange.drop(reason);
      },
    });
  }

  #deliver(controller, chunk) {
    // A script that has cancelled the stream meanwhile wants no more of it.
    if (this.#controller === undefined) return;
    if (chunk === null) this.#controller = undefined;
    streams.deliver(controller, chunk);
  }

  // Ends it with `error`, for those who read it and those who will.
  abort(error) {
    const exchange = this.#exchange;
    if (exchange.over) return;
    const waiting = exchange.onFailure !== undefined;
    exchange.drop(error);
    if (!waiting && this.#controller !== undefined) streams.fail(this.#controller, error);
    this.#controller = undefined;
  }

  // Sends the body to the client of an incoming request whose reply has begun. `done` gets the error it failed with or
  // undefined, and the trailers; it may be called from inside.
  forward(eventHandle, done) {
    const exchange = this.#exchange;
    FinalizationRegistryPrototypeUnregister(abandoned, exchange);
    if (exchange.over) {
      done(exchange.error, '');
      return;
    }
    exchange.onForwarded = done;
    exchange.onFailure = (error) => done(error, '');
    if (ops.fetchForward(exchange.handle, eventHandle)) return;
    const trailers = ops.fetchTrailers(exchange.handle);
    exchange.drop(undefined);
    done(undefined, trailers);
  }

  static isFetched(value) {
    return typeof value === 'object' && value !== null && #exchange in value;
  }
}

core.outgoing = {
  __proto__: null,
  checkPort,
  Exchange,
  FetchedBody,
  isConnectionField,
  isFetched: FetchedBody.isFetched,
  networkError,
  userAgent,
};

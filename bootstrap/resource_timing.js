// Resource Timing: an entry for each request of `fetch` and EventSource over HTTP.
//
// There is no origin here, so every resource is another's: what happens on the way to it, from finding its address to
// sending the request, is not told and 0, as where a server sends no Timing-Allow-Origin. A request that finds the buffer
// full and nobody listening costs nothing.

const { event, mime, ops, performanceTimeline: timeline, webidl } = core;
const {
  ArrayPrototypePush, ArrayPrototypeShift, ObjectDefineProperty, ReflectGetOwnPropertyDescriptor,
} = core.primordials;

const { performance } = globalThis;

// The attributes, in the standard's order, with the values of what is not told.
const untold = {
  __proto__: null,
  initiatorType: 'other',
  deliveryType: '',
  nextHopProtocol: '',
  workerStart: 0,
  redirectStart: 0,
  redirectEnd: 0,
  fetchStart: 0,
  domainLookupStart: 0,
  domainLookupEnd: 0,
  connectStart: 0,
  connectEnd: 0,
  secureConnectionStart: 0,
  requestStart: 0,
  finalResponseHeadersStart: 0,
  firstInterimResponseStart: 0,
  responseStart: 0,
  responseEnd: 0,
  workerRouterEvaluationStart: 0,
  workerCacheLookupStart: 0,
  workerMatchedRouterSource: '',
  workerFinalRouterSource: '',
  transferSize: 0,
  encodedBodySize: 0,
  decodedBodySize: 0,
  responseStatus: 0,
  renderBlockingStatus: 'non-blocking',
  contentType: '',
  contentEncoding: '',
};

class PerformanceResourceTiming extends timeline.PerformanceEntry {
  #values;

  constructor(key, values) {
    webidl.illegalConstructor(key);
    const start = values.redirectStart || values.fetchStart;
    super(key, values.name, 'resource', start, values.responseEnd - start);
    this.#values = values;
  }

  toJSON() {
    const values = this.#values;
    return { ...timeline.fieldsOf(this), ...values };
  }

  static {
    for (const name in untold) {
      const { get } = ReflectGetOwnPropertyDescriptor({
        get [name]() {
          return this.#values[name];
        },
      }, name);
      ObjectDefineProperty(PerformanceResourceTiming.prototype, name, {
        __proto__: null, get, enumerable: true, configurable: true,
      });
    }
  }
}
// The class has arguments that its interface does not have.
ObjectDefineProperty(PerformanceResourceTiming, 'length', { __proto__: null, value: 0 });
webidl.configureInterface(PerformanceResourceTiming);
core.defineGlobal('PerformanceResourceTiming', PerformanceResourceTiming);

// ---- The buffer ----

const bufferFull = 'resourcetimingbufferfull';
const buffer = timeline.resources;
let limit = 250;
// Entries that came while it was full, until a script has been asked for room.
let waiting = [];
let isAsking = false;

function add(entry) {
  timeline.queue(entry, 'resource');
  if (buffer.length < limit && !isAsking) {
    ArrayPrototypePush(buffer, entry);
    return;
  }
  ArrayPrototypePush(waiting, entry);
  if (isAsking) return;
  isAsking = true;
  core.timers.start(askForRoom, 0);
}

// "Fire a buffer full event", with what it says to do before and after.
function askForRoom() {
  while (waiting.length > 0) {
    const before = waiting.length;
    if (buffer.length >= limit) {
      event.dispatchTrusted(performance, new event.Event(bufferFull, { __proto__: null, bubbles: true }));
    }
    while (waiting.length > 0 && buffer.length < limit) ArrayPrototypePush(buffer, ArrayPrototypeShift(waiting));
    if (waiting.length < before) continue;
    timeline.drop(waiting.length);
    waiting = [];
  }
  isAsking = false;
}

// ---- Requests ----

// What the standard adds to the body for the head.
const headSize = 300;

core.resourceTiming = {
  __proto__: null,

  clear() {
    buffer.length = 0;
  },

  setLimit(size) {
    limit = size;
  },

  // What becomes the entry of a request that begins now; undefined where nobody would see it.
  begin(url, initiatorType) {
    if (buffer.length >= limit && !timeline.isObserved('resource') && !isAsking &&
        !event.hasListeners(performance, bufferFull)) {
      timeline.drop(1);
      return undefined;
    }
    const values = { ...untold, __proto__: null, name: url, initiatorType };
    values.fetchStart = ops.now();
    return values;
  },

  redirected(values) {
    values.redirectStart ||= values.fetchStart;
    values.redirectEnd = values.fetchStart = ops.now();
  },

  // The head has come. `length` in bytes as the server said it, or negative.
  responded(values, status, contentType, contentEncoding, length) {
    values.nextHopProtocol = 'http/1.1';
    values.finalResponseHeadersStart = values.responseStart = ops.now();
    values.responseStatus = status;
    const type = contentType === null ? null : mime.parse(contentType);
    values.contentType = type === null ? '' : type.essence;
    values.contentEncoding = contentEncoding;
    values.encodedBodySize = length;
  },

  // The body has ended after so many bytes, or there will be none.
  end(values, size) {
    values.responseEnd = ops.now();
    values.decodedBodySize = size;
    if (values.encodedBodySize < 0) values.encodedBodySize = values.decodedBodySize;
    if (values.responseStatus !== 0) values.transferSize = values.encodedBodySize + headSize;
    add(new PerformanceResourceTiming(webidl.internal, values));
  },
};

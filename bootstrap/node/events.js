// node:events by the package of that name, with what Node has added since.
const EventEmitter = require('events_bundle');

module.exports = EventEmitter;

const errorMonitor = Symbol('events.errorMonitor');
const plainEmit = EventEmitter.prototype.emit;

EventEmitter.EventEmitter = EventEmitter;
EventEmitter.errorMonitor = errorMonitor;
EventEmitter.captureRejectionSymbol = Symbol.for('nodejs.rejection');
EventEmitter.captureRejections = false;
EventEmitter.usingDomains = false;

EventEmitter.prototype.emit = function emit(type, ...parameters) {
  if (type === 'error' && this._events?.[errorMonitor] !== undefined) plainEmit.call(this, errorMonitor, ...parameters);
  return plainEmit.call(this, type, ...parameters);
};

function abortError(signal) {
  const error = new Error('The operation was aborted', { cause: signal?.reason });
  error.name = 'AbortError';
  error.code = 'ABORT_ERR';
  return error;
}

const isTarget = (emitter) => typeof emitter.addEventListener === 'function' && typeof emitter.on !== 'function';

function listen(emitter, type, listener) {
  if (isTarget(emitter)) {
    emitter.addEventListener(type, listener);
    return () => emitter.removeEventListener(type, listener);
  }
  emitter.on(type, listener);
  return () => emitter.removeListener(type, listener);
}

EventEmitter.once = (emitter, type, options = {}) =>
  new Promise((resolve, reject) => {
    const { signal } = options;
    if (signal?.aborted) {
      reject(abortError(signal));
      return;
    }
    const ends = [];
    const settle = (finish) => {
      for (const end of ends) end();
      finish();
    };
    ends.push(listen(emitter, type, (...parameters) => settle(() => resolve(parameters))));
    if (type !== 'error' && !isTarget(emitter)) {
      ends.push(listen(emitter, 'error', (error) => settle(() => reject(error))));
    }
    if (signal) ends.push(listen(signal, 'abort', () => settle(() => reject(abortError(signal)))));
  });

// An async iterator of the parameters of each event.
EventEmitter.on = (emitter, type, options = {}) => {
  const { signal, close = [] } = options;
  if (signal?.aborted) throw abortError(signal);
  const events = [];
  const readers = [];
  const ends = [];
  let failure;
  let finished = false;
  const finish = () => {
    finished = true;
    for (const end of ends) end();
    for (const { resolve } of readers.splice(0)) resolve({ value: undefined, done: true });
    return Promise.resolve({ value: undefined, done: true });
  };
  const fail = (error) => {
    const reader = readers.shift();
    if (reader === undefined) failure = { error };
    else reader.reject(error);
    finish();
  };
  ends.push(listen(emitter, type, (...parameters) => {
    const reader = readers.shift();
    if (reader === undefined) events.push(parameters);
    else reader.resolve({ value: parameters, done: false });
  }));
  if (type !== 'error' && !isTarget(emitter)) ends.push(listen(emitter, 'error', fail));
  for (const name of close) ends.push(listen(emitter, name, finish));
  if (signal) ends.push(listen(signal, 'abort', () => fail(abortError(signal))));
  return {
    next() {
      if (events.length !== 0) return Promise.resolve({ value: events.shift(), done: false });
      if (failure !== undefined) {
        const { error } = failure;
        failure = undefined;
        return Promise.reject(error);
      }
      if (finished) return Promise.resolve({ value: undefined, done: true });
      return new Promise((resolve, reject) => readers.push({ resolve, reject }));
    },
    return: finish,
    throw(error) {
      fail(error);
      return Promise.resolve({ value: undefined, done: true });
    },
    [Symbol.asyncIterator]() { return this; },
  };
};

EventEmitter.getEventListeners = (emitter, type) => (isTarget(emitter) ? [] : emitter.listeners(type));
EventEmitter.getMaxListeners = (emitter) => (isTarget(emitter) ? 0 : emitter.getMaxListeners());
EventEmitter.setMaxListeners = (count = EventEmitter.defaultMaxListeners, ...emitters) => {
  if (emitters.length === 0) EventEmitter.defaultMaxListeners = count;
  for (const emitter of emitters) if (!isTarget(emitter)) emitter.setMaxListeners(count);
};
EventEmitter.listenerCount = (emitter, type) => emitter.listenerCount(type);
EventEmitter.addAbortListener = (signal, listener) => {
  if (signal.aborted) {
    queueMicrotask(() => listener());
    return { [Symbol.dispose]() {} };
  }
  signal.addEventListener('abort', listener, { once: true });
  return { [Symbol.dispose]: () => signal.removeEventListener('abort', listener) };
};
EventEmitter.EventEmitterAsyncResource = class EventEmitterAsyncResource extends EventEmitter {
  #resource;

  constructor(options = {}) {
    super();
    const { AsyncResource } = require('async_hooks');
    this.#resource = new AsyncResource(options.name ?? new.target.name);
  }
  get asyncResource() { return this.#resource; }
  emit(...parameters) { return this.#resource.runInAsyncScope(super.emit, this, ...parameters); }
  emitDestroy() { this.#resource.emitDestroy(); }
};

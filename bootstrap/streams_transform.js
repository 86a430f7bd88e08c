// The Streams standard: TransformStream (section 6).

const { webidl, streamInternals } = core;
const {
  Deferred, convertStrategy, highWaterMarkOf, optionalObject, promiseCall, resolvedPromise, sizeAlgorithmOf,
} = streamInternals;
const { readable, writable } = streamInternals;
const { PromisePrototypeThen, PromiseReject, RangeError, ReflectApply, TypeError } = core.primordials;

class TransformState {
  readable = undefined;
  writable = undefined;
  backpressure = undefined;
  backpressureChange = undefined;
  controller = undefined;
  // What both sides wait for before they begin.
  start = undefined;
}

class ControllerState {
  stream;
  transformAlgorithm;
  flushAlgorithm;
  cancelAlgorithm;
  // Set while the readable side is cancelled, or the writable one closed or aborted: what the other then waits for.
  finish = undefined;
  constructor(stream, { transform, flush, cancel }) {
    this.stream = stream;
    this.transformAlgorithm = transform;
    this.flushAlgorithm = flush;
    this.cancelAlgorithm = cancel;
  }
}

// `algorithms`: { start(controller), transform(chunk, controller), flush(controller), cancel(reason) }; all but start
// return promises.
function createTransform(algorithms, writableHighWaterMark = 1, writableSize = undefined, readableHighWaterMark = 0,
  readableSize = undefined) {
  const stream = new TransformState();
  const controller = stream.controller = new ControllerState(stream, algorithms);
  const start = new Deferred();
  stream.writable = writable.createStream({
    start: () => start.promise,
    write: (chunk) => sinkWrite(stream, chunk),
    close: () => sinkClose(stream),
    abort: (reason) => sinkAbort(stream, reason),
  }, writableHighWaterMark, writableSize);
  stream.readable = readable.createStream({
    start: () => start.promise,
    pull: () => {
      setBackpressure(stream, false);
      return stream.backpressureChange.promise;
    },
    cancel: (reason) => sourceCancel(stream, reason),
  }, readableHighWaterMark, readableSize);
  setBackpressure(stream, true);
  stream.start = start;
  return controller;
}

function setBackpressure(stream, backpressure) {
  if (stream.backpressureChange !== undefined) stream.backpressureChange.resolve(undefined);
  stream.backpressureChange = new Deferred();
  stream.backpressure = backpressure;
}

function errorTransform(stream, reason) {
  readable.error(stream.readable.controller, reason);
  errorWritable(stream, reason);
}

function errorWritable(stream, reason) {
  clearAlgorithms(stream.controller);
  writable.controllerErrorIfNeeded(stream.writable.controller, reason);
  unblockWrite(stream);
}

function unblockWrite(stream) {
  if (stream.backpressure) setBackpressure(stream, false);
}

function clearAlgorithms(controller) {
  controller.transformAlgorithm = undefined;
  controller.flushAlgorithm = undefined;
  controller.cancelAlgorithm = undefined;
}

function enqueue(controller, chunk) {
  const { stream } = controller;
  const source = stream.readable.controller;
  if (!readable.canCloseOrEnqueue(source)) throw new TypeError('The readable side is closed or errored');
  try {
    readable.enqueue(source, chunk);
  } catch (error) {
    errorWritable(stream, error);
    throw stream.readable.storedError;
  }
  const backpressure = !readable.shouldPull(source);
  if (backpressure !== stream.backpressure) setBackpressure(stream, true);
}

function performTransform(controller, chunk) {
  return PromisePrototypeThen(controller.transformAlgorithm(chunk, controller), undefined, (error) => {
    errorTransform(controller.stream, error);
    throw error;
  });
}

function terminate(controller) {
  const { stream } = controller;
  readable.controllerClose(stream.readable.controller);
  errorWritable(stream, new TypeError('The transform stream has been terminated'));
}

function sinkWrite(stream, chunk) {
  const { controller } = stream;
  if (!stream.backpressure) return performTransform(controller, chunk);
  return PromisePrototypeThen(stream.backpressureChange.promise, () => {
    if (stream.writable.state === 'erroring') throw stream.writable.storedError;
    return performTransform(controller, chunk);
  });
}

function sinkAbort(stream, reason) {
  const { controller } = stream;
  if (controller.finish !== undefined) return controller.finish.promise;
  const source = stream.readable;
  const finish = controller.finish = new Deferred();
  const cancelled = controller.cancelAlgorithm(reason);
  clearAlgorithms(controller);
  PromisePrototypeThen(cancelled, () => {
    if (source.state === 'errored') {
      finish.reject(source.storedError);
    } else {
      readable.error(source.controller, reason);
      finish.resolve(undefined);
    }
  }, (error) => {
    readable.error(source.controller, error);
    finish.reject(error);
  });
  return finish.promise;
}

function sinkClose(stream) {
  const { controller } = stream;
  if (controller.finish !== undefined) return controller.finish.promise;
  const source = stream.readable;
  const finish = controller.finish = new Deferred();
  const flushed = controller.flushAlgorithm(controller);
  clearAlgorithms(controller);
  PromisePrototypeThen(flushed, () => {
    if (source.state === 'errored') {
      finish.reject(source.storedError);
    } else {
      readable.controllerClose(source.controller);
      finish.resolve(undefined);
    }
  }, (error) => {
    readable.error(source.controller, error);
    finish.reject(error);
  });
  return finish.promise;
}

function sourceCancel(stream, reason) {
  const { controller } = stream;
  if (controller.finish !== undefined) {
    // A flush that waits for room waits in vain.
    unblockWrite(stream);
    return controller.finish.promise;
  }
  const sink = stream.writable;
  const finish = controller.finish = new Deferred();
  const cancelled = controller.cancelAlgorithm(reason);
  clearAlgorithms(controller);
  PromisePrototypeThen(cancelled, () => {
    if (sink.state === 'errored') {
      finish.reject(sink.storedError);
    } else {
      writable.controllerErrorIfNeeded(sink.controller, reason);
      unblockWrite(stream);
      finish.resolve(undefined);
    }
  }, (error) => {
    writable.controllerErrorIfNeeded(sink.controller, error);
    unblockWrite(stream);
    finish.reject(error);
  });
  return finish.promise;
}

// ---- What scripts see ----

const convertTransformer = webidl.dictionary('Transformer', [
  { key: 'start', convert: webidl.callbackFunction },
  { key: 'transform', convert: webidl.callbackFunction },
  { key: 'flush', convert: webidl.callbackFunction },
  { key: 'cancel', convert: webidl.callbackFunction },
  { key: 'readableType', convert: webidl.any },
  { key: 'writableType', convert: webidl.any },
]);

class TransformStream {
  #stream;

  constructor(transformer = undefined, writableStrategy = {}, readableStrategy = {}) {
    if (transformer === streamInternals) {
      this.#stream = writableStrategy;
      return;
    }
    const context = "Failed to construct 'TransformStream'";
    const given = optionalObject(transformer, `${context}: Argument 1`);
    writableStrategy = convertStrategy(writableStrategy, `${context}: Argument 2`);
    readableStrategy = convertStrategy(readableStrategy, `${context}: Argument 3`);
    const { start, transform, flush, cancel, readableType, writableType } =
      convertTransformer(given, `${context}: Argument 1`);
    if (readableType !== undefined) throw new RangeError(`${context}: 'readableType' is reserved`);
    if (writableType !== undefined) throw new RangeError(`${context}: 'writableType' is reserved`);
    const readableHighWaterMark = highWaterMarkOf(readableStrategy, 0);
    const readableSize = sizeAlgorithmOf(readableStrategy);
    const writableHighWaterMark = highWaterMarkOf(writableStrategy, 1);
    const writableSize = sizeAlgorithmOf(writableStrategy);
    let object;
    const controller = createTransform({
      __proto__: null,
      transform: transform === undefined ? passChunk : (chunk) => promiseCall(transform, given, [chunk, object]),
      flush: flush === undefined ? resolvedPromise : () => promiseCall(flush, given, [object]),
      cancel: cancel === undefined ? resolvedPromise : (reason) => promiseCall(cancel, given, [reason]),
    }, writableHighWaterMark, writableSize, readableHighWaterMark, readableSize);
    this.#stream = controller.stream;
    object = new TransformStreamDefaultController(streamInternals, controller);
    controller.stream.start.resolve(start === undefined ? undefined : ReflectApply(start, given, [object]));
  }

  get readable() {
    return this.#stream.readable.object;
  }

  get writable() {
    return this.#stream.writable.object;
  }

  static {
    streamInternals.transform = {
      __proto__: null,
      stateOf: (object) => (webidl.isObject(object) && #stream in object ? object.#stream : undefined),
      // One that was transferred is no more than its two sides.
      makeObject: (readableSide, writableSide) =>
        new TransformStream(streamInternals, { __proto__: null, readable: readableSide, writable: writableSide }),
    };
  }
}

// The identity transform.
function passChunk(chunk, controller) {
  try {
    enqueue(controller, chunk);
    return resolvedPromise();
  } catch (error) {
    return PromiseReject(error);
  }
}

class TransformStreamDefaultController {
  #controller;

  constructor(key = undefined, controller = undefined) {
    if (key !== streamInternals) throw new TypeError('Illegal constructor');
    this.#controller = controller;
  }

  get desiredSize() {
    return readable.desiredSize(this.#controller.stream.readable.controller);
  }

  enqueue(chunk = undefined) {
    enqueue(this.#controller, chunk);
  }

  error(reason = undefined) {
    errorTransform(this.#controller.stream, reason);
  }

  terminate() {
    terminate(this.#controller);
  }
}

for (const Class of [TransformStream, TransformStreamDefaultController]) {
  webidl.configureInterface(Class);
  core.defineGlobal(Class.name, Class);
}
core.inspect.showAttributes(TransformStream, ['readable', 'writable']);

// A transform stream inside of another interface: { readable, writable, controller }. `transform(chunk, controller)` and
// `flush(controller)` may throw or return promises.
function makeTransform({ transform, flush }) {
  const controller = createTransform({
    __proto__: null,
    transform: (chunk) => promiseCall(transform, undefined, [chunk, controller]),
    flush: () => promiseCall(flush, undefined, [controller]),
    cancel: resolvedPromise,
  });
  const { stream } = controller;
  // A transform that waits for room must not keep the stream from being aborted.
  stream.writable.onErroring = () => unblockWrite(stream);
  stream.start.resolve(undefined);
  return { __proto__: null, readable: stream.readable.object, writable: stream.writable.object };
}

// A promise for the time when more is wanted, or undefined where that is now. It is kept too when nothing is wanted any
// more, which `isWanted` tells.
const roomAfterTransform = ({ stream }) => (stream.backpressure ? stream.backpressureChange.promise : undefined);
const isWanted = ({ stream }) =>
  readable.canCloseOrEnqueue(stream.readable.controller) && stream.writable.state === 'writable';

Object.assign(streamInternals, {
  enqueueChunk: (chunk, controller) => enqueue(controller, chunk),
  enqueueTransformed: enqueue,
  isWanted,
  makeTransform,
  roomAfterTransform,
});

// The Streams standard: WritableStream, its writer and its controller (section 5).

const { abort, webidl, streamInternals } = core;
const {
  Deferred, Queue, checkSize, convertStrategy, highWaterMarkOf, markHandled, optionalObject, promiseCall,
  rejectedTypeError, resolvedPromise, sizeAlgorithmOf,
} = streamInternals;
const { Promise, PromisePrototypeThen, PromiseReject, RangeError, ReflectApply, TypeError } = core.primordials;

class StreamState {
  state = 'writable';
  storedError = undefined;
  writer = undefined;
  controller = undefined;
  writeRequests = new Queue();
  inFlightWrite = undefined;
  closeRequest = undefined;
  inFlightClose = undefined;
  pendingAbort = undefined;
  backpressure = false;
  object = undefined;
  // Called when the stream begins to be errored.
  onErroring = undefined;
}

class ControllerState {
  stream;
  writeAlgorithm;
  closeAlgorithm;
  abortAlgorithm;
  highWaterMark;
  sizeAlgorithm;
  queue = new Queue();
  started = false;
  signal = undefined;
  // [reason], once the stream has been aborted.
  aborted = undefined;
  object = undefined;

  constructor(stream, algorithms, highWaterMark, sizeAlgorithm) {
    this.stream = stream;
    this.writeAlgorithm = algorithms.write;
    this.closeAlgorithm = algorithms.close;
    this.abortAlgorithm = algorithms.abort;
    this.highWaterMark = highWaterMark;
    this.sizeAlgorithm = sizeAlgorithm;
  }
}

class WriterState {
  stream;
  closed;
  ready;
  constructor(stream) {
    this.stream = stream;
    this.closed = undefined;
    this.ready = undefined;
  }
}

// Stands in a controller's queue for the end.
const closeSentinel = { __proto__: null };

const closeQueuedOrInFlight = (stream) => stream.closeRequest !== undefined || stream.inFlightClose !== undefined;

// ---- Streams ----

// `algorithms`: { start, write(chunk), close(), abort(reason) }; all but start return promises.
function createStream(algorithms, highWaterMark, sizeAlgorithm, object = undefined) {
  const stream = new StreamState();
  stream.object = object ?? makeObject(stream);
  const controller = new ControllerState(stream, algorithms, highWaterMark, sizeAlgorithm);
  stream.controller = controller;
  updateBackpressure(stream, getBackpressure(controller));
  const result = algorithms.start(controller);
  // Not PromiseResolve: a promise takes its time here, which can be observed.
  const started = new Promise((resolve) => resolve(result));
  PromisePrototypeThen(started, () => {
    controller.started = true;
    advanceQueue(controller);
  }, (error) => {
    controller.started = true;
    dealWithRejection(stream, error);
  });
  return stream;
}

function abortStream(stream, reason) {
  if (stream.state === 'closed' || stream.state === 'errored') return resolvedPromise();
  const { controller } = stream;
  controller.aborted = [reason];
  if (controller.signal !== undefined) abort.signalAbort(controller.signal, reason);
  const { state } = stream;
  if (state === 'closed' || state === 'errored') return resolvedPromise();
  if (stream.pendingAbort !== undefined) return stream.pendingAbort.deferred.promise;
  const wasAlreadyErroring = state === 'erroring';
  const deferred = new Deferred();
  stream.pendingAbort = {
    __proto__: null, deferred, reason: wasAlreadyErroring ? undefined : reason, wasAlreadyErroring,
  };
  if (!wasAlreadyErroring) startErroring(stream, reason);
  return deferred.promise;
}

function closeStream(stream) {
  if (stream.state === 'closed' || stream.state === 'errored') {
    return rejectedTypeError(`The stream is ${stream.state} and cannot be closed`);
  }
  const deferred = stream.closeRequest = new Deferred();
  const { writer, controller } = stream;
  if (writer !== undefined && stream.backpressure && stream.state === 'writable') writer.ready.resolve(undefined);
  controller.queue.push(closeSentinel, 0);
  advanceQueue(controller);
  return deferred.promise;
}

function dealWithRejection(stream, error) {
  if (stream.state === 'writable') startErroring(stream, error);
  else finishErroring(stream);
}

function startErroring(stream, reason) {
  const { controller, writer } = stream;
  stream.state = 'erroring';
  stream.storedError = reason;
  if (writer !== undefined) ensureReadyRejected(writer, reason);
  if (stream.onErroring !== undefined) stream.onErroring();
  if (stream.inFlightWrite === undefined && stream.inFlightClose === undefined && controller.started) {
    finishErroring(stream);
  }
}

function finishErroring(stream) {
  if (stream.state !== 'erroring' || stream.inFlightWrite !== undefined || stream.inFlightClose !== undefined) return;
  stream.state = 'errored';
  const { controller, storedError, pendingAbort } = stream;
  controller.queue.clear();
  while (stream.writeRequests.length > 0) stream.writeRequests.shift().reject(storedError);
  if (pendingAbort === undefined) {
    rejectCloseAndClosed(stream);
    return;
  }
  stream.pendingAbort = undefined;
  if (pendingAbort.wasAlreadyErroring) {
    pendingAbort.deferred.reject(storedError);
    rejectCloseAndClosed(stream);
    return;
  }
  const aborted = controller.abortAlgorithm(pendingAbort.reason);
  clearAlgorithms(controller);
  PromisePrototypeThen(aborted, () => {
    pendingAbort.deferred.resolve(undefined);
    rejectCloseAndClosed(stream);
  }, (error) => {
    pendingAbort.deferred.reject(error);
    rejectCloseAndClosed(stream);
  });
}

function rejectCloseAndClosed(stream) {
  if (stream.closeRequest !== undefined) {
    stream.closeRequest.reject(stream.storedError);
    stream.closeRequest = undefined;
  }
  if (stream.writer !== undefined) {
    stream.writer.closed.reject(stream.storedError);
    markHandled(stream.writer.closed.promise);
  }
}

function finishInFlightClose(stream) {
  stream.inFlightClose.resolve(undefined);
  stream.inFlightClose = undefined;
  if (stream.state === 'erroring') {
    stream.storedError = undefined;
    if (stream.pendingAbort !== undefined) {
      stream.pendingAbort.deferred.resolve(undefined);
      stream.pendingAbort = undefined;
    }
  }
  stream.state = 'closed';
  if (stream.writer !== undefined) stream.writer.closed.resolve(undefined);
}

function finishInFlightCloseWithError(stream, error) {
  stream.inFlightClose.reject(error);
  stream.inFlightClose = undefined;
  if (stream.pendingAbort !== undefined) {
    stream.pendingAbort.deferred.reject(error);
    stream.pendingAbort = undefined;
  }
  dealWithRejection(stream, error);
}

function updateBackpressure(stream, backpressure) {
  const { writer } = stream;
  if (writer !== undefined && backpressure !== stream.backpressure) {
    if (backpressure) writer.ready = new Deferred();
    else writer.ready.resolve(undefined);
  }
  stream.backpressure = backpressure;
}

// ---- Controllers ----

const desiredSizeOf = (controller) => controller.highWaterMark - controller.queue.totalSize;
const getBackpressure = (controller) => desiredSizeOf(controller) <= 0;

function clearAlgorithms(controller) {
  controller.writeAlgorithm = undefined;
  controller.closeAlgorithm = undefined;
  controller.abortAlgorithm = undefined;
  controller.sizeAlgorithm = undefined;
}

function controllerError(controller, error) {
  clearAlgorithms(controller);
  startErroring(controller.stream, error);
}

function controllerErrorIfNeeded(controller, error) {
  if (controller.stream.state === 'writable') controllerError(controller, error);
}

function advanceQueue(controller) {
  const { stream } = controller;
  if (!controller.started || stream.inFlightWrite !== undefined) return;
  if (stream.state === 'erroring') {
    finishErroring(stream);
    return;
  }
  if (controller.queue.length === 0) return;
  const value = controller.queue.peek();
  if (value === closeSentinel) processClose(controller);
  else processWrite(controller, value);
}

function processClose(controller) {
  const { stream } = controller;
  stream.inFlightClose = stream.closeRequest;
  stream.closeRequest = undefined;
  controller.queue.shift();
  const closed = controller.closeAlgorithm();
  clearAlgorithms(controller);
  PromisePrototypeThen(closed, () => finishInFlightClose(stream),
    (error) => finishInFlightCloseWithError(stream, error));
}

function processWrite(controller, chunk) {
  const { stream } = controller;
  stream.inFlightWrite = stream.writeRequests.shift();
  PromisePrototypeThen(controller.writeAlgorithm(chunk), () => {
    stream.inFlightWrite.resolve(undefined);
    stream.inFlightWrite = undefined;
    controller.queue.shift();
    if (!closeQueuedOrInFlight(stream) && stream.state === 'writable') {
      updateBackpressure(stream, getBackpressure(controller));
    }
    advanceQueue(controller);
  }, (error) => {
    if (stream.state === 'writable') clearAlgorithms(controller);
    stream.inFlightWrite.reject(error);
    stream.inFlightWrite = undefined;
    dealWithRejection(stream, error);
  });
}

function chunkSize(controller, chunk) {
  const { sizeAlgorithm } = controller;
  if (sizeAlgorithm === undefined) return 1;
  try {
    return sizeAlgorithm(chunk);
  } catch (error) {
    controllerErrorIfNeeded(controller, error);
    return 1;
  }
}

function controllerWrite(controller, chunk, size) {
  try {
    controller.queue.push(chunk, checkSize(size));
  } catch (error) {
    controllerErrorIfNeeded(controller, error);
    return;
  }
  const { stream } = controller;
  if (!closeQueuedOrInFlight(stream) && stream.state === 'writable') {
    updateBackpressure(stream, getBackpressure(controller));
  }
  advanceQueue(controller);
}

// ---- Writers ----

function setUpWriter(stream) {
  if (stream.writer !== undefined) throw new TypeError('The stream is locked by a writer already');
  const writer = new WriterState(stream);
  stream.writer = writer;
  const { state } = stream;
  if (state === 'writable') {
    writer.ready = !closeQueuedOrInFlight(stream) && stream.backpressure ? new Deferred() : Deferred.resolved();
    writer.closed = new Deferred();
  } else if (state === 'erroring') {
    writer.ready = Deferred.rejected(stream.storedError);
    writer.closed = new Deferred();
  } else if (state === 'closed') {
    writer.ready = Deferred.resolved();
    writer.closed = Deferred.resolved();
  } else {
    writer.ready = Deferred.rejected(stream.storedError);
    writer.closed = Deferred.rejected(stream.storedError);
  }
  return writer;
}

function ensureReadyRejected(writer, error) {
  if (!writer.ready.isPending) writer.ready = new Deferred();
  writer.ready.reject(error);
  markHandled(writer.ready.promise);
}

function ensureClosedRejected(writer, error) {
  if (!writer.closed.isPending) writer.closed = new Deferred();
  writer.closed.reject(error);
  markHandled(writer.closed.promise);
}

function writerRelease(writer) {
  const { stream } = writer;
  const error = new TypeError('The writer has been released');
  ensureReadyRejected(writer, error);
  ensureClosedRejected(writer, error);
  stream.writer = undefined;
  writer.stream = undefined;
}

// As readable.letGo for a reader.
function writerLetGo(writer) {
  writer.stream.writer = undefined;
  writer.stream = undefined;
}

function writerCloseWithErrorPropagation(writer) {
  const { stream } = writer;
  if (closeQueuedOrInFlight(stream) || stream.state === 'closed') return resolvedPromise();
  if (stream.state === 'errored') return PromiseReject(stream.storedError);
  return closeStream(stream);
}

function writerWrite(writer, chunk) {
  const { stream } = writer;
  const { controller } = stream;
  const size = chunkSize(controller, chunk);
  if (stream !== writer.stream) return rejectedTypeError('The writer has been released');
  if (stream.state === 'errored') return PromiseReject(stream.storedError);
  if (closeQueuedOrInFlight(stream) || stream.state === 'closed') {
    return rejectedTypeError('The stream is closing or closed');
  }
  if (stream.state === 'erroring') return PromiseReject(stream.storedError);
  const deferred = new Deferred();
  stream.writeRequests.push(deferred);
  controllerWrite(controller, chunk, size);
  return deferred.promise;
}

// ---- What scripts see ----

const convertSink = webidl.dictionary('UnderlyingSink', [
  { key: 'start', convert: webidl.callbackFunction },
  { key: 'write', convert: webidl.callbackFunction },
  { key: 'close', convert: webidl.callbackFunction },
  { key: 'abort', convert: webidl.callbackFunction },
  { key: 'type', convert: webidl.any },
]);

let makeObject;
let stateOf;

class WritableStream {
  #stream;

  constructor(underlyingSink = undefined, strategy = {}) {
    if (underlyingSink === streamInternals) {
      this.#stream = strategy;
      return;
    }
    const context = "Failed to construct 'WritableStream'";
    const sink = optionalObject(underlyingSink, `${context}: Argument 1`);
    strategy = convertStrategy(strategy, `${context}: Argument 2`);
    const { start, write, close, abort: abortSink, type } = convertSink(sink, `${context}: Argument 1`);
    if (type !== undefined) throw new RangeError(`${context}: 'type' is reserved`);
    const sizeAlgorithm = sizeAlgorithmOf(strategy);
    const highWaterMark = highWaterMarkOf(strategy, 1);
    let controllerObject;
    createStream({
      __proto__: null,
      start: (controller) => {
        this.#stream = controller.stream;
        controllerObject = new WritableStreamDefaultController(streamInternals, controller);
        return start === undefined ? undefined : ReflectApply(start, sink, [controllerObject]);
      },
      write: write === undefined ? resolvedPromise : (chunk) => promiseCall(write, sink, [chunk, controllerObject]),
      close: close === undefined ? resolvedPromise : () => promiseCall(close, sink, []),
      abort: abortSink === undefined ? resolvedPromise : (reason) => promiseCall(abortSink, sink, [reason]),
    }, highWaterMark, sizeAlgorithm, this);
  }

  get locked() {
    return this.#stream.writer !== undefined;
  }

  abort(reason = undefined) {
    if (!isWritableStream(this)) return PromiseReject(webidl.illegalInvocation('WritableStream'));
    if (this.#stream.writer !== undefined) return rejectedTypeError('A stream that is locked cannot be aborted');
    return abortStream(this.#stream, reason);
  }

  close() {
    if (!isWritableStream(this)) return PromiseReject(webidl.illegalInvocation('WritableStream'));
    if (this.#stream.writer !== undefined) return rejectedTypeError('A stream that is locked cannot be closed');
    if (closeQueuedOrInFlight(this.#stream)) return rejectedTypeError('The stream is closing already');
    return closeStream(this.#stream);
  }

  getWriter() {
    if (!isWritableStream(this)) throw webidl.illegalInvocation('WritableStream');
    return new WritableStreamDefaultWriter(this);
  }

  static {
    makeObject = (state) => new WritableStream(streamInternals, state);
    stateOf = (object) => (webidl.isObject(object) && #stream in object ? object.#stream : undefined);
  }
}

const isWritableStream = (value) => stateOf(value) !== undefined;

class WritableStreamDefaultWriter {
  #writer;

  constructor(stream) {
    const context = "Failed to construct 'WritableStreamDefaultWriter'";
    webidl.requiredArguments(arguments.length, 1, context);
    const state = stateOf(stream);
    if (state === undefined) throw new TypeError(`${context}: Argument 1 is not of type 'WritableStream'`);
    this.#writer = setUpWriter(state);
  }

  get closed() {
    if (!WritableStreamDefaultWriter.#is(this)) return WritableStreamDefaultWriter.#refuse();
    return this.#writer.closed.promise;
  }

  get desiredSize() {
    const { stream } = this.#writer;
    if (stream === undefined) throw new TypeError('The writer has been released');
    if (stream.state === 'errored' || stream.state === 'erroring') return null;
    return stream.state === 'closed' ? 0 : desiredSizeOf(stream.controller);
  }

  get ready() {
    if (!WritableStreamDefaultWriter.#is(this)) return WritableStreamDefaultWriter.#refuse();
    return this.#writer.ready.promise;
  }

  abort(reason = undefined) {
    if (!WritableStreamDefaultWriter.#is(this)) return WritableStreamDefaultWriter.#refuse();
    const { stream } = this.#writer;
    return stream === undefined ? WritableStreamDefaultWriter.#released() : abortStream(stream, reason);
  }

  close() {
    if (!WritableStreamDefaultWriter.#is(this)) return WritableStreamDefaultWriter.#refuse();
    const { stream } = this.#writer;
    if (stream === undefined) return WritableStreamDefaultWriter.#released();
    if (closeQueuedOrInFlight(stream)) return rejectedTypeError('The stream is closing already');
    return closeStream(stream);
  }

  releaseLock() {
    if (!WritableStreamDefaultWriter.#is(this)) throw webidl.illegalInvocation('WritableStreamDefaultWriter');
    if (this.#writer.stream !== undefined) writerRelease(this.#writer);
  }

  write(chunk = undefined) {
    if (!WritableStreamDefaultWriter.#is(this)) return WritableStreamDefaultWriter.#refuse();
    if (this.#writer.stream === undefined) return WritableStreamDefaultWriter.#released();
    return writerWrite(this.#writer, chunk);
  }

  static #is = (value) => webidl.isObject(value) && #writer in value;
  static #refuse = () => PromiseReject(webidl.illegalInvocation('WritableStreamDefaultWriter'));
  static #released = () => rejectedTypeError('The writer has been released');
}

class WritableStreamDefaultController {
  #controller;

  constructor(key = undefined, controller = undefined) {
    if (key !== streamInternals) throw new TypeError('Illegal constructor');
    this.#controller = controller;
  }

  get signal() {
    const controller = this.#controller;
    if (controller.signal === undefined) {
      controller.signal = abort.makeSignal();
      if (controller.aborted !== undefined) abort.signalAbort(controller.signal, controller.aborted[0]);
    }
    return controller.signal;
  }

  error(reason = undefined) {
    if (!(#controller in this)) throw webidl.illegalInvocation('WritableStreamDefaultController');
    if (this.#controller.stream.state === 'writable') controllerError(this.#controller, reason);
  }
}

for (const Class of [WritableStream, WritableStreamDefaultController, WritableStreamDefaultWriter]) {
  webidl.configureInterface(Class);
  core.defineGlobal(Class.name, Class);
}
core.inspect.showAttributes(WritableStream, ['locked']);

streamInternals.writable = {
  __proto__: null,
  abortStream,
  closeQueuedOrInFlight,
  controllerErrorIfNeeded,
  createStream,
  setUpWriter,
  stateOf,
  writerCloseWithErrorPropagation,
  writerLetGo,
  writerWrite,
};

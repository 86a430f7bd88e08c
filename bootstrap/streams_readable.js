// The Streams standard: ReadableStream, its default reader and default controller (section 4). Byte streams are in
// streams_byte.js, piping and teeing in streams_pipe.js.

const { webidl, streamInternals } = core;
const { Deferred, Queue, checkSize, ignore, markHandled, rejectedTypeError, resolvedPromise } = streamInternals;
const { ObjectSetPrototypeOf, Promise, PromisePrototypeThen, PromiseReject, TypeError } = core.primordials;

class StreamState {
  state = 'readable';
  storedError = undefined;
  reader = undefined;
  controller = undefined;
  disturbed = false;
  object = undefined;
}

// The default controller's state; the byte controller's has the same methods (`isByte` tells them apart).
class ControllerState {
  stream;
  pullAlgorithm;
  cancelAlgorithm;
  highWaterMark;
  sizeAlgorithm;
  isByte = false;
  queue = new Queue();
  started = false;
  closeRequested = false;
  pullAgain = false;
  pulling = false;
  onPulled = undefined;
  onPullFailed = undefined;

  constructor(stream, algorithms, highWaterMark, sizeAlgorithm) {
    this.stream = stream;
    this.pullAlgorithm = algorithms.pull;
    this.cancelAlgorithm = algorithms.cancel;
    this.highWaterMark = highWaterMark;
    this.sizeAlgorithm = sizeAlgorithm;
  }

  cancelSteps(reason) {
    this.queue.clear();
    const result = this.cancelAlgorithm(reason);
    clearAlgorithms(this);
    return result;
  }

  pullSteps(request) {
    const { stream, queue } = this;
    if (queue.length === 0) {
      stream.reader.requests.push(request);
      callPullIfNeeded(this);
      return;
    }
    const chunk = queue.shift();
    if (this.closeRequested && queue.length === 0) {
      clearAlgorithms(this);
      close(stream);
    } else {
      callPullIfNeeded(this);
    }
    request.chunk(chunk);
  }

  releaseSteps() {}
}

// A reader's state, of either kind. A request is an object with the methods chunk(value), close(value) and error(reason).
class ReaderState {
  stream;
  isByob;
  requests = new Queue();
  closed = undefined;

  constructor(stream, isByob) {
    this.isByob = isByob;
    this.stream = stream;
    stream.reader = this;
    if (stream.state === 'readable') this.closed = new Deferred();
    else if (stream.state === 'closed') this.closed = Deferred.resolved();
    else this.closed = Deferred.rejected(stream.storedError);
  }
}

// ---- Streams ----

// `algorithms`: { start(controller), pull(controller), cancel(reason) }; the last two return promises.
function createStream(algorithms, highWaterMark, sizeAlgorithm, object = undefined) {
  const stream = new StreamState();
  stream.object = object ?? streamInternals.readable.makeObject(stream);
  setUpController(stream, new ControllerState(stream, algorithms, highWaterMark, sizeAlgorithm), algorithms,
    callPullIfNeeded, error);
  return stream;
}

// The common end of SetUpReadableStreamDefaultController and SetUpReadableByteStreamController.
function setUpController(stream, controller, algorithms, pullIfNeeded, controllerError) {
  stream.controller = controller;
  const result = algorithms.start(controller);
  // Not PromiseResolve: a promise takes its time here, which can be observed.
  const started = new Promise((resolve) => resolve(result));
  PromisePrototypeThen(started, () => {
    controller.started = true;
    pullIfNeeded(controller);
  }, (reason) => controllerError(controller, reason));
}

// CallPullIfNeeded of both kinds of controllers.
const puller = (shouldPull, controllerError) => function pullIfNeeded(controller) {
  if (!shouldPull(controller)) return;
  if (controller.pulling) {
    controller.pullAgain = true;
    return;
  }
  controller.pulling = true;
  if (controller.onPulled === undefined) {
    // Made once for all pulls.
    controller.onPulled = () => {
      controller.pulling = false;
      if (!controller.pullAgain) return;
      controller.pullAgain = false;
      pullIfNeeded(controller);
    };
    controller.onPullFailed = (reason) => controllerError(controller, reason);
  }
  PromisePrototypeThen(controller.pullAlgorithm(controller), controller.onPulled, controller.onPullFailed);
};

const isLocked = (stream) => stream.reader !== undefined;

function cancel(stream, reason) {
  stream.disturbed = true;
  if (stream.state === 'closed') return resolvedPromise();
  if (stream.state === 'errored') return PromiseReject(stream.storedError);
  close(stream);
  const { reader } = stream;
  if (reader !== undefined && reader.isByob) {
    const { requests } = reader;
    reader.requests = new Queue();
    while (requests.length > 0) requests.shift().close(undefined);
  }
  return PromisePrototypeThen(stream.controller.cancelSteps(reason), ignore);
}

function close(stream) {
  stream.state = 'closed';
  const { reader } = stream;
  if (reader === undefined) return;
  reader.closed.resolve(undefined);
  if (reader.isByob) return;
  const { requests } = reader;
  reader.requests = new Queue();
  while (requests.length > 0) requests.shift().close();
}

function errorStream(stream, reason) {
  stream.state = 'errored';
  stream.storedError = reason;
  const { reader } = stream;
  if (reader === undefined) return;
  reader.closed.reject(reason);
  markHandled(reader.closed.promise);
  errorRequests(reader, reason);
}

function errorRequests(reader, reason) {
  const { requests } = reader;
  reader.requests = new Queue();
  while (requests.length > 0) requests.shift().error(reason);
}

// ---- Default controllers ----

function clearAlgorithms(controller) {
  controller.pullAlgorithm = undefined;
  controller.cancelAlgorithm = undefined;
  controller.sizeAlgorithm = undefined;
}

const canCloseOrEnqueue = (controller) => !controller.closeRequested && controller.stream.state === 'readable';

function desiredSize(controller) {
  const { state } = controller.stream;
  if (state === 'errored') return null;
  return state === 'closed' ? 0 : controller.highWaterMark - controller.queue.totalSize;
}

function shouldPull(controller) {
  if (!canCloseOrEnqueue(controller) || !controller.started) return false;
  const { reader } = controller.stream;
  if (reader !== undefined && reader.requests.length > 0) return true;
  return desiredSize(controller) > 0;
}

const callPullIfNeeded = puller(shouldPull, error);

function controllerClose(controller) {
  if (!canCloseOrEnqueue(controller)) return;
  controller.closeRequested = true;
  if (controller.queue.length > 0) return;
  clearAlgorithms(controller);
  close(controller.stream);
}

function enqueue(controller, chunk) {
  if (!canCloseOrEnqueue(controller)) return;
  const { reader } = controller.stream;
  if (reader !== undefined && reader.requests.length > 0) {
    reader.requests.shift().chunk(chunk);
  } else {
    const { sizeAlgorithm } = controller;
    try {
      controller.queue.push(chunk, sizeAlgorithm === undefined ? 1 : checkSize(sizeAlgorithm(chunk)));
    } catch (reason) {
      error(controller, reason);
      throw reason;
    }
  }
  callPullIfNeeded(controller);
}

function error(controller, reason) {
  if (controller.stream.state !== 'readable') return;
  controller.queue.clear();
  clearAlgorithms(controller);
  errorStream(controller.stream, reason);
}

// ---- Readers ----

function acquireDefaultReader(stream) {
  if (isLocked(stream)) throw new TypeError('The stream is locked by a reader already');
  return new ReaderState(stream, false);
}

function read(reader, request) {
  const { stream } = reader;
  stream.disturbed = true;
  if (stream.state === 'closed') request.close();
  else if (stream.state === 'errored') request.error(stream.storedError);
  else stream.controller.pullSteps(request);
}

// Releases a reader that no script has and whose requests wait for nothing. Nobody could see what release() does
// besides, to promises, which takes an error with a stack.
function letGo(reader) {
  const { stream } = reader;
  stream.controller.releaseSteps();
  stream.reader = undefined;
  reader.stream = undefined;
}

// ReadableStreamDefaultReaderRelease and ReadableStreamBYOBReaderRelease.
function release(reader) {
  const { stream } = reader;
  const reason = new TypeError('The reader has been released');
  if (stream.state === 'readable') {
    reader.closed.reject(reason);
    markHandled(reader.closed.promise);
  } else {
    reader.closed = Deferred.rejected(reason);
  }
  letGo(reader);
  errorRequests(reader, reason);
}

// { value, done } that inherits nothing: a promise would take a `then` of Object.prototype for its own.
class InternalResult {
  value;
  done;
  constructor(value, done) {
    this.value = value;
    this.done = done;
  }
}
ObjectSetPrototypeOf(InternalResult.prototype, null);

const makeResult = (value, done) => ({ value, done });
const makeInternalResult = (value, done) => new InternalResult(value, done);

// A request whose outcome is a promise of { value, done }.
class PromiseRequest {
  promise;
  #resolve;
  #reject;
  #makeResult;
  constructor(make = makeResult) {
    this.#makeResult = make;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }
  chunk(value) {
    this.#resolve(this.#makeResult(value, false));
  }
  close(value = undefined) {
    this.#resolve(this.#makeResult(value, true));
  }
  error(reason) {
    this.#reject(reason);
  }
}

function readPromise(reader, make) {
  if (reader.stream === undefined) return rejectedTypeError('The reader has been released');
  const request = new PromiseRequest(make);
  read(reader, request);
  return request.promise;
}

// The same where no script sees the result.
const readForUs = (reader) => readPromise(reader, makeInternalResult);

function cancelByReader(reader, reason) {
  const { stream } = reader;
  return stream === undefined ? rejectedTypeError('The reader has been released') : cancel(stream, reason);
}

class ReadableStreamDefaultReader {
  #reader;

  constructor(stream) {
    const context = "Failed to construct 'ReadableStreamDefaultReader'";
    webidl.requiredArguments(arguments.length, 1, context);
    const state = streamInternals.readable.stateOf(stream);
    if (state === undefined) throw new TypeError(`${context}: Argument 1 is not of type 'ReadableStream'`);
    this.#reader = acquireDefaultReader(state);
  }

  get closed() {
    if (!ReadableStreamDefaultReader.#is(this)) return ReadableStreamDefaultReader.#refuse();
    return this.#reader.closed.promise;
  }

  cancel(reason = undefined) {
    if (!ReadableStreamDefaultReader.#is(this)) return ReadableStreamDefaultReader.#refuse();
    return cancelByReader(this.#reader, reason);
  }

  read() {
    if (!ReadableStreamDefaultReader.#is(this)) return ReadableStreamDefaultReader.#refuse();
    return readPromise(this.#reader);
  }

  releaseLock() {
    if (!ReadableStreamDefaultReader.#is(this)) throw webidl.illegalInvocation('ReadableStreamDefaultReader');
    if (this.#reader.stream !== undefined) release(this.#reader);
  }

  static #is = (value) => webidl.isObject(value) && #reader in value;
  static #refuse = () => PromiseReject(webidl.illegalInvocation('ReadableStreamDefaultReader'));
}

class ReadableStreamDefaultController {
  #controller;

  constructor(key = undefined, controller = undefined) {
    if (key !== streamInternals) throw new TypeError('Illegal constructor');
    this.#controller = controller;
  }

  get desiredSize() {
    return desiredSize(this.#controller);
  }

  close() {
    if (!canCloseOrEnqueue(this.#controller)) throw new TypeError('The stream is closed or errored, or about to be');
    controllerClose(this.#controller);
  }

  enqueue(chunk = undefined) {
    if (!canCloseOrEnqueue(this.#controller)) throw new TypeError('The stream is closed or errored, or about to be');
    enqueue(this.#controller, chunk);
  }

  error(reason = undefined) {
    error(this.#controller, reason);
  }
}

for (const Class of [ReadableStreamDefaultController, ReadableStreamDefaultReader]) {
  webidl.configureInterface(Class);
  core.defineGlobal(Class.name, Class);
}

// streams.js adds `stateOf` and `makeObject`.
streamInternals.readable = {
  __proto__: null,
  DefaultController: ReadableStreamDefaultController,
  DefaultReader: ReadableStreamDefaultReader,
  PromiseRequest,
  ReaderState,
  StreamState,
  acquireDefaultReader,
  cancel,
  cancelByReader,
  canCloseOrEnqueue,
  close,
  controllerClose,
  createStream,
  desiredSize,
  enqueue,
  error,
  errorStream,
  isLocked,
  letGo,
  puller,
  read,
  readForUs,
  release,
  setUpController,
  shouldPull,
};

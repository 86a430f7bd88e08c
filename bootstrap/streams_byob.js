// The Streams standard: ReadableByteStreamController, ReadableStreamBYOBReader and ReadableStreamBYOBRequest (sections
// 4.5, 4.7, 4.8).

const { webidl, streamInternals } = core;
const { rejectedTypeError } = streamInternals;
const { PromiseRequest, cancelByReader, release } = streamInternals.readable;
const {
  acquireByobReader, byobRequestOf, controllerClose, describeView, desiredSize, enqueue, error, isDetached, lengthOf,
  readInto, respond, respondWithNewView,
} = streamInternals.bytes;
const { PromiseReject, RangeError, TypeError, TypedArrayPrototypeGetBuffer } = core.primordials;

const convertReadOptions = webidl.dictionary('ReadableStreamBYOBReaderReadOptions', [{
  key: 'min',
  convert: (value, context) => webidl.unsignedLongLong(value, context, webidl.enforceRange),
  default: 1,
}]);

class ReadableStreamBYOBReader {
  #reader;

  constructor(stream) {
    const context = "Failed to construct 'ReadableStreamBYOBReader'";
    webidl.requiredArguments(arguments.length, 1, context);
    const state = streamInternals.readable.stateOf(stream);
    if (state === undefined) throw new TypeError(`${context}: Argument 1 is not of type 'ReadableStream'`);
    this.#reader = acquireByobReader(state);
  }

  get closed() {
    if (!ReadableStreamBYOBReader.#is(this)) return ReadableStreamBYOBReader.#refuse();
    return this.#reader.closed.promise;
  }

  cancel(reason = undefined) {
    if (!ReadableStreamBYOBReader.#is(this)) return ReadableStreamBYOBReader.#refuse();
    return cancelByReader(this.#reader, reason);
  }

  read(view, options = {}) {
    if (!ReadableStreamBYOBReader.#is(this)) return ReadableStreamBYOBReader.#refuse();
    try {
      const context = "Failed to execute 'read' on 'ReadableStreamBYOBReader'";
      webidl.requiredArguments(arguments.length, 1, context);
      webidl.ArrayBufferView(view, `${context}: Argument 1`);
      const { min } = convertReadOptions(options, `${context}: Argument 2`);
      const { buffer, byteLength, size } = describeView(view);
      if (byteLength === 0) throw new TypeError(`${context}: The view is empty`);
      if (lengthOf(buffer) === 0) throw new TypeError(`${context}: The buffer of the view is empty`);
      if (isDetached(buffer)) throw new TypeError(`${context}: The buffer of the view is detached`);
      if (min === 0) throw new TypeError(`${context}: 'min' is 0`);
      if (min > byteLength / size) throw new RangeError(`${context}: 'min' is more than the view has room for`);
      if (this.#reader.stream === undefined) return rejectedTypeError('The reader has been released');
      const request = new PromiseRequest();
      readInto(this.#reader, view, min, request);
      return request.promise;
    } catch (reason) {
      return PromiseReject(reason);
    }
  }

  releaseLock() {
    if (!ReadableStreamBYOBReader.#is(this)) throw webidl.illegalInvocation('ReadableStreamBYOBReader');
    if (this.#reader.stream !== undefined) release(this.#reader);
  }

  static #is = (value) => webidl.isObject(value) && #reader in value;
  static #refuse = () => PromiseReject(webidl.illegalInvocation('ReadableStreamBYOBReader'));
}

let detachRequest;
let requestView;

class ReadableStreamBYOBRequest {
  #controller;
  #view;

  constructor(key = undefined, controller = undefined, view = undefined) {
    if (key !== streamInternals) throw new TypeError('Illegal constructor');
    this.#controller = controller;
    this.#view = view;
  }

  get view() {
    return this.#view;
  }

  respond(bytesWritten) {
    if (!(#view in this)) throw webidl.illegalInvocation('ReadableStreamBYOBRequest');
    const context = "Failed to execute 'respond' on 'ReadableStreamBYOBRequest'";
    webidl.requiredArguments(arguments.length, 1, context);
    bytesWritten = webidl.unsignedLongLong(bytesWritten, `${context}: Argument 1`, webidl.enforceRange);
    if (this.#controller === undefined) throw new TypeError(`${context}: The request has been answered`);
    if (isDetached(TypedArrayPrototypeGetBuffer(this.#view))) {
      throw new TypeError(`${context}: The buffer of the view is detached`);
    }
    respond(this.#controller, bytesWritten);
  }

  respondWithNewView(view) {
    if (!(#view in this)) throw webidl.illegalInvocation('ReadableStreamBYOBRequest');
    const context = "Failed to execute 'respondWithNewView' on 'ReadableStreamBYOBRequest'";
    webidl.requiredArguments(arguments.length, 1, context);
    webidl.ArrayBufferView(view, `${context}: Argument 1`);
    if (this.#controller === undefined) throw new TypeError(`${context}: The request has been answered`);
    if (isDetached(describeView(view).buffer)) throw new TypeError(`${context}: The buffer of the view is detached`);
    respondWithNewView(this.#controller, view);
  }

  static {
    detachRequest = (request) => {
      request.#controller = undefined;
      request.#view = null;
    };
    requestView = (request) => request.#view;
  }
}

class ReadableByteStreamController {
  #controller;

  constructor(key = undefined, controller = undefined) {
    if (key !== streamInternals) throw new TypeError('Illegal constructor');
    this.#controller = controller;
  }

  get byobRequest() {
    return byobRequestOf(this.#controller);
  }

  get desiredSize() {
    return desiredSize(this.#controller);
  }

  close() {
    ReadableByteStreamController.#requireOpen(this.#controller);
    controllerClose(this.#controller);
  }

  enqueue(chunk) {
    if (!(#controller in this)) throw webidl.illegalInvocation('ReadableByteStreamController');
    const context = "Failed to execute 'enqueue' on 'ReadableByteStreamController'";
    webidl.requiredArguments(arguments.length, 1, context);
    webidl.ArrayBufferView(chunk, `${context}: Argument 1`);
    const { buffer, byteLength } = describeView(chunk);
    if (byteLength === 0) throw new TypeError(`${context}: The chunk is empty`);
    if (lengthOf(buffer) === 0) throw new TypeError(`${context}: The buffer of the chunk is empty`);
    ReadableByteStreamController.#requireOpen(this.#controller);
    enqueue(this.#controller, chunk);
  }

  error(reason = undefined) {
    error(this.#controller, reason);
  }

  static #requireOpen = (controller) => {
    if (controller.closeRequested || controller.stream.state !== 'readable') {
      throw new TypeError('The stream is closed or errored, or about to be');
    }
  };
}

for (const Class of [ReadableByteStreamController, ReadableStreamBYOBReader, ReadableStreamBYOBRequest]) {
  webidl.configureInterface(Class);
  core.defineGlobal(Class.name, Class);
}

Object.assign(streamInternals.bytes, {
  ByobReader: ReadableStreamBYOBReader,
  Controller: ReadableByteStreamController,
  detachRequest,
  makeRequest: (controller, view) => new ReadableStreamBYOBRequest(streamInternals, controller, view),
  requestView,
});

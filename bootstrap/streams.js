// The Streams standard, last part: the interface ReadableStream (section 4.2), its asynchronous iterator, and what the
// rest of the bootstrap needs of streams.

const { abort, inspect, webidl, streamInternals } = core;
const {
  convertStrategy, fromIterable, highWaterMarkOf, ignore, makeTransform, markHandled, optionalObject, pipeTo,
  promiseCall, rejectedTypeError, resolvedPromise, sizeAlgorithmOf, tee,
} = streamInternals;
const { bytes, readable, writable } = streamInternals;
const {
  AsyncIteratorPrototype, ObjectDefineProperty, ObjectSetPrototypeOf, Promise, PromisePrototypeThen, PromiseReject,
  PromiseResolve, RangeError, ReflectApply, SymbolAsyncIterator, SymbolToStringTag, TypeError,
  TypedArrayPrototypeGetByteLength,
} = core.primordials;

const ReadableStreamType = webidl.enumeration('ReadableStreamType', ['bytes']);
const convertSource = webidl.dictionary('UnderlyingSource', [
  { key: 'start', convert: webidl.callbackFunction },
  { key: 'pull', convert: webidl.callbackFunction },
  { key: 'cancel', convert: webidl.callbackFunction },
  { key: 'type', convert: ReadableStreamType },
  {
    key: 'autoAllocateChunkSize',
    convert: (value, context) => webidl.unsignedLongLong(value, context, webidl.enforceRange),
  },
]);
const convertReaderOptions = webidl.dictionary('ReadableStreamGetReaderOptions', [
  { key: 'mode', convert: webidl.enumeration('ReadableStreamReaderMode', ['byob']) },
]);
const convertPipeOptions = webidl.dictionary('StreamPipeOptions', [
  { key: 'preventClose', convert: webidl.boolean, default: false },
  { key: 'preventAbort', convert: webidl.boolean, default: false },
  { key: 'preventCancel', convert: webidl.boolean, default: false },
  { key: 'signal', convert: webidl.interfaceType('AbortSignal', abort.isAbortSignal) },
]);
const convertIteratorOptions = webidl.dictionary('ReadableStreamIteratorOptions', [
  { key: 'preventCancel', convert: webidl.boolean, default: false },
]);

const isReadable = (value) => readable.stateOf(value) !== undefined;
const isWritable = (value) => writable.stateOf(value) !== undefined;
const ReadableType = webidl.interfaceType('ReadableStream', isReadable);
const WritableType = webidl.interfaceType('WritableStream', isWritable);
const convertPair = webidl.dictionary('ReadableWritablePair', [
  { key: 'readable', convert: ReadableType, required: true },
  { key: 'writable', convert: WritableType, required: true },
]);

class ReadableStream {
  #stream;

  constructor(underlyingSource = undefined, strategy = {}) {
    if (underlyingSource === streamInternals) {
      this.#stream = strategy;
      return;
    }
    const context = "Failed to construct 'ReadableStream'";
    const source = optionalObject(underlyingSource, `${context}: Argument 1`);
    strategy = convertStrategy(strategy, `${context}: Argument 2`);
    const { start, pull, cancel, type, autoAllocateChunkSize } = convertSource(source, `${context}: Argument 1`);
    const isByte = type === 'bytes';
    if (isByte && strategy.size !== undefined) throw new RangeError(`${context}: A byte stream takes no 'size'`);
    const sizeAlgorithm = sizeAlgorithmOf(strategy);
    const highWaterMark = highWaterMarkOf(strategy, isByte ? 0 : 1);
    if (isByte && autoAllocateChunkSize === 0) throw new TypeError(`${context}: 'autoAllocateChunkSize' is 0`);
    let object;
    const algorithms = {
      start: (controller) => {
        this.#stream = controller.stream;
        object = new (isByte ? bytes.Controller : readable.DefaultController)(streamInternals, controller);
        return start === undefined ? undefined : ReflectApply(start, source, [object]);
      },
      pull: pull === undefined ? resolvedPromise : () => promiseCall(pull, source, [object]),
      cancel: cancel === undefined ? resolvedPromise : (reason) => promiseCall(cancel, source, [reason]),
    };
    if (isByte) bytes.createStream(algorithms, highWaterMark, autoAllocateChunkSize, this);
    else readable.createStream(algorithms, highWaterMark, sizeAlgorithm, this);
  }

  static from(asyncIterable) {
    webidl.requiredArguments(arguments.length, 1, "Failed to execute 'from' on 'ReadableStream'");
    return fromIterable(asyncIterable).object;
  }

  get locked() {
    return readable.isLocked(this.#stream);
  }

  cancel(reason = undefined) {
    if (!isReadable(this)) return PromiseReject(webidl.illegalInvocation('ReadableStream'));
    if (readable.isLocked(this.#stream)) return rejectedTypeError('A stream that is locked cannot be cancelled');
    return readable.cancel(this.#stream, reason);
  }

  getReader(options = {}) {
    if (!isReadable(this)) throw webidl.illegalInvocation('ReadableStream');
    const { mode } = convertReaderOptions(options, "Failed to execute 'getReader' on 'ReadableStream': Argument 1");
    return mode === undefined ? new readable.DefaultReader(this) : new bytes.ByobReader(this);
  }

  pipeThrough(transform, options = {}) {
    if (!isReadable(this)) throw webidl.illegalInvocation('ReadableStream');
    const context = "Failed to execute 'pipeThrough' on 'ReadableStream'";
    webidl.requiredArguments(arguments.length, 1, context);
    const pair = convertPair(transform, `${context}: Argument 1`);
    options = convertPipeOptions(options, `${context}: Argument 2`);
    const destination = writable.stateOf(pair.writable);
    if (readable.isLocked(this.#stream)) throw new TypeError(`${context}: The stream is locked`);
    if (destination.writer !== undefined) throw new TypeError(`${context}: The writable side is locked`);
    markHandled(pipeTo(this.#stream, destination, options, options.signal));
    return pair.readable;
  }

  pipeTo(destination, options = {}) {
    if (!isReadable(this)) return PromiseReject(webidl.illegalInvocation('ReadableStream'));
    try {
      const context = "Failed to execute 'pipeTo' on 'ReadableStream'";
      webidl.requiredArguments(arguments.length, 1, context);
      const to = writable.stateOf(WritableType(destination, `${context}: Argument 1`));
      options = convertPipeOptions(options, `${context}: Argument 2`);
      if (readable.isLocked(this.#stream)) throw new TypeError(`${context}: The stream is locked`);
      if (to.writer !== undefined) throw new TypeError(`${context}: The destination is locked`);
      return pipeTo(this.#stream, to, options, options.signal);
    } catch (error) {
      return PromiseReject(error);
    }
  }

  tee() {
    if (!isReadable(this)) throw webidl.illegalInvocation('ReadableStream');
    const branches = tee(this.#stream);
    return [branches[0].object, branches[1].object];
  }

  values(options = {}) {
    if (!isReadable(this)) throw webidl.illegalInvocation('ReadableStream');
    const { preventCancel } =
      convertIteratorOptions(options, "Failed to execute 'values' on 'ReadableStream': Argument 1");
    return new ReadableStreamAsyncIterator(readable.acquireDefaultReader(this.#stream), preventCancel);
  }

  static {
    readable.makeObject = (state) => new ReadableStream(streamInternals, state);
    readable.stateOf = (object) => (webidl.isObject(object) && #stream in object ? object.#stream : undefined);
  }
}
webidl.configureInterface(ReadableStream);
ObjectDefineProperty(ReadableStream.prototype, SymbolAsyncIterator, {
  __proto__: null, value: ReadableStream.prototype.values, writable: true, enumerable: false, configurable: true,
});
core.defineGlobal('ReadableStream', ReadableStream);
inspect.showAttributes(ReadableStream, ['locked']);

// Web IDL's asynchronous iterator (section 3.7.10): one step at a time, in the order of the calls.
class ReadableStreamAsyncIterator {
  #reader;
  #preventCancel;
  #ongoing = undefined;
  #isFinished = false;

  constructor(reader, preventCancel) {
    this.#reader = reader;
    this.#preventCancel = preventCancel;
  }

  static next(iterator) {
    if (!webidl.isObject(iterator) || !(#reader in iterator)) return ReadableStreamAsyncIterator.#refuse();
    return iterator.#enter(() => iterator.#next());
  }

  static return(iterator, value) {
    if (!webidl.isObject(iterator) || !(#reader in iterator)) return ReadableStreamAsyncIterator.#refuse();
    return PromisePrototypeThen(iterator.#enter(() => iterator.#return(value)), () => ({ value, done: true }));
  }

  static #refuse = () => PromiseReject(webidl.illegalInvocation('ReadableStream AsyncIterator'));

  #enter(step) {
    const promise = this.#ongoing === undefined ? step() : PromisePrototypeThen(this.#ongoing, step, step);
    this.#ongoing = promise;
    return promise;
  }

  #next() {
    if (this.#isFinished) return PromiseResolve({ value: undefined, done: true });
    const step = new Promise((resolve, reject) => readable.read(this.#reader, {
      chunk: (value) => resolve({ value, done: false }),
      close: () => {
        this.#finish();
        resolve({ value: undefined, done: true });
      },
      error: (reason) => {
        this.#finish();
        reject(reason);
      },
    }));
    // What follows comes after the source has had its turn, as in Web IDL.
    return PromisePrototypeThen(step, (result) => result);
  }

  #finish() {
    this.#isFinished = true;
    this.#ongoing = undefined;
    readable.letGo(this.#reader);
  }

  #return(value) {
    if (this.#isFinished) return resolvedPromise();
    this.#isFinished = true;
    if (this.#preventCancel) {
      readable.letGo(this.#reader);
      return resolvedPromise();
    }
    const cancelled = readable.cancelByReader(this.#reader, value);
    readable.letGo(this.#reader);
    return cancelled;
  }
}
{
  const prototype = ReadableStreamAsyncIterator.prototype;
  delete prototype.constructor;
  ObjectSetPrototypeOf(prototype, AsyncIteratorPrototype);
  const methods = {
    next() {
      return ReadableStreamAsyncIterator.next(this);
    },
    return(value) {
      return ReadableStreamAsyncIterator.return(this, value);
    },
  };
  for (const name of ['next', 'return']) {
    ObjectDefineProperty(prototype, name, {
      __proto__: null, value: methods[name], writable: true, enumerable: true, configurable: true,
    });
  }
  ObjectDefineProperty(prototype, SymbolToStringTag, {
    __proto__: null, value: 'ReadableStream AsyncIterator', writable: false, enumerable: false, configurable: true,
  });
}

// ---- For the rest of the bootstrap ----

const { stateOf } = readable;

function end(controller) {
  bytes.controllerClose(controller);
  // A reader that brought its own buffer waits for an answer of its own.
  if (controller.pending.length > 0) bytes.respond(controller, 0);
}

// A byte stream: `source` has start(controller), pull(controller), cancel(reason), any of them absent. The controller
// is for `deliver` and `fail`.
function pulled({ start = ignore, pull, cancel = ignore }) {
  return bytes.createStream({
    start,
    pull: (controller) => promiseCall(pull, undefined, [controller]),
    cancel: (reason) => promiseCall(cancel, undefined, [reason]),
  }, 0, undefined).object;
}

// A chunk that is not empty, or null at the end.
function deliver(controller, chunk) {
  if (chunk === null) end(controller);
  else bytes.enqueue(controller, chunk);
}

core.streams = {
  __proto__: null,

  isReadableStream: isReadable,
  isLocked: (stream) => readable.isLocked(stateOf(stream)),
  isDisturbed: (stream) => stateOf(stream).disturbed,

  // Leaves a stream as one that was read by a reader that nobody has: what was behind it has been taken otherwise.
  seal(stream) {
    const state = stateOf(stream);
    if (!readable.isLocked(state)) readable.acquireDefaultReader(state);
    state.disturbed = true;
  },

  // Readers that no script sees.
  getReader: (stream) => readable.acquireDefaultReader(stateOf(stream)),
  read: readable.readForUs,
  // The same without promises: one of request.chunk(value), close() and error(reason) is called, perhaps at once.
  readInto: readable.read,

  // Cancels without anyone to hear of a failure.
  cancel(reader, reason) {
    markHandled(readable.cancelByReader(reader, reason));
  },

  // The second has clones of the chunks, unless it is a stream of bytes, which clones them anyway.
  tee(stream) {
    const branches = tee(stateOf(stream), true);
    return [branches[0].object, branches[1].object];
  },

  // A stream of the same chunks. `stream` is locked and disturbed from now on.
  passThrough(stream) {
    const transform = makeTransform({
      __proto__: null, transform: streamInternals.enqueueChunk, flush: ignore,
    });
    markHandled(pipeTo(stateOf(stream), writable.stateOf(transform.writable), noPipeOptions, undefined));
    return transform.readable;
  },

  // A transform stream inside of other interfaces, { readable, writable }. The algorithms get a controller for the
  // functions below.
  makeTransform,
  enqueueTransformed: streamInternals.enqueueTransformed,
  // A promise for the time when what was enqueued has been read, or undefined where that is now; and whether anyone
  // wants more then.
  roomAfterTransform: streamInternals.roomAfterTransform,
  isWanted: streamInternals.isWanted,

  // A byte stream of the arrays that `next` returns, until it returns undefined. They become the reader's.
  fromPull: (next) => pulled({
    __proto__: null,
    pull(controller) {
      const chunk = next();
      deliver(controller, chunk === undefined ? null : chunk);
    },
  }),

  // A byte stream over what `take` returns when the first read comes.
  fromBytes: (take) => pulled({
    __proto__: null,
    pull(controller) {
      const chunk = take();
      if (TypedArrayPrototypeGetByteLength(chunk) !== 0) bytes.enqueue(controller, chunk);
      end(controller);
    },
  }),

  pulled,
  deliver,
  fail: bytes.error,
};
const noPipeOptions = { __proto__: null, preventClose: false, preventAbort: false, preventCancel: false };
delete core.streamInternals;

// The streams of the platform: the classes are those of the bundled package `web-streams-polyfill`, which follows the
// standard's reference implementation. This file publishes them and what bodies need of their inside.

const {
  ObjectPrototypeHasOwnProperty, PromisePrototypeThen, ReflectGetOwnPropertyDescriptor,
  TypedArrayPrototypeGetByteLength, uncurryThis,
} = core.primordials;
const { inspect, webidl } = core;
// What the bundle, which runs right before this file, left here.
const classes = core.streamClasses;
delete core.streamClasses;

// The package keeps its state in properties, which are nobody's business.
const shownAttributes = {
  __proto__: null,
  ReadableStream: ['locked'],
  WritableStream: ['locked'],
  TransformStream: ['readable', 'writable'],
};
const names = Object.keys(classes);
for (let i = 0; i < names.length; i++) {
  const Class = classes[names[i]];
  core.defineGlobal(names[i], Class);
  core.ops.markInterface(Class.prototype);
  inspect.showAttributes(Class, shownAttributes[names[i]] ?? [], true);
}

const { ReadableByteStreamController, ReadableStream, ReadableStreamDefaultReader, TransformStream } = classes;
const getter = (Class, name) => uncurryThis(ReflectGetOwnPropertyDescriptor(Class.prototype, name).get);
const lockedOf = getter(ReadableStream, 'locked');
const pipeThrough = uncurryThis(ReadableStream.prototype.pipeThrough);
const tee = uncurryThis(ReadableStream.prototype.tee);
const cancelReader = uncurryThis(ReadableStreamDefaultReader.prototype.cancel);
const byobRequestOf = getter(ReadableByteStreamController, 'byobRequest');
const enqueue = uncurryThis(ReadableByteStreamController.prototype.enqueue);
const close = uncurryThis(ReadableByteStreamController.prototype.close);
const fail = uncurryThis(ReadableByteStreamController.prototype.error);
const respond = uncurryThis(classes.ReadableStreamBYOBRequest.prototype.respond);

const ignore = () => {};

function end(controller) {
  close(controller);
  // A reader that brought its own buffer waits for an answer of its own.
  const request = byobRequestOf(controller);
  if (request !== null) respond(request, 0);
}

core.streams = {
  __proto__: null,

  isReadableStream(value) {
    // The first test spares ordinary objects the cost of an exception; the second is the class's own.
    if (!webidl.isObject(value) || !ObjectPrototypeHasOwnProperty(value, '_readableStreamController')) return false;
    try {
      lockedOf(value);
      return true;
    } catch {
      return false;
    }
  },

  isLocked: lockedOf,

  // The package keeps the standard's [[disturbed]] in this property.
  isDisturbed: (stream) => stream._disturbed,

  // Leaves a stream as one that was read by a reader that nobody has: what was behind it has been taken otherwise.
  seal(stream) {
    if (!lockedOf(stream)) new ReadableStreamDefaultReader(stream);
    stream._disturbed = true;
  },

  getReader: (stream) => new ReadableStreamDefaultReader(stream),
  read: uncurryThis(ReadableStreamDefaultReader.prototype.read),

  // Cancels without anyone to hear of a failure.
  cancel(reader, reason) {
    PromisePrototypeThen(cancelReader(reader, reason), ignore, ignore);
  },

  tee,

  // A stream of the same chunks. `stream` is locked and disturbed from now on.
  passThrough: (stream) => pipeThrough(stream, new TransformStream()),

  // A transform stream inside of other interfaces. The algorithms get a controller for the two functions below.
  makeTransform: (transformer) => new TransformStream(transformer),
  enqueueTransformed: uncurryThis(classes.TransformStreamDefaultController.prototype.enqueue),
  // Waits until what was enqueued has been read.
  roomAfterTransform: () => undefined,

  // A byte stream of the arrays that `next` returns, until it returns undefined. They become the reader's.
  fromPull: (next) =>
    new ReadableStream({
      __proto__: null,
      type: 'bytes',
      pull(controller) {
        const bytes = next();
        if (bytes !== undefined) {
          enqueue(controller, bytes);
          return;
        }
        close(controller);
        const request = byobRequestOf(controller);
        if (request !== null) respond(request, 0);
      },
    }, { __proto__: null, highWaterMark: 0 }),

  // A byte stream over what `take` returns when the first read comes.
  fromBytes: (take) =>
    new ReadableStream({
      __proto__: null,
      type: 'bytes',
      pull(controller) {
        const bytes = take();
        if (TypedArrayPrototypeGetByteLength(bytes) !== 0) enqueue(controller, bytes);
        end(controller);
      },
    }),

  // A byte stream whose source answers its controller by `deliver` and `fail`.
  pulled(source) {
    source.type = 'bytes';
    return new ReadableStream(source);
  },

  // A chunk that is not empty, or null at the end.
  deliver(controller, chunk) {
    if (chunk === null) end(controller);
    else enqueue(controller, chunk);
  },

  fail,
};

// The Streams standard, first part: what all streams share, and the queuing strategies.
//
// The classes that scripts see hold one private field each: their state, an object of a class that no script reaches.
// The abstract operations of the standard are functions over those states, under the standard's names without the
// class that they start with, where that stands in the file's own. Promises are reacted to by the intrinsic `then`
// alone, and inner promises never pass through a script's hands. Fields are declared, since an assignment to one that is
// not there would find a setter on Object.prototype.

const { webidl } = core;
const {
  FunctionPrototypeCall, NumberIsNaN, Promise, PromisePrototypeThen, PromiseReject, PromiseResolve, RangeError,
  ReflectApply, TypeError,
} = core.primordials;

const ignore = () => {};
const resolvedPromise = () => PromiseResolve(undefined);

// A promise with the functions that settle it. They do nothing the second time.
class Deferred {
  promise;
  isPending = true;
  #resolve;
  #reject;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  resolve(value) {
    this.isPending = false;
    this.#resolve(value);
  }

  reject(reason) {
    this.isPending = false;
    this.#reject(reason);
  }

  static resolved() {
    const deferred = new Deferred();
    deferred.resolve(undefined);
    return deferred;
  }

  static rejected(reason) {
    const deferred = new Deferred();
    deferred.reject(reason);
    markHandled(deferred.promise);
    return deferred;
  }
}

const markHandled = (promise) => {
  PromisePrototypeThen(promise, ignore, ignore);
};

// Runs `callback` in a microtask.
const later = (callback) => {
  PromisePrototypeThen(resolvedPromise(), callback);
};

// An object of a class is much quicker to make than a literal without a prototype.
class Node {
  value;
  size;
  next = null;

  constructor(value, size) {
    this.value = value;
    this.size = size;
  }
}

// A list that grows at the end and shrinks at its beginning. Items carry a size; the sum of them is `totalSize`.
class Queue {
  length = 0;
  totalSize = 0;
  #head = null;
  #tail = null;

  push(value, size = 0) {
    const node = new Node(value, size);
    if (this.#tail === null) this.#head = node;
    else this.#tail.next = node;
    this.#tail = node;
    this.length++;
    this.totalSize += size;
  }

  peek() {
    return this.#head.value;
  }

  shift() {
    const node = this.#head;
    this.#head = node.next;
    if (this.#head === null) this.#tail = null;
    this.length--;
    this.totalSize -= node.size;
    // Rounding may leave less than nothing.
    if (this.totalSize < 0) this.totalSize = 0;
    return node.value;
  }

  clear() {
    this.length = 0;
    this.totalSize = 0;
    this.#head = null;
    this.#tail = null;
  }
}

// A callback that returns a promise: what it throws is a rejection (Web IDL, section 3.11). A promise that it returns is
// resolved to, which takes longer than taking it as it is; that can be observed.
function promiseCall(callback, receiver, parameters) {
  try {
    const result = ReflectApply(callback, receiver, parameters);
    return webidl.isObject(result) ? new Promise((resolve) => resolve(result)) : PromiseResolve(result);
  } catch (error) {
    return PromiseReject(error);
  }
}

// Waits for two promises; the first that rejects decides.
function both(first, second) {
  const deferred = new Deferred();
  let left = 2;
  const settled = () => {
    if (--left === 0) deferred.resolve(undefined);
  };
  const failed = (reason) => deferred.reject(reason);
  PromisePrototypeThen(first, settled, failed);
  PromisePrototypeThen(second, settled, failed);
  return deferred.promise;
}

// ---- Queuing strategies ----

const convertStrategy = webidl.dictionary('QueuingStrategy', [
  { key: 'highWaterMark', convert: webidl.unrestrictedDouble },
  { key: 'size', convert: webidl.callbackFunction },
]);

function highWaterMarkOf({ highWaterMark }, otherwise) {
  if (highWaterMark === undefined) return otherwise;
  if (NumberIsNaN(highWaterMark) || highWaterMark < 0) {
    throw new RangeError('The high water mark is not a number of 0 or more');
  }
  return highWaterMark;
}

// Undefined stands for the strategy that counts, which need not be called.
const sizeAlgorithmOf = ({ size }) =>
  (size === undefined ? undefined : (chunk) => +FunctionPrototypeCall(size, undefined, chunk));

function checkSize(size) {
  if (!(size >= 0) || size === Infinity) throw new RangeError('The size of a chunk is not a finite number of 0 or more');
  return size;
}

const convertInit = webidl.dictionary('QueuingStrategyInit', [
  { key: 'highWaterMark', convert: webidl.unrestrictedDouble, required: true },
]);

// One function for all strategies of a kind.
const { size: byteLengthSize } = { size: (chunk) => chunk.byteLength };
const { size: countSize } = { size: () => 1 };

class ByteLengthQueuingStrategy {
  #highWaterMark;

  constructor(init) {
    const context = "Failed to construct 'ByteLengthQueuingStrategy'";
    webidl.requiredArguments(arguments.length, 1, context);
    this.#highWaterMark = convertInit(init, `${context}: Argument 1`).highWaterMark;
  }

  get highWaterMark() {
    return this.#highWaterMark;
  }

  get size() {
    if (!(#highWaterMark in this)) throw webidl.illegalInvocation('ByteLengthQueuingStrategy');
    return byteLengthSize;
  }
}

class CountQueuingStrategy {
  #highWaterMark;

  constructor(init) {
    const context = "Failed to construct 'CountQueuingStrategy'";
    webidl.requiredArguments(arguments.length, 1, context);
    this.#highWaterMark = convertInit(init, `${context}: Argument 1`).highWaterMark;
  }

  get highWaterMark() {
    return this.#highWaterMark;
  }

  get size() {
    if (!(#highWaterMark in this)) throw webidl.illegalInvocation('CountQueuingStrategy');
    return countSize;
  }
}

for (const Class of [ByteLengthQueuingStrategy, CountQueuingStrategy]) {
  webidl.configureInterface(Class);
  core.defineGlobal(Class.name, Class);
  core.inspect.showAttributes(Class, ['highWaterMark']);
}

// What the files of the streams share.
core.streamInternals = {
  __proto__: null,
  Deferred,
  Queue,
  both,
  checkSize,
  convertStrategy,
  highWaterMarkOf,
  ignore,
  later,
  markHandled,
  promiseCall,
  resolvedPromise,
  sizeAlgorithmOf,
  // An argument of the type `object` that may be left out.
  optionalObject: (value, context) => (value === undefined ? null : webidl.object(value, context)),
  rejectedTypeError: (message) => PromiseReject(new TypeError(message)),
};

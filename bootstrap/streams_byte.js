// The Streams standard: byte streams (the abstract operations of sections 4.9.2 and 4.9.5). The interfaces are in
// streams_byob.js.

const { streamInternals } = core;
const { Queue } = streamInternals;
const {
  ReaderState, StreamState, close, errorStream, isLocked, puller, setUpController,
} = streamInternals.readable;
const {
  ArrayBufferPrototypeGetByteLength, ArrayBufferPrototypeGetDetached, ArrayBufferPrototypeSlice,
  ArrayBufferPrototypeTransfer, ArrayBuffer, BigInt64Array, BigUint64Array, DataView, DataViewPrototypeGetBuffer,
  DataViewPrototypeGetByteLength, DataViewPrototypeGetByteOffset, Float16Array, Float32Array, Float64Array, Int16Array,
  Int32Array, Int8Array, MathMin, RangeError, TypeError,
  TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetByteOffset,
  TypedArrayPrototypeGetSymbolToStringTag, TypedArrayPrototypeSet, Uint16Array, Uint32Array, Uint8Array,
  Uint8ClampedArray,
} = core.primordials;

const viewTypes = { __proto__: null };
for (const [Class, size] of [[Int8Array, 1], [Uint8Array, 1], [Uint8ClampedArray, 1], [Int16Array, 2], [Uint16Array, 2],
  [Float16Array, 2], [Int32Array, 4], [Uint32Array, 4], [Float32Array, 4], [BigInt64Array, 8], [BigUint64Array, 8],
  [Float64Array, 8]]) {
  if (Class !== undefined) viewTypes[Class.name] = { Class, size };
}

// { Class, size, buffer, byteOffset, byteLength } of a view.
function describeView(view) {
  const tag = TypedArrayPrototypeGetSymbolToStringTag(view);
  if (tag === undefined) {
    return {
      Class: DataView, size: 1, buffer: DataViewPrototypeGetBuffer(view),
      byteOffset: DataViewPrototypeGetByteOffset(view), byteLength: DataViewPrototypeGetByteLength(view),
    };
  }
  const { Class, size } = viewTypes[tag];
  return {
    Class, size, buffer: TypedArrayPrototypeGetBuffer(view),
    byteOffset: TypedArrayPrototypeGetByteOffset(view), byteLength: TypedArrayPrototypeGetByteLength(view),
  };
}

const lengthOf = ArrayBufferPrototypeGetByteLength;
const isDetached = ArrayBufferPrototypeGetDetached;
const transfer = (buffer) => ArrayBufferPrototypeTransfer(buffer);
const copyInto = (to, at, from, offset, length) =>
  TypedArrayPrototypeSet(new Uint8Array(to, at, length), new Uint8Array(from, offset, length));

// A buffer that is to be filled: by a read with a view of the reader's (`kind` 'byob'), by the automatic allocation for
// a plain read ('default'), or by nobody any more ('none').
class PullInto {
  kind;
  buffer;
  bufferByteLength;
  byteOffset;
  byteLength;
  minimumFill;
  size;
  Class;
  bytesFilled = 0;
  constructor(kind, view, minimumFill) {
    this.kind = kind;
    this.buffer = view.buffer;
    this.bufferByteLength = lengthOf(view.buffer);
    this.byteOffset = view.byteOffset;
    this.byteLength = view.byteLength;
    this.minimumFill = minimumFill;
    this.size = view.size;
    this.Class = view.Class;
  }
}

class ControllerState {
  stream;
  pullAlgorithm;
  cancelAlgorithm;
  highWaterMark;
  autoAllocateChunkSize;
  isByte = true;
  // Entries are { buffer, byteOffset, byteLength }.
  queue = new Queue();
  queueTotalSize = 0;
  pending = new Queue();
  started = false;
  closeRequested = false;
  pullAgain = false;
  pulling = false;
  onPulled = undefined;
  onPullFailed = undefined;
  byobRequest = null;

  constructor(stream, algorithms, highWaterMark, autoAllocateChunkSize) {
    this.stream = stream;
    this.pullAlgorithm = algorithms.pull;
    this.cancelAlgorithm = algorithms.cancel;
    this.highWaterMark = highWaterMark;
    this.autoAllocateChunkSize = autoAllocateChunkSize;
  }

  cancelSteps(reason) {
    clearPending(this);
    resetQueue(this);
    const result = this.cancelAlgorithm(reason);
    clearAlgorithms(this);
    return result;
  }

  pullSteps(request) {
    const { stream } = this;
    if (this.queueTotalSize > 0) {
      fillReadRequest(this, request);
      return;
    }
    if (this.autoAllocateChunkSize !== undefined) {
      const byteLength = this.autoAllocateChunkSize;
      let buffer;
      try {
        buffer = new ArrayBuffer(byteLength);
      } catch (reason) {
        request.error(reason);
        return;
      }
      this.pending.push(new PullInto('default',
        { Class: Uint8Array, size: 1, buffer, byteOffset: 0, byteLength }, 1));
    }
    stream.reader.requests.push(request);
    callPullIfNeeded(this);
  }

  releaseSteps() {
    if (this.pending.length === 0) return;
    const first = this.pending.peek();
    first.kind = 'none';
    this.pending = new Queue();
    this.pending.push(first);
  }
}

// The queue has a size of its own, since it is counted in bytes that are taken piece by piece.
function resetQueue(controller) {
  controller.queue.clear();
  controller.queueTotalSize = 0;
}

function createStream(algorithms, highWaterMark, autoAllocateChunkSize, object = undefined) {
  const stream = new StreamState();
  stream.object = object ?? streamInternals.readable.makeObject(stream);
  setUpController(stream, new ControllerState(stream, algorithms, highWaterMark, autoAllocateChunkSize), algorithms,
    callPullIfNeeded, error);
  return stream;
}

// ---- The controller ----

function clearAlgorithms(controller) {
  controller.pullAlgorithm = undefined;
  controller.cancelAlgorithm = undefined;
}

function desiredSize(controller) {
  const { state } = controller.stream;
  if (state === 'errored') return null;
  return state === 'closed' ? 0 : controller.highWaterMark - controller.queueTotalSize;
}

function shouldPull(controller) {
  const { stream } = controller;
  if (stream.state !== 'readable' || controller.closeRequested || !controller.started) return false;
  if (stream.reader !== undefined && stream.reader.requests.length > 0) return true;
  return desiredSize(controller) > 0;
}

const callPullIfNeeded = puller(shouldPull, error);

function clearPending(controller) {
  invalidateByobRequest(controller);
  controller.pending = new Queue();
}

function invalidateByobRequest(controller) {
  if (controller.byobRequest === null) return;
  streamInternals.bytes.detachRequest(controller.byobRequest);
  controller.byobRequest = null;
}

function error(controller, reason) {
  if (controller.stream.state !== 'readable') return;
  clearPending(controller);
  resetQueue(controller);
  clearAlgorithms(controller);
  errorStream(controller.stream, reason);
}

function controllerClose(controller) {
  const { stream, pending } = controller;
  if (controller.closeRequested || stream.state !== 'readable') return;
  if (controller.queueTotalSize > 0) {
    controller.closeRequested = true;
    return;
  }
  if (pending.length > 0) {
    const first = pending.peek();
    if (first.bytesFilled % first.size !== 0) {
      const reason = new TypeError('The stream ends within an element of the view that is being filled');
      error(controller, reason);
      throw reason;
    }
  }
  clearAlgorithms(controller);
  close(stream);
}

function enqueueBytes(controller, buffer, byteOffset, byteLength) {
  controller.queue.push({ buffer, byteOffset, byteLength });
  controller.queueTotalSize += byteLength;
}

function enqueueCloned(controller, buffer, byteOffset, byteLength) {
  let clone;
  try {
    clone = ArrayBufferPrototypeSlice(buffer, byteOffset, byteOffset + byteLength);
  } catch (reason) {
    error(controller, reason);
    throw reason;
  }
  enqueueBytes(controller, clone, 0, byteLength);
}

function enqueueDetached(controller, pullInto) {
  if (pullInto.bytesFilled > 0) {
    enqueueCloned(controller, pullInto.buffer, pullInto.byteOffset, pullInto.bytesFilled);
  }
  controller.pending.shift();
}

function enqueue(controller, chunk) {
  const { stream, pending } = controller;
  if (controller.closeRequested || stream.state !== 'readable') return;
  const { buffer, byteOffset, byteLength } = describeView(chunk);
  if (isDetached(buffer)) throw new TypeError('The buffer of the chunk is detached');
  const transferred = transfer(buffer);
  if (pending.length > 0) {
    const first = pending.peek();
    if (isDetached(first.buffer)) throw new TypeError('The buffer of the BYOB request has been detached');
    invalidateByobRequest(controller);
    first.buffer = transfer(first.buffer);
    if (first.kind === 'none') enqueueDetached(controller, first);
  }
  const { reader } = stream;
  if (reader !== undefined && !reader.isByob) {
    while (reader.requests.length > 0 && controller.queueTotalSize > 0) {
      fillReadRequest(controller, reader.requests.shift());
    }
    if (reader.requests.length === 0) {
      enqueueBytes(controller, transferred, byteOffset, byteLength);
    } else {
      if (controller.pending.length > 0) controller.pending.shift();
      reader.requests.shift().chunk(new Uint8Array(transferred, byteOffset, byteLength));
    }
  } else if (reader !== undefined) {
    enqueueBytes(controller, transferred, byteOffset, byteLength);
    commitAll(controller, processPending(controller));
  } else {
    enqueueBytes(controller, transferred, byteOffset, byteLength);
  }
  callPullIfNeeded(controller);
}

function fillReadRequest(controller, request) {
  const { buffer, byteOffset, byteLength } = controller.queue.shift();
  controller.queueTotalSize -= byteLength;
  handleQueueDrain(controller);
  request.chunk(new Uint8Array(buffer, byteOffset, byteLength));
}

function handleQueueDrain(controller) {
  if (controller.queueTotalSize === 0 && controller.closeRequested) {
    clearAlgorithms(controller);
    close(controller.stream);
  } else {
    callPullIfNeeded(controller);
  }
}

// Moves queued bytes to where a read wants them; true when it has what it asked for at least.
function fillFromQueue(controller, pullInto) {
  const maxBytes = MathMin(controller.queueTotalSize, pullInto.byteLength - pullInto.bytesFilled);
  const maxFilled = pullInto.bytesFilled + maxBytes;
  let left = maxBytes;
  let ready = false;
  const aligned = maxFilled - maxFilled % pullInto.size;
  if (aligned >= pullInto.minimumFill) {
    left = aligned - pullInto.bytesFilled;
    ready = true;
  }
  const { queue } = controller;
  while (left > 0) {
    const head = queue.peek();
    const length = MathMin(left, head.byteLength);
    copyInto(pullInto.buffer, pullInto.byteOffset + pullInto.bytesFilled, head.buffer, head.byteOffset, length);
    if (head.byteLength === length) {
      queue.shift();
    } else {
      head.byteOffset += length;
      head.byteLength -= length;
    }
    controller.queueTotalSize -= length;
    pullInto.bytesFilled += length;
    left -= length;
  }
  return ready;
}

const convert = ({ buffer, byteOffset, bytesFilled, size, Class }) =>
  new Class(transfer(buffer), byteOffset, bytesFilled / size);

function commit(stream, pullInto) {
  const done = stream.state === 'closed';
  const view = convert(pullInto);
  const request = stream.reader.requests.shift();
  if (pullInto.kind !== 'default' && done) request.close(view);
  else request.chunk(view);
}

function commitAll(controller, filled) {
  while (filled.length > 0) commit(controller.stream, filled.shift());
}

function processPending(controller) {
  const filled = new Queue();
  while (controller.pending.length > 0 && controller.queueTotalSize > 0) {
    const first = controller.pending.peek();
    if (!fillFromQueue(controller, first)) break;
    controller.pending.shift();
    filled.push(first);
  }
  return filled;
}

function pullInto(controller, view, min, request) {
  const { stream } = controller;
  const described = describeView(view);
  const minimumFill = min * described.size;
  let buffer;
  try {
    buffer = transfer(described.buffer);
  } catch (reason) {
    request.error(reason);
    return;
  }
  const { Class, size, byteOffset, byteLength } = described;
  const descriptor = new PullInto('byob', { Class, size, buffer, byteOffset, byteLength }, minimumFill);
  if (controller.pending.length > 0) {
    controller.pending.push(descriptor);
    stream.reader.requests.push(request);
    return;
  }
  if (stream.state === 'closed') {
    request.close(new Class(buffer, byteOffset, 0));
    return;
  }
  if (controller.queueTotalSize > 0) {
    if (fillFromQueue(controller, descriptor)) {
      const filled = convert(descriptor);
      handleQueueDrain(controller);
      request.chunk(filled);
      return;
    }
    if (controller.closeRequested) {
      const reason = new TypeError('The stream ends within an element of the view that is being filled');
      error(controller, reason);
      request.error(reason);
      return;
    }
  }
  controller.pending.push(descriptor);
  stream.reader.requests.push(request);
  callPullIfNeeded(controller);
}

function respond(controller, bytesWritten) {
  const first = controller.pending.peek();
  if (controller.stream.state === 'closed') {
    if (bytesWritten !== 0) throw new TypeError('The stream is closed: only 0 bytes can have been written');
  } else {
    if (bytesWritten === 0) throw new TypeError('The stream is not closed: 0 bytes cannot be an answer');
    if (first.bytesFilled + bytesWritten > first.byteLength) {
      throw new RangeError('More bytes than the view has room for');
    }
  }
  first.buffer = transfer(first.buffer);
  respondInternal(controller, bytesWritten);
}

function respondWithNewView(controller, view) {
  const first = controller.pending.peek();
  const { buffer, byteOffset, byteLength } = describeView(view);
  if (controller.stream.state === 'closed') {
    if (byteLength !== 0) throw new TypeError('The stream is closed: the view must be empty');
  } else if (byteLength === 0) {
    throw new TypeError('The stream is not closed: an empty view cannot be an answer');
  }
  if (first.byteOffset + first.bytesFilled !== byteOffset) throw new RangeError('The view starts at another place');
  if (first.bufferByteLength !== lengthOf(buffer)) throw new RangeError('The buffer has another length');
  if (first.bytesFilled + byteLength > first.byteLength) throw new RangeError('The view is longer than the request');
  first.buffer = transfer(buffer);
  respondInternal(controller, byteLength);
}

function respondInternal(controller, bytesWritten) {
  invalidateByobRequest(controller);
  const first = controller.pending.peek();
  if (controller.stream.state === 'closed') respondInClosedState(controller, first);
  else respondInReadableState(controller, bytesWritten, first);
  callPullIfNeeded(controller);
}

function respondInClosedState(controller, first) {
  const { stream } = controller;
  if (first.kind === 'none') controller.pending.shift();
  const { reader } = stream;
  if (reader === undefined || !reader.isByob) return;
  const filled = new Queue();
  while (filled.length < reader.requests.length) filled.push(controller.pending.shift());
  commitAll(controller, filled);
}

function respondInReadableState(controller, bytesWritten, first) {
  first.bytesFilled += bytesWritten;
  if (first.kind === 'none') {
    enqueueDetached(controller, first);
    commitAll(controller, processPending(controller));
    return;
  }
  if (first.bytesFilled < first.minimumFill) return;
  controller.pending.shift();
  const rest = first.bytesFilled % first.size;
  if (rest > 0) {
    const end = first.byteOffset + first.bytesFilled;
    enqueueCloned(controller, first.buffer, end - rest, rest);
  }
  first.bytesFilled -= rest;
  const filled = processPending(controller);
  commit(controller.stream, first);
  commitAll(controller, filled);
}

function byobRequestOf(controller) {
  if (controller.byobRequest === null && controller.pending.length > 0) {
    const first = controller.pending.peek();
    const view = new Uint8Array(first.buffer, first.byteOffset + first.bytesFilled, first.byteLength - first.bytesFilled);
    controller.byobRequest = streamInternals.bytes.makeRequest(controller, view);
  }
  return controller.byobRequest;
}

// ---- Readers with a buffer of their own ----

function acquireByobReader(stream) {
  if (isLocked(stream)) throw new TypeError('The stream is locked by a reader already');
  if (!stream.controller.isByte) throw new TypeError('The stream is not a byte stream');
  return new ReaderState(stream, true);
}

function readInto(reader, view, min, request) {
  const { stream } = reader;
  stream.disturbed = true;
  if (stream.state === 'errored') request.error(stream.storedError);
  else pullInto(stream.controller, view, min, request);
}

// streams_byob.js adds the interfaces, and what makes and detaches a request.
streamInternals.bytes = {
  __proto__: null,
  acquireByobReader,
  byobRequestOf,
  controllerClose,
  createStream,
  describeView,
  desiredSize,
  enqueue,
  error,
  isDetached,
  lengthOf,
  readInto,
  respond,
  respondWithNewView,
};

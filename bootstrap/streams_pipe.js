// The Streams standard: piping and teeing (sections 4.9.1 and 4.9.2), ReadableStream.from.

const { abort, webidl, streamInternals } = core;
const { Deferred, both, ignore, later, resolvedPromise } = streamInternals;
const { bytes, readable, writable } = streamInternals;
const {
  FunctionPrototypeCall, PromisePrototypeThen, PromiseReject, PromiseResolve, SymbolAsyncIterator, SymbolIterator,
  TypeError, TypedArrayPrototypeSlice,
} = core.primordials;

// ReadableStreamPipeTo. Chunks that are there are passed on without promises in between, as long as the destination
// wants them.
// What a pipe reads by: there is one read at a time.
class PipeRequest {
  isWithinRead = false;
  isFound = false;
  value = undefined;
  #later;

  // `later(chunk)` is called for a chunk that was not there when it was asked for.
  constructor(later) {
    this.#later = later;
  }

  chunk(chunk) {
    if (this.isWithinRead) {
      this.isFound = true;
      this.value = chunk;
    } else {
      this.#later(chunk);
    }
  }

  close() {}
  error() {}
}

class Pipe {
  #source;
  #dest;
  #reader;
  #writer;
  #signal;
  #options;
  #done = new Deferred();
  #shuttingDown = false;
  #currentWrite = resolvedPromise();
  #abortAlgorithm = undefined;
  // This may be within a call of the source's enqueue(), from which the sink must not be called.
  #request = new PipeRequest((chunk) => {
    this.#currentWrite = PromisePrototypeThen(resolvedPromise(), () => {
      const written = this.#write(chunk);
      this.#step();
      return written;
    });
  });

  // `options`: { preventClose, preventAbort, preventCancel }.
  constructor(source, dest, options, signal) {
    this.#source = source;
    this.#dest = dest;
    this.#options = options;
    this.#signal = signal;
    this.#reader = readable.acquireDefaultReader(source);
    this.#writer = writable.setUpWriter(dest);
    source.disturbed = true;
  }

  get promise() {
    return this.#done.promise;
  }

  start() {
    if (this.#signal !== undefined) {
      this.#abortAlgorithm = () => this.#abort();
      if (abort.isAborted(this.#signal)) {
        this.#abort();
        return;
      }
      abort.addAlgorithm(this.#signal, this.#abortAlgorithm);
    }
    this.#watch();
    this.#step();
  }

  #abort() {
    const reason = abort.reason(this.#signal);
    const { preventAbort, preventCancel } = this.#options;
    this.#shutdown(() => both(
      !preventAbort && this.#dest.state === 'writable' ? writable.abortStream(this.#dest, reason) : resolvedPromise(),
      !preventCancel && this.#source.state === 'readable' ? readable.cancel(this.#source, reason) : resolvedPromise(),
    ), [reason]);
  }

  // Errors and ends go forward and backward.
  #watch() {
    const source = this.#source;
    const dest = this.#dest;
    const { preventClose, preventAbort, preventCancel } = this.#options;
    const sourceErrored = (error) =>
      this.#shutdown(preventAbort ? undefined : () => writable.abortStream(dest, error), [error]);
    const destErrored = (error) =>
      this.#shutdown(preventCancel ? undefined : () => readable.cancel(source, error), [error]);
    const sourceClosed = () =>
      this.#shutdown(preventClose ? undefined : () => writable.writerCloseWithErrorPropagation(this.#writer));
    if (source.state === 'errored') sourceErrored(source.storedError);
    else PromisePrototypeThen(this.#reader.closed.promise, ignore, sourceErrored);
    if (dest.state === 'errored') destErrored(dest.storedError);
    else PromisePrototypeThen(this.#writer.closed.promise, ignore, destErrored);
    if (source.state === 'closed') sourceClosed();
    else PromisePrototypeThen(this.#reader.closed.promise, sourceClosed, ignore);
    if (writable.closeQueuedOrInFlight(dest) || dest.state === 'closed') {
      destErrored(new TypeError('The destination was closed before all data could be piped to it'));
    }
  }

  #step() {
    while (!this.#shuttingDown) {
      if (this.#writer.ready.isPending) {
        PromisePrototypeThen(this.#writer.ready.promise, () => this.#step(), ignore);
        return;
      }
      if (this.#dest.state !== 'writable') return;
      const request = this.#request;
      request.isWithinRead = true;
      readable.read(this.#reader, request);
      request.isWithinRead = false;
      if (!request.isFound) return;
      const chunk = request.value;
      request.isFound = false;
      request.value = undefined;
      this.#write(chunk);
    }
  }

  #write(chunk) {
    return this.#currentWrite = PromisePrototypeThen(writable.writerWrite(this.#writer, chunk), ignore, ignore);
  }

  #writesFinished() {
    const write = this.#currentWrite;
    return PromisePrototypeThen(write, () => (write === this.#currentWrite ? undefined : this.#writesFinished()));
  }

  // "Shutdown with an action" and "shutdown"; `error` is [reason] where there is one.
  #shutdown(action, error = undefined) {
    if (this.#shuttingDown) return;
    this.#shuttingDown = true;
    const act = () => {
      if (action === undefined) this.#finalize(error);
      else PromisePrototypeThen(action(), () => this.#finalize(error), (reason) => this.#finalize([reason]));
    };
    if (this.#dest.state === 'writable' && !writable.closeQueuedOrInFlight(this.#dest)) {
      PromisePrototypeThen(this.#writesFinished(), act);
    } else {
      act();
    }
  }

  #finalize(error) {
    writable.writerLetGo(this.#writer);
    readable.letGo(this.#reader);
    if (this.#signal !== undefined) abort.removeAlgorithm(this.#signal, this.#abortAlgorithm);
    if (error === undefined) this.#done.resolve(undefined);
    else this.#done.reject(error[0]);
  }
}

function pipeTo(source, dest, options, signal) {
  const pipe = new Pipe(source, dest, options, signal);
  pipe.start();
  return pipe.promise;
}

// ---- Teeing ----

// What both ways of teeing share: the branches' cancellation.
class Tee {
  stream;
  canceled1 = false;
  canceled2 = false;
  branch1 = undefined;
  branch2 = undefined;
  reading = false;
  cancelled = new Deferred();
  #reason1 = undefined;
  #reason2 = undefined;

  constructor(stream) {
    this.stream = stream;
  }

  cancel1(reason) {
    this.canceled1 = true;
    this.#reason1 = reason;
    if (this.canceled2) this.#cancelSource();
    return this.cancelled.promise;
  }

  cancel2(reason) {
    this.canceled2 = true;
    this.#reason2 = reason;
    if (this.canceled1) this.#cancelSource();
    return this.cancelled.promise;
  }

  #cancelSource() {
    this.cancelled.resolve(readable.cancel(this.stream, [this.#reason1, this.#reason2]));
  }

  // The source has ended.
  ended() {
    if (!this.canceled1 || !this.canceled2) this.cancelled.resolve(undefined);
  }
}

// Each branch has the same chunks, or the second one clones of them.
function defaultTee(stream, clones) {
  const reader = readable.acquireDefaultReader(stream);
  const tee = new Tee(stream);
  let readAgain = false;
  const pull = () => {
    if (tee.reading) {
      readAgain = true;
      return resolvedPromise();
    }
    tee.reading = true;
    readable.read(reader, {
      chunk: (chunk) => later(() => {
        readAgain = false;
        let second = chunk;
        try {
          if (clones && !tee.canceled2) second = core.structuredClone(chunk);
        } catch (error) {
          readable.error(tee.branch1.controller, error);
          readable.error(tee.branch2.controller, error);
          tee.cancelled.resolve(readable.cancel(stream, error));
          return;
        }
        if (!tee.canceled1) readable.enqueue(tee.branch1.controller, chunk);
        if (!tee.canceled2) readable.enqueue(tee.branch2.controller, second);
        tee.reading = false;
        if (readAgain) pull();
      }),
      close: () => {
        tee.reading = false;
        if (!tee.canceled1) readable.controllerClose(tee.branch1.controller);
        if (!tee.canceled2) readable.controllerClose(tee.branch2.controller);
        tee.ended();
      },
      error: () => {
        tee.reading = false;
      },
    });
    return resolvedPromise();
  };
  const makeBranch = (cancel) => readable.createStream({ start: ignore, pull, cancel }, 1, undefined);
  tee.branch1 = makeBranch((reason) => tee.cancel1(reason));
  tee.branch2 = makeBranch((reason) => tee.cancel2(reason));
  PromisePrototypeThen(reader.closed.promise, ignore, (error) => {
    readable.error(tee.branch1.controller, error);
    readable.error(tee.branch2.controller, error);
    tee.ended();
  });
  return [tee.branch1, tee.branch2];
}

function byteTee(stream) {
  const tee = new Tee(stream);
  let reader;
  let readAgain1 = false;
  let readAgain2 = false;

  const useReader = (next) => {
    reader = next;
    PromisePrototypeThen(next.closed.promise, ignore, (error) => {
      if (next !== reader) return;
      bytes.error(tee.branch1.controller, error);
      bytes.error(tee.branch2.controller, error);
      tee.ended();
    });
  };
  // A chunk for the other branch; undefined where there is no memory for it, which ends everything.
  const clone = (chunk) => {
    try {
      return TypedArrayPrototypeSlice(chunk);
    } catch (error) {
      bytes.error(tee.branch1.controller, error);
      bytes.error(tee.branch2.controller, error);
      tee.cancelled.resolve(readable.cancel(stream, error));
      return undefined;
    }
  };
  const goOn = () => {
    tee.reading = false;
    if (readAgain1) pull1();
    else if (readAgain2) pull2();
  };

  const pullDefault = () => {
    if (reader.isByob) {
      readable.release(reader);
      useReader(readable.acquireDefaultReader(stream));
    }
    readable.read(reader, {
      chunk: (chunk) => later(() => {
        readAgain1 = false;
        readAgain2 = false;
        let second = chunk;
        if (!tee.canceled1 && !tee.canceled2) {
          second = clone(chunk);
          if (second === undefined) return;
        }
        if (!tee.canceled1) bytes.enqueue(tee.branch1.controller, chunk);
        if (!tee.canceled2) bytes.enqueue(tee.branch2.controller, second);
        goOn();
      }),
      close: () => {
        tee.reading = false;
        const { branch1, branch2 } = tee;
        if (!tee.canceled1) bytes.controllerClose(branch1.controller);
        if (!tee.canceled2) bytes.controllerClose(branch2.controller);
        if (branch1.controller.pending.length > 0) bytes.respond(branch1.controller, 0);
        if (branch2.controller.pending.length > 0) bytes.respond(branch2.controller, 0);
        tee.ended();
      },
      error: () => {
        tee.reading = false;
      },
    });
  };

  const pullByob = (view, forBranch2) => {
    if (!reader.isByob) {
      readable.release(reader);
      useReader(bytes.acquireByobReader(stream));
    }
    const byob = forBranch2 ? tee.branch2 : tee.branch1;
    const other = forBranch2 ? tee.branch1 : tee.branch2;
    const byobCanceled = () => (forBranch2 ? tee.canceled2 : tee.canceled1);
    const otherCanceled = () => (forBranch2 ? tee.canceled1 : tee.canceled2);
    bytes.readInto(reader, view, 1, {
      chunk: (chunk) => later(() => {
        readAgain1 = false;
        readAgain2 = false;
        if (!otherCanceled()) {
          const copy = clone(chunk);
          if (copy === undefined) return;
          if (!byobCanceled()) bytes.respondWithNewView(byob.controller, chunk);
          bytes.enqueue(other.controller, copy);
        } else if (!byobCanceled()) {
          bytes.respondWithNewView(byob.controller, chunk);
        }
        goOn();
      }),
      close: (chunk) => {
        tee.reading = false;
        if (!byobCanceled()) bytes.controllerClose(byob.controller);
        if (!otherCanceled()) bytes.controllerClose(other.controller);
        if (chunk !== undefined) {
          if (!byobCanceled()) bytes.respondWithNewView(byob.controller, chunk);
          if (!otherCanceled() && other.controller.pending.length > 0) bytes.respond(other.controller, 0);
        }
        tee.ended();
      },
      error: () => {
        tee.reading = false;
      },
    });
  };

  const pull = (branch, forBranch2) => {
    tee.reading = true;
    const request = bytes.byobRequestOf(branch.controller);
    if (request === null) pullDefault();
    else pullByob(bytes.requestView(request), forBranch2);
  };
  const pull1 = () => {
    if (tee.reading) readAgain1 = true;
    else pull(tee.branch1, false);
    return resolvedPromise();
  };
  const pull2 = () => {
    if (tee.reading) readAgain2 = true;
    else pull(tee.branch2, true);
    return resolvedPromise();
  };
  useReader(readable.acquireDefaultReader(stream));
  const makeBranch = (pullBranch, cancel) =>
    bytes.createStream({ start: ignore, pull: pullBranch, cancel }, 0, undefined);
  tee.branch1 = makeBranch(pull1, (reason) => tee.cancel1(reason));
  tee.branch2 = makeBranch(pull2, (reason) => tee.cancel2(reason));
  return [tee.branch1, tee.branch2];
}

const tee = (stream, clones = false) => (stream.controller.isByte ? byteTee(stream) : defaultTee(stream, clones));

// ---- ReadableStream.from ----

function requireObject(value, what) {
  if (!webidl.isObject(value)) throw new TypeError(`${what} is not an object`);
  return value;
}

// GetMethod of ECMA-262.
function getMethod(object, key) {
  const method = object[key];
  if (method === undefined || method === null) return undefined;
  if (typeof method !== 'function') throw new TypeError('A method of the iterable is not a function');
  return method;
}

// CreateAsyncFromSyncIterator, as far as it is needed: next and return give promises of results whose values have been
// waited for.
function asyncFromSync(iterator, nextMethod) {
  const settle = (result, closes) => {
    requireObject(result, "The iterator's result");
    const done = !!result.done;
    let value;
    try {
      value = PromiseResolve(result.value);
    } catch (error) {
      if (!done && closes) closeIterator();
      throw error;
    }
    return PromisePrototypeThen(value, (settled) => ({ __proto__: null, done, value: settled }), (error) => {
      if (!done && closes) closeIterator();
      throw error;
    });
  };
  const closeIterator = () => {
    try {
      const method = getMethod(iterator, 'return');
      if (method !== undefined) FunctionPrototypeCall(method, iterator);
    } catch {
      // The error that closed it is the one to be heard of.
    }
  };
  return {
    __proto__: null,
    next: () => settle(FunctionPrototypeCall(nextMethod, iterator), true),
    return: (reason) => {
      const method = getMethod(iterator, 'return');
      if (method === undefined) return { __proto__: null, done: true, value: reason };
      return settle(FunctionPrototypeCall(method, iterator, reason), false);
    },
  };
}

function openIterator(iterable) {
  const asyncMethod = getMethod(iterable, SymbolAsyncIterator);
  if (asyncMethod !== undefined) {
    const iterator = requireObject(FunctionPrototypeCall(asyncMethod, iterable), 'The iterator');
    const { next } = iterator;
    return {
      __proto__: null,
      next: () => FunctionPrototypeCall(next, iterator),
      return: (reason) => {
        const method = getMethod(iterator, 'return');
        return method === undefined ? { __proto__: null } : FunctionPrototypeCall(method, iterator, reason);
      },
    };
  }
  const syncMethod = getMethod(iterable, SymbolIterator);
  if (syncMethod === undefined) throw new TypeError('The argument is not iterable');
  const iterator = requireObject(FunctionPrototypeCall(syncMethod, iterable), 'The iterator');
  return asyncFromSync(iterator, iterator.next);
}

// A promise of what `call` returns or throws.
function attempt(call) {
  try {
    return PromiseResolve(call());
  } catch (error) {
    return PromiseReject(error);
  }
}

function fromIterable(iterable) {
  const iterator = openIterator(iterable);
  return readable.createStream({
    start: ignore,
    pull: (controller) => PromisePrototypeThen(attempt(iterator.next), (result) => {
      requireObject(result, "The iterator's result");
      if (result.done) readable.controllerClose(controller);
      else readable.enqueue(controller, result.value);
    }),
    cancel: (reason) => PromisePrototypeThen(attempt(() => iterator.return(reason)), (result) => {
      requireObject(result, "The iterator's result");
    }),
  }, 0, undefined);
}

Object.assign(streamInternals, { fromIterable, pipeTo, tee });

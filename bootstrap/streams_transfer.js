// The Streams standard: streams that are transferred (sections 4.2.5, 5.2.5, 6.2.4 and 8.3). What is behind a stream stays
// where it is; messages carry the chunks, each a copy, to the stream that takes its place.

const { DOMException, streamInternals, structuredClone, transferables } = core;
const { Deferred, markHandled, pipeTo, readable, resolvedPromise, transform, writable } = streamInternals;
const { ArrayPrototypePush, PromisePrototypeThen, PromiseReject } = core.primordials;

const noOptions = { __proto__: null, preventClose: false, preventAbort: false, preventCancel: false };

// One end of the way between two streams. A message is { type, value } with the type 'pull', 'chunk', 'close' or 'error'.
class Way {
  end = undefined;
  receive = undefined;

  post(type, value = undefined) {
    this.end.send({ __proto__: null, type, value: structuredClone(value) });
  }

  // PackAndPostMessageHandlingError: what cannot be cloned is an error for the other side too.
  postOrFail(type, value) {
    try {
      this.post(type, value);
      return undefined;
    } catch (error) {
      this.sendError(error);
      return PromiseReject(error);
    }
  }

  sendError(error) {
    try {
      this.post('error', error);
    } catch {
      this.post('error', new DOMException('The error cannot be cloned', 'DataCloneError'));
    }
  }

  close() {
    this.end.close();
  }
}

function makeWays() {
  const ways = [new Way(), new Way()];
  const ends = core.connect((message) => ways[0].receive(message), (message) => ways[1].receive(message));
  ways[0].end = ends[0];
  ways[1].end = ends[1];
  return ways;
}

// SetUpCrossRealmTransformReadable
function readFrom(way) {
  const stream = readable.createStream({
    __proto__: null,
    start() {},
    pull() {
      way.post('pull');
      return resolvedPromise();
    },
    cancel(reason) {
      const failure = way.postOrFail('error', reason);
      way.close();
      return failure ?? resolvedPromise();
    },
  }, 0, undefined);
  const { controller } = stream;
  way.receive = ({ type, value }) => {
    if (type === 'chunk') {
      readable.enqueue(controller, value);
      return;
    }
    if (type === 'close') readable.controllerClose(controller);
    else readable.error(controller, value);
    way.close();
  };
  return stream;
}

// SetUpCrossRealmTransformWritable
function writeTo(way) {
  // Settled when the other side wants a chunk; undefined where it does.
  let backpressure = new Deferred();
  const release = () => {
    backpressure?.resolve(undefined);
    backpressure = undefined;
  };
  const stream = writable.createStream({
    __proto__: null,
    start() {},
    write: (chunk) => PromisePrototypeThen(backpressure?.promise ?? resolvedPromise(), () => {
      backpressure = new Deferred();
      const failure = way.postOrFail('chunk', chunk);
      if (failure !== undefined) way.close();
      return failure;
    }),
    close() {
      way.post('close');
      way.close();
      return resolvedPromise();
    },
    abort(reason) {
      const failure = way.postOrFail('error', reason);
      way.close();
      return failure ?? resolvedPromise();
    },
  }, 1, undefined);
  way.receive = ({ type, value }) => {
    if (type === 'error') writable.controllerErrorIfNeeded(stream.controller, value);
    release();
  };
  return stream;
}

function moveReadable(state) {
  const [near, far] = makeWays();
  markHandled(pipeTo(state, writeTo(near), noOptions, undefined));
  return readFrom(far);
}

function moveWritable(state) {
  const [near, far] = makeWays();
  markHandled(pipeTo(readFrom(near), state, noOptions, undefined));
  return writeTo(far);
}

const isLocked = { __proto__: null, readable: readable.isLocked, writable: (state) => state.writer !== undefined };

ArrayPrototypePush(transferables, {
  __proto__: null,
  isInstance: (value) => readable.stateOf(value) !== undefined,
  isDetached: (stream) => isLocked.readable(readable.stateOf(stream)),
  transfer: (stream) => moveReadable(readable.stateOf(stream)).object,
}, {
  __proto__: null,
  isInstance: (value) => writable.stateOf(value) !== undefined,
  isDetached: (stream) => isLocked.writable(writable.stateOf(stream)),
  transfer: (stream) => moveWritable(writable.stateOf(stream)).object,
}, {
  __proto__: null,
  isInstance: (value) => transform.stateOf(value) !== undefined,
  isDetached(stream) {
    const state = transform.stateOf(stream);
    return isLocked.readable(state.readable) || isLocked.writable(state.writable);
  },
  transfer(stream) {
    const state = transform.stateOf(stream);
    return transform.makeObject(moveReadable(state.readable), moveWritable(state.writable));
  },
});

// Bodies of incoming requests that have not come whole when the handler is called. They are pulled from the session as
// the script reads: piece by piece as a stream, or gathered into one buffer.

const {
  ObjectSetPrototypeOf, Promise, PromisePrototypeThen, PromiseResolve, TypeError,
} = core.primordials;
const { ops, slotOf, streams } = core;

// Those that wait for `bodyArrived`, by the slot of their event's handle. Without a prototype, so that an assignment
// cannot find a setter.
const waiting = ObjectSetPrototypeOf([], null);

class ArrivingBody {
  #handle;
  // Takes what has come; for the callback.
  #take = undefined;
  #resolve = undefined;
  #reject = undefined;
  // Of the stream, while it can still fail.
  #controller = undefined;
  // Why nothing more comes, where the event has ended before the body.
  #error = undefined;

  constructor(handle) {
    this.#handle = handle;
  }

  // A promise of all of it.
  gather() {
    const bytes = this.#error === undefined ? ops.requestBodyGather(this.#handle) : this.#fail();
    return bytes === undefined ? this.#wait(ops.requestBodyGather) : PromiseResolve(bytes);
  }

  // A byte stream over it.
  stream() {
    return streams.pulled({
      __proto__: null,
      start: (controller) => {
        if (this.#error === undefined) this.#controller = controller;
        else streams.fail(controller, this.#error);
      },
      pull: (controller) => {
        const chunk = this.#error === undefined ? ops.requestBodyRead(this.#handle) : this.#fail();
        if (chunk === undefined) {
          return PromisePrototypeThen(this.#wait(ops.requestBodyRead), (late) => this.#deliver(controller, late));
        }
        this.#deliver(controller, chunk);
      },
      cancel: () => {
        this.#controller = undefined;
      },
    });
  }

  #deliver(controller, chunk) {
    // A script that has cancelled the stream meanwhile wants no more of it.
    if (this.#controller === undefined) return;
    if (chunk === null) this.#controller = undefined;
    streams.deliver(controller, chunk);
  }

  #fail() {
    throw this.#error;
  }

  #wait(take) {
    waiting[slotOf(this.#handle)] = this;
    this.#take = take;
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  static arrived(handle) {
    const slot = slotOf(handle);
    const body = waiting[slot];
    if (body === undefined || body.#handle !== handle) return;
    waiting[slot] = undefined;
    const resolve = body.#resolve;
    const reject = body.#reject;
    body.#resolve = body.#reject = undefined;
    try {
      const take = body.#take;
      resolve(take(handle));
    } catch (error) {
      reject(error);
    }
  }

  // The event has ended: whoever reads on hears why.
  static end(body, error) {
    const reason = error ?? bodyGone();
    body.#error = reason;
    if (body.#reject !== undefined) {
      waiting[slotOf(body.#handle)] = undefined;
      body.#reject(reason);
      body.#resolve = body.#reject = undefined;
    } else if (body.#controller !== undefined) {
      streams.fail(body.#controller, reason);
    }
    body.#controller = undefined;
  }

  static isArriving(value) {
    return typeof value === 'object' && value !== null && #handle in value;
  }
}

const bodyGone = () => new TypeError('The request body was not read before the request ended, and is gone');

core.incomingBody = {
  __proto__: null,
  ArrivingBody,
  bodyGone,
  end: ArrivingBody.end,
  isArriving: ArrivingBody.isArriving,
};

core.bindCallback('bodyArrived', ArrivingBody.arrived);

// node:timers: the global functions, and `setImmediate`.
const { primordials } = core;
const { setTimeout, clearTimeout, setInterval, clearInterval } = globalThis;

class Immediate {
  #id;

  constructor(callback, parameters) {
    this.#id = core.timers.start(() => primordials.ReflectApply(callback, undefined, parameters), 0);
  }

  static clear(immediate) {
    core.timers.cancel(immediate.#id);
  }

  static is(value) {
    return typeof value === 'object' && value !== null && #id in value;
  }

  // The process does not wait for timers.
  ref() { return this; }
  unref() { return this; }
  hasRef() { return false; }
  [Symbol.dispose]() { Immediate.clear(this); }
}

function setImmediate(callback, ...parameters) {
  if (typeof callback !== 'function') {
    const error = new TypeError('The "callback" argument must be of type function.');
    error.code = 'ERR_INVALID_ARG_TYPE';
    throw error;
  }
  return new Immediate(callback, parameters);
}

function clearImmediate(immediate) {
  if (Immediate.is(immediate)) Immediate.clear(immediate);
}

module.exports = {
  setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, clearImmediate,
  get promises() { return require('timers/promises'); },
};

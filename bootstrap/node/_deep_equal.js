// Deep equality as node:assert and node:util define it: `strict` compares prototypes and primitives by Object.is, the
// loose kind by ==.
const types = require('util/types');

const ownKeys = (value) => {
  const symbols = Object.getOwnPropertySymbols(value).filter((key) => Object.prototype.propertyIsEnumerable.call(value, key));
  return [...Object.keys(value), ...symbols];
};
const tagOf = (value) => Object.prototype.toString.call(value);

function samePrimitives(a, b, strict) {
  if (strict) return Object.is(a, b);
  // eslint-disable-next-line eqeqeq
  return a == b || (a !== a && b !== b);
}

function bytesOf(value) {
  if (!ArrayBuffer.isView(value)) return new Uint8Array(value);
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

class Comparison {
  // Pairs whose comparison is going on: a cycle on both sides is equal as far as it goes.
  #pairs = new Map();

  constructor(strict) {
    this.strict = strict;
  }

  equal(a, b) {
    const { strict } = this;
    if (a === b) return a !== 0 || !strict || Object.is(a, b);
    const objects = [a, b].map((value) => typeof value === 'object' && value !== null);
    if (!objects[0] || !objects[1]) {
      if (strict && (objects[0] || objects[1])) return false;
      if (objects[0] !== objects[1]) return false;
      return samePrimitives(a, b, strict);
    }
    if (strict && Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
    if (tagOf(a) !== tagOf(b) || Array.isArray(a) !== Array.isArray(b)) return false;
    if (this.#pairs.get(a) === b) return true;
    this.#pairs.set(a, b);
    try {
      return this.#sameContents(a, b) && this.#sameProperties(a, b);
    } finally {
      this.#pairs.delete(a);
    }
  }

  #sameContents(a, b) {
    const { strict } = this;
    if (Array.isArray(a)) return a.length === b.length;
    for (const kind of ['isDate', 'isRegExp', 'isNativeError', 'isMap', 'isSet', 'isBoxedPrimitive', 'isArrayBufferView',
      'isAnyArrayBuffer', 'isPromise', 'isWeakMap', 'isWeakSet']) {
      if (types[kind](a) !== types[kind](b)) return false;
    }
    if (types.isDate(a)) return Object.is(Date.prototype.getTime.call(a), Date.prototype.getTime.call(b));
    if (types.isRegExp(a)) return a.source === b.source && a.flags === b.flags && a.lastIndex === b.lastIndex;
    if (types.isNativeError(a)) {
      return a.message === b.message && a.name === b.name && this.equal(a.cause, b.cause) && this.equal(a.errors, b.errors);
    }
    if (types.isBoxedPrimitive(a)) return Object.is(a.valueOf(), b.valueOf());
    if (types.isFloat32Array(a) || types.isFloat64Array(a)) {
      return a.length === b.length && a.every((value, i) => samePrimitives(value, b[i], strict));
    }
    if (types.isArrayBufferView(a) || types.isAnyArrayBuffer(a)) {
      const [x, y] = [bytesOf(a), bytesOf(b)];
      return x.length === y.length && x.every((byte, i) => byte === y[i]);
    }
    if (types.isSet(a)) return this.#sameSet(a, b);
    if (types.isMap(a)) return this.#sameMap(a, b);
    return !types.isPromise(a) && !types.isWeakMap(a) && !types.isWeakSet(a);
  }

  // Members that are not the same value are matched one by one; each may be taken once.
  #sameSet(a, b) {
    if (a.size !== b.size) return false;
    const rest = [...b].filter((value) => !a.has(value));
    for (const value of a) {
      if (b.has(value)) continue;
      const at = rest.findIndex((other) => this.equal(value, other));
      if (at === -1) return false;
      rest.splice(at, 1);
    }
    return true;
  }

  #sameMap(a, b) {
    if (a.size !== b.size) return false;
    const rest = [...b].filter(([key]) => !a.has(key));
    for (const [key, value] of a) {
      if (b.has(key)) {
        if (!this.equal(value, b.get(key))) return false;
        continue;
      }
      const at = rest.findIndex(([otherKey, other]) => this.equal(key, otherKey) && this.equal(value, other));
      if (at === -1) return false;
      rest.splice(at, 1);
    }
    return true;
  }

  #sameProperties(a, b) {
    if (ArrayBuffer.isView(a)) return true;
    const keys = ownKeys(a);
    if (keys.length !== ownKeys(b).length) return false;
    return keys.every((key) => Object.prototype.propertyIsEnumerable.call(b, key) && this.equal(a[key], b[key]));
  }
}

module.exports = (a, b, strict) => new Comparison(strict).equal(a, b);

import { assertEquals, assertStrictEquals, assertThrows, test } from './harness.mjs';

// What the console prints is in core/console_test.cc, which can read it.

test('the namespace object', () => {
  const { value, ...rest } = Object.getOwnPropertyDescriptor(globalThis, 'console');
  assertEquals(rest, { writable: true, enumerable: false, configurable: true });
  assertEquals(Object.prototype.toString.call(value), '[object console]');
  const prototype = Object.getPrototypeOf(console);
  assertEquals(Reflect.ownKeys(prototype), []);
  assertStrictEquals(Object.getPrototypeOf(prototype), Object.prototype);
});

test('has all methods of the standard, free of their receiver', () => {
  const names = [
    'assert', 'clear', 'count', 'countReset', 'debug', 'dir', 'dirxml', 'error', 'group', 'groupCollapsed', 'groupEnd',
    'info', 'log', 'table', 'time', 'timeEnd', 'timeLog', 'trace', 'warn',
  ];
  assertEquals(Object.keys(console).sort(), names);
  for (const name of names) {
    const { value } = Object.getOwnPropertyDescriptor(console, name);
    assertEquals([typeof value, value.name, value.length], ['function', name, 0]);
    assertThrows(() => new value(), TypeError);
  }
});

test('labels are converted to strings', () => {
  const error = new RangeError('no label');
  const label = { toString() { throw error; } };
  for (const name of ['count', 'countReset', 'time', 'timeLog', 'timeEnd']) {
    assertStrictEquals(assertThrows(() => console[name](label), RangeError), error);
  }
});

test('hostile values do not get out', () => {
  const thrower = () => { throw new Error('must not run'); };
  const traps = new Proxy({}, { get: () => thrower });
  const { proxy: revoked, revoke } = Proxy.revocable(function () {}, {});
  revoke();
  const deep = {};
  for (let i = 0, at = deep; i < 1e5; i++) at = at.inner = {};
  const values = [
    new Proxy({}, traps), new Proxy([], traps), new Proxy(new Map(), traps), revoked, deep,
    { get x() { return thrower(); } }, { toString: thrower, valueOf: thrower, toJSON: thrower },
    { get [Symbol.toStringTag]() { return thrower(); } }, Object.create(new Proxy({}, traps)),
    { get constructor() { return thrower(); } }, { constructor: new Proxy(class {}, traps) },
    Object.defineProperty(new Error('e'), 'stack', { get: thrower }),
    Object.defineProperty(new Error('e'), 'message', { get: thrower }),
    Object.defineProperty(() => {}, 'name', { get: thrower }),
    Object.assign(Object.create(Error.prototype), { name: Symbol('n') }),
    Object.setPrototypeOf(new Map([[1, 2]]), null), Object.setPrototypeOf(new Uint8Array(2), null),
    Object.create(Headers.prototype), Object.create(Request.prototype), Object.create(ReadableStream.prototype),
    structuredClone(new ArrayBuffer(1)), Object.defineProperty([], 'length', { writable: false }),
    Object.assign(Object.create(Array.prototype), { length: -1 }), Symbol('s'), 1n, -0,
  ];
  for (const value of values) {
    console.debug(value);
    console.debug('%s %d %i %f %o %O %c', value, value, value, value, value, value, value);
    console.table([value]);
    console.dir(value, { depth: 0 });
  }
});

// A test harness for modules that run in the JavaScript shell. Tests run in the order of their registration, each when
// the one before it has ended; then the module fails if any test did.

const tests = [];

export function test(name, run) {
  tests.push({ name, run });
}

class AssertionError extends Error {
  name = 'AssertionError';
}

export function fail(message) {
  throw new AssertionError(message);
}

function show(value) {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return `[function ${value.name}]`;
  if (Object.is(value, -0)) return '-0';
  if (typeof value !== 'object' || value === null) return String(value);
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return `${value.constructor.name}[${value}]`;
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
  try {
    return JSON.stringify(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}

// Primitives by Object.is; arrays, typed arrays, maps, sets, dates and plain objects by what they hold.
export function equal(a, b, seen = new Map()) {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (seen.get(a) === b) return true;
  seen.set(a, b);
  if (a instanceof Date) return Object.is(a.getTime(), b.getTime());
  if (a instanceof RegExp) return String(a) === String(b);
  if (a instanceof ArrayBuffer) return equal(new Uint8Array(a), new Uint8Array(b));
  if (a instanceof Map || a instanceof Set) return equal([...a], [...b], seen);
  if (a instanceof Error && (a.message !== b.message || a.name !== b.name)) return false;
  const keys = Reflect.ownKeys(a).filter((key) => !(a instanceof Error && key === 'stack'));
  const others = Reflect.ownKeys(b).filter((key) => !(b instanceof Error && key === 'stack'));
  return keys.length === others.length && keys.every((key) => Object.hasOwn(b, key) && equal(a[key], b[key], seen));
}

export function assert(condition, message = 'assertion failed') {
  if (!condition) fail(message);
}

export function assertEquals(actual, expected, message = '') {
  if (!equal(actual, expected)) fail(`${message && `${message}: `}expected ${show(expected)}, got ${show(actual)}`);
}

export function assertStrictEquals(actual, expected, message = '') {
  if (!Object.is(actual, expected)) fail(`${message && `${message}: `}expected ${show(expected)}, got ${show(actual)}`);
}

// `expected` is a class or the name of an error; `pattern` a text or regular expression that the message must have.
function checkError(error, expected, pattern) {
  const matches = expected === undefined ||
    (typeof expected === 'string' ? error?.name === expected : error instanceof expected);
  if (!matches) {
    fail(`expected ${typeof expected === 'string' ? expected : expected.name}, got ${show(error)}`);
  }
  const found = pattern === undefined ||
    (typeof pattern === 'string' ? error.message.includes(pattern) : pattern.test(error.message));
  if (!found) fail(`expected a message with ${pattern}, got ${show(error.message)}`);
  return error;
}

export function assertThrows(run, expected = undefined, pattern = undefined) {
  let error;
  try {
    run();
  } catch (caught) {
    error = caught;
    return checkError(error, expected, pattern);
  }
  fail('expected an exception');
}

export async function assertRejects(promise, expected = undefined, pattern = undefined) {
  let error;
  try {
    await (typeof promise === 'function' ? promise() : promise);
  } catch (caught) {
    error = caught;
    return checkError(error, expected, pattern);
  }
  fail('expected a rejection');
}

// Runs `body` to its end while Object.prototype has accessors of these names, which the runtime must not come upon.
export async function whileSpoiled(keys, body) {
  const spoiled = {
    __proto__: null, configurable: true, get() { throw new Error('used'); }, set() { throw new Error('set'); },
  };
  for (const key of keys) Object.defineProperty(Object.prototype, key, spoiled);
  try {
    await body();
  } finally {
    for (const key of keys) delete Object.prototype[key];
  }
}

export const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// The checks of Web IDL that every interface has to pass: its property on the global object, its prototype, and of each
// attribute and operation the descriptor, the name, the length and the brand check. `members` maps attributes to
// 'readonly' or 'attribute', operations to the number of arguments that they need.
export function checkInterface(name, { length, members = {}, statics = {}, parent = undefined }) {
  const descriptor = Object.getOwnPropertyDescriptor(globalThis, name);
  assert(descriptor !== undefined, `${name} is not defined`);
  assertEquals([descriptor.writable, descriptor.enumerable, descriptor.configurable], [true, false, true], name);
  const Class = descriptor.value;
  assertEquals([Class.name, Class.length], [name, length]);
  assertThrows(() => Class(), TypeError);
  const prototype = Object.getOwnPropertyDescriptor(Class, 'prototype');
  assertEquals([prototype.writable, prototype.enumerable, prototype.configurable], [false, false, false]);
  assertStrictEquals(Object.getPrototypeOf(Class), parent === undefined ? Function.prototype : parent);
  const tag = Object.getOwnPropertyDescriptor(Class.prototype, Symbol.toStringTag);
  assertEquals(tag, { value: name, writable: false, enumerable: false, configurable: true });
  for (const [key, kind] of Object.entries(members)) checkMember(Class.prototype, `${name}.prototype`, key, kind, true);
  for (const [key, kind] of Object.entries(statics)) checkMember(Class, name, key, kind, false);
}

function checkMember(owner, ownerName, key, kind, checksBrand) {
  const what = `${ownerName}.${key}`;
  const member = Object.getOwnPropertyDescriptor(owner, key);
  assert(member !== undefined, `${what} is missing`);
  assertEquals([member.enumerable, member.configurable], [true, true], what);
  if (typeof kind === 'number') {
    assertEquals([member.writable, typeof member.value, member.value.name], [true, 'function', key], what);
    assertEquals(member.value.length, kind, `${what}.length`);
    if (checksBrand) assertThrows(() => member.value.apply({}, Array(kind)), TypeError);
    if (checksBrand && kind > 0) assertThrows(() => member.value.call(owner), TypeError);
    assertThrows(() => new member.value(), TypeError);
    return;
  }
  assertEquals([typeof member.get, member.get.name], ['function', `get ${key}`], what);
  assertEquals(typeof member.set, kind === 'readonly' ? 'undefined' : 'function', `setter of ${what}`);
  if (checksBrand) assertThrows(() => member.get.call({}), TypeError);
  if (member.set !== undefined && checksBrand) assertThrows(() => member.set.call({}, ''), TypeError);
}

async function runAll() {
  let failed = 0;
  for (const { name, run } of tests) {
    try {
      await run();
      console.log(`ok ${name}`);
    } catch (error) {
      ++failed;
      console.log(`FAILED ${name}: ${error?.name === 'AssertionError' ? error.message : error?.stack ?? error}`);
    }
  }
  console.log(`${tests.length - failed} passed, ${failed} failed`);
  if (tests.length === 0) throw new Error('there are no tests');
  if (failed > 0) throw new Error(`${failed} of ${tests.length} tests failed`);
}

// The importing module registers its tests after this one has been evaluated, so the run waits for it.
setTimeout(() => {
  // Nobody awaits it: a failure is an unhandled rejection, which the shell reports by its exit status.
  runAll();
}, 0);

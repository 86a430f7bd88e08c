// structuredClone.

import { assert, assertEquals, assertStrictEquals, assertThrows, test } from './harness.mjs';

test('what the language has is copied deeply', () => {
  const values = [
    undefined, null, true, 0, -0, NaN, 1.5, 2n ** 70n, '', 'é', '😀', new Date(5), /x/gi, [1, , 3], { a: { b: [] } },
    new Map([[{ k: 1 }, new Set([1, 'x'])]]), new Uint8Array([1, 2]), new Float64Array([0.5]), new ArrayBuffer(3),
    Object(1), Object('s'), Object(true), Object(1n), new RangeError('r', { cause: { c: 1 } }),
  ];
  for (const value of values) {
    const clone = structuredClone(value);
    if (value instanceof Error) {
      assertEquals([clone.name, clone.message, clone.cause], ['RangeError', 'r', { c: 1 }]);
    } else {
      assertEquals(clone, value);
    }
    if (typeof value === 'object' && value !== null) assert(clone !== value);
  }
  assertEquals(1 in structuredClone([1, , 3]), false);
  assertEquals(structuredClone(new Uint8Array([1, 2, 3]).subarray(1)).byteOffset, 1);
});

test('identity, cycles and prototypes', () => {
  const shared = { x: 1 };
  const value = { a: shared, b: shared };
  value.self = value;
  const clone = structuredClone(value);
  assertStrictEquals(clone.self, clone);
  assertStrictEquals(clone.a, clone.b);
  assert(clone.a !== shared);
  class Point { constructor() { this.x = 1; } get y() { return 2; } }
  assertEquals(structuredClone(new Point()), { x: 1 });
  assertEquals(structuredClone({ get computed() { return 3; }, [Symbol('s')]: 1 }), { computed: 3 });
});

test('what cannot be copied is a DataCloneError', () => {
  const cases = [
    () => {}, Symbol('s'), { f() {} }, new WeakMap(), new WeakRef({}), Promise.resolve(), [Symbol.iterator],
    new Proxy({}, {}),
  ];
  for (const value of cases) {
    const error = assertThrows(() => structuredClone(value), 'DataCloneError');
    assertEquals([error instanceof DOMException, error.code], [true, 25]);
  }
  assertThrows(() => structuredClone(), TypeError);
  assertThrows(() => structuredClone(1, { transfer: 1 }), TypeError);
  assertThrows(() => structuredClone(1, { transfer: [1] }), TypeError);
});

test('an exception of a getter goes through', () => {
  const thrown = new SyntaxError('mine');
  assertStrictEquals(assertThrows(() => structuredClone({ get x() { throw thrown; } })), thrown);
});

test('transferred buffers are detached, and their bytes are not copied', () => {
  const view = new Uint8Array([1, 2, 3]);
  const clone = structuredClone({ view, again: view.buffer }, { transfer: [view.buffer] });
  assertEquals([view.length, view.buffer.detached, clone.view], [0, true, new Uint8Array([1, 2, 3])]);
  assertStrictEquals(clone.view.buffer, clone.again);
  const alone = new ArrayBuffer(4, { maxByteLength: 8 });
  const moved = structuredClone(alone, { transfer: [alone] });
  assertEquals([alone.byteLength, moved.byteLength, moved.resizable, moved.maxByteLength], [0, 4, true, 8]);
  const unused = new ArrayBuffer(1);
  structuredClone(null, { transfer: [unused] });
  assert(unused.detached);
});

test('a transfer that fails leaves the buffers as they were', () => {
  const buffer = new ArrayBuffer(2);
  assertThrows(() => structuredClone(buffer, { transfer: [buffer, buffer] }), 'DataCloneError', 'twice');
  assertThrows(() => structuredClone(() => {}, { transfer: [buffer] }), 'DataCloneError');
  assertThrows(() => structuredClone(1, { transfer: [buffer, {}] }), 'DataCloneError');
  assertThrows(() => structuredClone(1, { transfer: [new SharedArrayBuffer(1)] }), 'DataCloneError');
  const { buffer: memory } = new WebAssembly.Memory({ initial: 1 });
  assertThrows(() => structuredClone(memory, { transfer: [memory] }), 'DataCloneError', 'cannot be detached');
  assertEquals([buffer.detached, memory.byteLength], [false, 65536]);
  structuredClone(buffer, { transfer: [buffer] });
  assertThrows(() => structuredClone(buffer), 'DataCloneError');
  assertThrows(() => structuredClone(1, { transfer: [buffer] }), 'DataCloneError');
});

test('shared memory stays shared, modules can be copied', () => {
  const shared = new SharedArrayBuffer(4);
  const clone = structuredClone({ a: shared, b: new Int32Array(shared) });
  clone.b[0] = 7;
  assertEquals(new Int32Array(shared)[0], 7);
  const module = new WebAssembly.Module(new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]));
  assert(structuredClone([module])[0] instanceof WebAssembly.Module);
});

test('DOMExceptions are copied wherever they are', () => {
  const error = new DOMException('message', 'NotFoundError');
  const [clone, again] = structuredClone({ list: [error, error] }).list;
  assertEquals([clone.name, clone.message, clone.stack], ['NotFoundError', 'message', error.stack]);
  assert(clone instanceof DOMException && clone !== error);
  assertStrictEquals(clone, again);
  const quota = structuredClone(new QuotaExceededError('q', { quota: 3 }));
  assertEquals([quota instanceof QuotaExceededError, quota.quota, quota.requested], [true, 3, null]);
});

test('a chain deeper than the stack is an error, no crash', () => {
  let deep = {};
  for (let i = 0; i < 200_000; i++) deep = { deep };
  assertThrows(() => structuredClone(deep));
});

// Web Cryptography.

import {
  assert, assertEquals, assertRejects, assertStrictEquals, assertThrows, checkInterface, test,
} from './harness.mjs';

const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, '0')).join('');

test('the interfaces are what their IDL says', () => {
  checkInterface('Crypto', { length: 0, members: { subtle: 'readonly', getRandomValues: 1, randomUUID: 0 } });
  const digest = Object.getOwnPropertyDescriptor(SubtleCrypto.prototype, 'digest');
  assertEquals([digest.value.name, digest.value.length, digest.enumerable], ['digest', 2, true]);
  assertStrictEquals(crypto.subtle, crypto.subtle);
  assertThrows(() => new Crypto(), TypeError, 'Illegal constructor');
  assertThrows(() => new SubtleCrypto(), TypeError, 'Illegal constructor');
});

test('random values fill arrays of integers', () => {
  for (const Type of [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array,
    BigInt64Array, BigUint64Array]) {
    const array = new Type(64);
    assertStrictEquals(crypto.getRandomValues(array), array);
    assert(new Set(array).size > 8, Type.name);
  }
  const part = new Uint8Array(300);
  crypto.getRandomValues(part.subarray(100, 200));
  assert(part.subarray(0, 100).every((byte) => byte === 0) && part.subarray(200).every((byte) => byte === 0));
  assert(part.subarray(100, 200).some((byte) => byte !== 0));
  assertEquals(crypto.getRandomValues(new Uint8Array(0)).length, 0);
  assertEquals(crypto.getRandomValues(new Uint8Array(65536)).length, 65536);
});

test('random values have a quota and want integers', () => {
  const error = assertThrows(() => crypto.getRandomValues(new Uint8Array(65537)), 'QuotaExceededError');
  assertEquals([error instanceof DOMException, error.code, error.quota, error.requested], [true, 22, null, null]);
  for (const array of [new Float32Array(1), new Float64Array(1), new DataView(new ArrayBuffer(1))]) {
    assertThrows(() => crypto.getRandomValues(array), 'TypeMismatchError');
  }
  for (const wrong of [undefined, null, 1, [], new ArrayBuffer(1), new Uint8Array(new SharedArrayBuffer(1))]) {
    assertThrows(() => crypto.getRandomValues(wrong), TypeError);
  }
});

test('UUIDs are of version 4 and differ', () => {
  const seen = new Set();
  for (let i = 0; i < 1000; i++) {
    const uuid = crypto.randomUUID();
    assert(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(uuid), uuid);
    seen.add(uuid);
  }
  assertEquals(seen.size, 1000);
});

test('digests of the SHA family', async () => {
  const abc = new TextEncoder().encode('abc');
  const digest = async (algorithm, data = abc) => hex(await crypto.subtle.digest(algorithm, data));
  assertEquals(await digest('SHA-1'), 'a9993e364706816aba3e25717850c26c9cd0d89d');
  assertEquals(await digest({ name: 'sha-256' }), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  assertEquals(await digest('Sha-384'),
    'cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7');
  assertEquals(await digest('SHA-512'),
    'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a' +
    '2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f');
  assertEquals(await digest('SHA-256', new ArrayBuffer(0)),
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  assertEquals(await digest('SHA-256', new DataView(abc.buffer)), await digest('SHA-256'));
});

test('a large digest does not see what is written afterwards', async () => {
  const million = new Uint8Array(1_000_000).fill(97);
  const promise = crypto.subtle.digest('SHA-256', million);
  million.fill(98);
  assertEquals(hex(await promise), 'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0');
  const results = await Promise.all([1, 2, 3, 4].map(() => crypto.subtle.digest('SHA-1', new Uint8Array(200_000))));
  assertEquals(new Set(results.map(hex)).size, 1);
});

test('wrong arguments of digest reject', async () => {
  await assertRejects(crypto.subtle.digest('MD5', new Uint8Array(1)), 'NotSupportedError');
  await assertRejects(crypto.subtle.digest({}, new Uint8Array(1)), TypeError, "lacks the member 'name'");
  await assertRejects(crypto.subtle.digest('SHA-1', 'text'), TypeError);
  await assertRejects(crypto.subtle.digest('SHA-1'), TypeError, '2 arguments required');
  const { digest } = SubtleCrypto.prototype;
  await assertRejects(digest.call({}, 'SHA-1', new Uint8Array(1)), TypeError, 'Illegal invocation');
  await assertRejects(crypto.subtle.digest('SHA-1', new Uint8Array(new SharedArrayBuffer(1))), TypeError);
});

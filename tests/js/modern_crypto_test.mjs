// The Modern Algorithms in the Web Cryptography API, as far as there are. Vectors are from the RFCs and NIST publications
// named.

import { assert, assertEquals, assertRejects, test } from './harness.mjs';

const { subtle } = crypto;
const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
const bytes = (text) => new Uint8Array((text.match(/../g) ?? []).map((pair) => parseInt(pair, 16)));
const utf8 = (text) => new TextEncoder().encode(text);
const upwards = (from, count) => Uint8Array.from({ length: count }, (_, i) => from + i);
const secret = (key, algorithm, usages) => subtle.importKey('raw-secret', key, algorithm, true, usages);

test('ChaCha20-Poly1305: RFC 8439, section 2.8.2', async () => {
  const key = await secret(upwards(0x80, 32), 'ChaCha20-Poly1305', ['encrypt', 'decrypt']);
  const text = utf8("Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, " +
    'sunscreen would be it.');
  const params = {
    name: 'ChaCha20-Poly1305', iv: bytes('070000004041424344454647'), additionalData: bytes('50515253c0c1c2c3c4c5c6c7'),
  };
  const encrypted = await subtle.encrypt(params, key, text);
  assertEquals(hex(encrypted).slice(0, 32), 'd31a8d34648e60db7b86afbc53ef7ec2');
  assertEquals(hex(encrypted).slice(-32), '1ae10b594f09e26a7e902ecbd0600691');
  assertEquals(new Uint8Array(await subtle.decrypt(params, key, encrypted)), text);
  const damaged = new Uint8Array(encrypted);
  damaged[0] ^= 1;
  await assertRejects(subtle.decrypt(params, key, damaged), 'OperationError');
  await assertRejects(subtle.encrypt({ ...params, iv: new Uint8Array(11) }, key, text), 'OperationError');
  await assertRejects(subtle.encrypt({ ...params, tagLength: 96 }, key, text), 'OperationError');
  assertEquals((await subtle.exportKey('jwk', key)).alg, 'C20P');
  await assertRejects(subtle.exportKey('raw', key), 'NotSupportedError');
  await assertRejects(secret(new Uint8Array(31), 'ChaCha20-Poly1305', ['encrypt']), 'DataError');
});

test('AES-OCB: RFC 7253, appendix A; shorter tags', async () => {
  const key = await secret(upwards(0, 16), 'AES-OCB', ['encrypt', 'decrypt']);
  const params = { name: 'AES-OCB', iv: bytes('bbaa99887766554433221101'), additionalData: upwards(0, 8) };
  const encrypted = await subtle.encrypt(params, key, upwards(0, 8));
  assertEquals(hex(encrypted), '6820b3657b6f615a5725bda0d3b4eb3a257c9af1f8f03009');
  assertEquals(new Uint8Array(await subtle.decrypt(params, key, encrypted)), upwards(0, 8));
  const short = await subtle.encrypt({ ...params, tagLength: 64 }, key, upwards(0, 40));
  assertEquals(short.byteLength, 48);
  assertEquals(new Uint8Array(await subtle.decrypt({ ...params, tagLength: 64 }, key, short)), upwards(0, 40));
  await assertRejects(subtle.decrypt(params, key, short), 'OperationError');
  await assertRejects(subtle.decrypt(params, key, new Uint8Array(15)), 'OperationError');
  for (const wrong of [{ iv: new Uint8Array(16) }, { iv: new Uint8Array(0) }, { tagLength: 32 }]) {
    await assertRejects(subtle.encrypt({ ...params, ...wrong }, key, upwards(0, 8)), 'OperationError');
  }
});

test('KMAC: the samples of NIST', async () => {
  const key = await secret(upwards(0x40, 32), 'KMAC128', ['sign', 'verify']);
  const params = { name: 'KMAC128', outputLength: 256 };
  const plain = await subtle.sign(params, key, upwards(0, 4));
  assertEquals(hex(plain), 'e5780b0d3ea6f7d3a429c5706aa43a00fadbd7d49628839e3187243f456ee14e');
  params.customization = utf8('My Tagged Application');
  const tagged = await subtle.sign(params, key, upwards(0, 4));
  assertEquals(hex(tagged), '3b1fba963cd8b0b59e8c1a6d71888b7143651af8ba0a7070c0979e2811324aa5');
  assertEquals(await subtle.verify(params, key, tagged, upwards(0, 4)), true);
  assertEquals(await subtle.verify(params, key, plain, upwards(0, 4)), false);
  for (const outputLength of [0, 12]) {
    await assertRejects(subtle.sign({ name: 'KMAC128', outputLength }, key, upwards(0, 4)), 'OperationError');
  }
  // OpenSSL's limits.
  await assertRejects(subtle.sign({ ...params, outputLength: 2 ** 32 - 8 }, key, upwards(0, 4)), 'OperationError');
  const long = { ...params, customization: new Uint8Array(513) };
  await assertRejects(subtle.sign(long, key, upwards(0, 4)), 'OperationError');
  const made = await subtle.generateKey('KMAC256', true, ['sign']);
  assertEquals([made.algorithm.length, (await subtle.exportKey('jwk', made)).alg], [256, 'K256']);
});

test('cSHAKE: the samples of NIST, and SHAKE without a customization', async () => {
  const digest = async (name, outputLength, customization, functionName = undefined) =>
    hex(await subtle.digest({ name, outputLength, customization, functionName }, upwards(0, 4)));
  assertEquals(await digest('cSHAKE128', 256, utf8('Email Signature')),
    'c1c36925b6409a04f1b504fcbca9d82b4017277cb5ed2b2065fc1d3814d5aaf5');
  assertEquals(await digest('cSHAKE256', 512, utf8('Email Signature'), new Uint8Array(0)),
    'd008828e2b80ac9d2218ffee1d070c48b8e4c87bff32c9699d5b6896eee0edd164020e2be0560858d9c00c037e34a96937c561a74c412bb4' +
    'c746469527281c8c');
  const { buffer } = new Uint8Array(0);
  assertEquals(hex(await subtle.digest({ name: 'cSHAKE128', outputLength: 256 }, buffer)),
    '7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26');
  assertEquals(await digest('cSHAKE128', 0, undefined), '');
  assertEquals((await digest('cSHAKE128', 8 * 70000, undefined)).length, 2 * 70000);
  await assertRejects(digest('cSHAKE128', 12, undefined), 'OperationError');
  await assertRejects(subtle.digest('cSHAKE128', new Uint8Array(0)), TypeError);
});

test('newer names of the raw format', async () => {
  const aes = await secret(new Uint8Array(16), 'AES-CBC', ['encrypt']);
  assertEquals(hex(await subtle.exportKey('raw', aes)), hex(await subtle.exportKey('raw-secret', aes)));
  const { publicKey, privateKey } = await subtle.generateKey('Ed25519', true, ['sign', 'verify']);
  const raw = await subtle.exportKey('raw-public', publicKey);
  assertEquals(hex(raw), hex(await subtle.exportKey('raw', publicKey)));
  assertEquals((await subtle.importKey('raw-public', raw, 'Ed25519', true, ['verify'])).type, 'public');
  await assertRejects(subtle.exportKey('raw-public', privateKey), 'InvalidAccessError');
  await assertRejects(subtle.exportKey('raw-seed', privateKey), 'NotSupportedError');
  await assertRejects(subtle.importKey('raw-public', raw, 'AES-CBC', true, ['encrypt']), 'NotSupportedError');
  await assertRejects(subtle.importKey('raw-seed', raw, 'Ed25519', true, ['sign']), 'NotSupportedError');
});

test('getPublicKey', async () => {
  const { publicKey, privateKey } = await subtle.generateKey('Ed25519', false, ['sign', 'verify']);
  const again = await subtle.getPublicKey(privateKey, ['verify']);
  assertEquals([again.type, again.extractable, again.usages], ['public', true, ['verify']]);
  assertEquals(hex(await subtle.exportKey('spki', again)), hex(await subtle.exportKey('spki', publicKey)));
  await assertRejects(subtle.exportKey('pkcs8', again), 'InvalidAccessError');
  await assertRejects(subtle.getPublicKey(publicKey, ['verify']), 'InvalidAccessError');
  await assertRejects(subtle.getPublicKey(privateKey, ['sign']), 'SyntaxError');
  await assertRejects(subtle.getPublicKey(await subtle.generateKey('KMAC128', true, ['sign']), []), 'NotSupportedError');
});

test('supports tells what would work', () => {
  const { supports } = SubtleCrypto;
  assert(supports('encrypt', { name: 'AES-GCM', iv: new Uint8Array(12) }));
  assert(!supports('encrypt', { name: 'AES-GCM', iv: new Uint8Array(12), tagLength: 100 }));
  assert(!supports('encrypt', 'AES-GCM'));
  const hkdf = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(1), info: new Uint8Array(0) };
  assertEquals([supports('deriveBits', hkdf, 8), supports('deriveBits', hkdf, 9), supports('deriveBits', hkdf)],
    [true, false, false]);
  assert(supports('deriveKey', hkdf, { name: 'AES-GCM', length: 128 }));
  assert(!supports('deriveKey', hkdf, { name: 'AES-GCM', length: 100 }));
  assert(!supports('deriveKey', hkdf, 'ECDSA'));
  assert(supports('wrapKey', 'AES-KW', { name: 'HMAC', hash: 'SHA-1' }));
  assert(!supports('unwrapKey', 'AES-KW', 'SHA-1'));
  assert(supports('generateKey', { name: 'ECDSA', namedCurve: 'P-256' }));
  assert(!supports('generateKey', { name: 'ECDSA', namedCurve: 'P-25' }));
  assert(!supports('encapsulateBits', 'ML-KEM-768'));
  assert(!supports('toString', 'AES-GCM'));
});

test('Ed25519: keys and points of small order sign nothing', async () => {
  const neutral = bytes(`01${'00'.repeat(31)}`);
  const key = await subtle.importKey('raw', neutral, 'Ed25519', true, ['verify']);
  assertEquals(await subtle.verify('Ed25519', key, bytes(`01${'00'.repeat(63)}`), utf8('anything')), false);
});

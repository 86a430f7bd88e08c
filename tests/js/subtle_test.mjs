// Web Cryptography: keys and what is done with them. Vectors are from the RFCs and NIST publications named.

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows, checkInterface, test } from
  './harness.mjs';

const { subtle } = crypto;
const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
const bytes = (text) => new Uint8Array((text.match(/../g) ?? []).map((pair) => parseInt(pair, 16)));
const utf8 = (text) => new TextEncoder().encode(text);
const secret = (key, algorithm, usages) => subtle.importKey('raw', key, algorithm, true, usages);

test('the interfaces are what their IDL says', () => {
  checkInterface('CryptoKey', {
    length: 0, members: { type: 'readonly', extractable: 'readonly', algorithm: 'readonly', usages: 'readonly' },
  });
  const lengths = {
    encrypt: 3, decrypt: 3, sign: 3, verify: 4, digest: 2, generateKey: 3, deriveKey: 5, deriveBits: 2, importKey: 5,
    exportKey: 2, wrapKey: 4, unwrapKey: 7, getPublicKey: 2,
  };
  for (const [name, length] of Object.entries(lengths)) {
    const { value, enumerable } = Object.getOwnPropertyDescriptor(SubtleCrypto.prototype, name);
    assertEquals([value.name, value.length, enumerable], [name, length, true]);
  }
  assertThrows(() => new CryptoKey(), TypeError, 'Illegal constructor');
});

test('AES-GCM: test case 4 of the GCM specification, truncated tags, wrong tags', async () => {
  const key = await secret(bytes('feffe9928665731c6d6a8f9467308308'), 'AES-GCM', ['encrypt', 'decrypt']);
  const text = bytes('d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525' +
    'b16aedf5aa0de657ba637b39');
  const params = {
    name: 'aes-gcm', iv: bytes('cafebabefacedbaddecaf888'),
    additionalData: bytes('feedfacedeadbeeffeedfacedeadbeefabaddad2'),
  };
  const encrypted = await subtle.encrypt(params, key, text);
  assertEquals(hex(encrypted), '42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c' +
    '7d8f6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47');
  assertEquals(new Uint8Array(await subtle.decrypt(params, key, encrypted)), text);
  const short = await subtle.encrypt({ ...params, tagLength: 96 }, key, text);
  assertEquals(short.byteLength, text.length + 12);
  assertEquals(new Uint8Array(await subtle.decrypt({ ...params, tagLength: 96 }, key, short)), text);
  const damaged = new Uint8Array(encrypted);
  damaged[3] ^= 1;
  await assertRejects(subtle.decrypt(params, key, damaged), 'OperationError');
  await assertRejects(subtle.decrypt(params, key, new Uint8Array(3)), 'OperationError');
  await assertRejects(subtle.encrypt({ ...params, tagLength: 100 }, key, text), 'OperationError');
  await assertRejects(subtle.encrypt({ name: 'AES-GCM', iv: new Uint8Array(0) }, key, text), 'OperationError');
});

test('AES-CBC and AES-CTR: NIST SP 800-38A', async () => {
  const raw = bytes('2b7e151628aed2a6abf7158809cf4f3c');
  const block = bytes('6bc1bee22e409f96e93d7e117393172a');
  const cbc = await secret(raw, 'AES-CBC', ['encrypt', 'decrypt']);
  const iv = bytes('000102030405060708090a0b0c0d0e0f');
  const encrypted = await subtle.encrypt({ name: 'AES-CBC', iv }, cbc, block);
  assertEquals(hex(encrypted).slice(0, 32), '7649abac8119b246cee98e9b12e9197d');
  assertEquals(new Uint8Array(await subtle.decrypt({ name: 'AES-CBC', iv }, cbc, encrypted)), block);
  await assertRejects(subtle.decrypt({ name: 'AES-CBC', iv }, cbc, encrypted.slice(0, 20)), 'OperationError');
  await assertRejects(subtle.encrypt({ name: 'AES-CBC', iv: new Uint8Array(15) }, cbc, block), 'OperationError');

  const ctr = await secret(raw, 'AES-CTR', ['encrypt', 'decrypt']);
  const counter = bytes('f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff');
  const params = { name: 'AES-CTR', counter, length: 64 };
  assertEquals(hex(await subtle.encrypt(params, ctr, block)), '874d6191b620e3261bef6864990db6ce');
  assertEquals((await subtle.encrypt(params, ctr, new Uint8Array(0))).byteLength, 0);
});

test('the counter of AES-CTR starts anew within its bits, and may not repeat', async () => {
  const key = await secret(bytes('2b7e151628aed2a6abf7158809cf4f3c'), 'AES-CTR', ['encrypt']);
  const at = (last, length = 128) =>
    ({ name: 'AES-CTR', counter: bytes(`f0f1f2f3f4f5f6f7f8f9fafbfcfdfe${last}`), length });
  const zeros = (blocks) => new Uint8Array(16 * blocks);
  const parts = [hex(await subtle.encrypt(at('ff'), key, zeros(1))), hex(await subtle.encrypt(at('00'), key, zeros(2)))];
  assertEquals(hex(await subtle.encrypt(at('ff', 8), key, zeros(3))), parts.join(''));
  assertEquals(hex(await subtle.encrypt(at('f3', 2), key, zeros(1))), hex(await subtle.encrypt(at('f3'), key, zeros(1))));
  await assertRejects(subtle.encrypt(at('00', 2), key, new Uint8Array(65)), 'OperationError');
  await assertRejects(subtle.encrypt(at('00', 0), key, zeros(1)), 'OperationError');
  const highest = { name: 'AES-CTR', counter: new Uint8Array(16).fill(255), length: 128 };
  const zero = { name: 'AES-CTR', counter: new Uint8Array(16), length: 128 };
  assertEquals(hex(await subtle.encrypt(highest, key, zeros(2))).slice(32), hex(await subtle.encrypt(zero, key, zeros(1))));
});

test('AES-KW: RFC 3394, section 4.1', async () => {
  const wrapping = await secret(bytes('000102030405060708090a0b0c0d0e0f'), 'AES-KW', ['wrapKey', 'unwrapKey']);
  const key = await secret(bytes('00112233445566778899aabbccddeeff'), 'AES-CBC', ['encrypt']);
  const wrapped = await subtle.wrapKey('raw', key, wrapping, 'AES-KW');
  assertEquals(hex(wrapped), '1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5');
  const unwrapped = await subtle.unwrapKey('raw', wrapped, wrapping, 'AES-KW', 'AES-CBC', true, ['encrypt']);
  assertEquals(hex(await subtle.exportKey('raw', unwrapped)), '00112233445566778899aabbccddeeff');
  const damaged = new Uint8Array(wrapped);
  damaged[0] ^= 1;
  await assertRejects(subtle.unwrapKey('raw', damaged, wrapping, 'AES-KW', 'AES-CBC', true, ['encrypt']),
    'OperationError');
});

test('HMAC: RFC 4231; lengths', async () => {
  const key = await secret(utf8('Jefe'), { name: 'HMAC', hash: 'SHA-256' }, ['sign', 'verify']);
  const signature = await subtle.sign('HMAC', key, utf8('what do ya want for nothing?'));
  assertEquals(hex(signature), '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843');
  assert(await subtle.verify('HMAC', key, signature, utf8('what do ya want for nothing?')));
  assert(!await subtle.verify('HMAC', key, signature, utf8('what do ya want')));
  assert(!await subtle.verify('HMAC', key, signature.slice(1), utf8('what do ya want for nothing?')));
  assertEquals([key.algorithm.length, key.algorithm.hash.name], [32, 'SHA-256']);
  const cut = await secret(new Uint8Array([255, 255]), { name: 'HMAC', hash: 'SHA-1', length: 11 }, ['sign']);
  assertEquals(hex(await subtle.exportKey('raw', cut)), 'ffe0');
  await assertRejects(secret(new Uint8Array(2), { name: 'HMAC', hash: 'SHA-1', length: 8 }, ['sign']), 'DataError');
  await assertRejects(secret(new Uint8Array(0), { name: 'HMAC', hash: 'SHA-1' }, ['sign']), 'DataError');
  const made = await subtle.generateKey({ name: 'HMAC', hash: 'SHA-384' }, true, ['sign']);
  assertEquals([made.algorithm.length, (await subtle.exportKey('raw', made)).byteLength], [1024, 128]);
  await assertRejects(subtle.generateKey({ name: 'HMAC', hash: 'SHA-1', length: 0 }, true, ['sign']), 'OperationError');
});

test('HKDF: RFC 5869; PBKDF2: RFC 6070', async () => {
  const hkdf = await subtle.importKey('raw', new Uint8Array(22).fill(11), 'HKDF', false, ['deriveBits']);
  const params = {
    name: 'HKDF', hash: 'SHA-256', salt: bytes('000102030405060708090a0b0c'), info: bytes('f0f1f2f3f4f5f6f7f8f9'),
  };
  assertEquals(hex(await subtle.deriveBits(params, hkdf, 42 * 8)),
    '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865');
  await assertRejects(subtle.deriveBits(params, hkdf, 255 * 32 * 8 + 8), 'OperationError');
  await assertRejects(subtle.deriveBits(params, hkdf, 7), 'OperationError');
  await assertRejects(subtle.deriveBits(params, hkdf), 'OperationError');
  const empty = await subtle.importKey('raw', new Uint8Array(0), 'HKDF', false, ['deriveBits']);
  assertEquals((await subtle.deriveBits({ ...params, salt: new Uint8Array(0) }, empty, 256)).byteLength, 32);

  const password = await subtle.importKey('raw', utf8('password'), 'PBKDF2', false, ['deriveBits', 'deriveKey']);
  const derive = (iterations, length = 160) =>
    subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-1', salt: utf8('salt'), iterations }, password, length);
  assertEquals(hex(await derive(1)), '0c60c80f961f0e71f3a9b524af6012062fe037a6');
  assertEquals(hex(await derive(4096)), '4b007901b765489abead49d926f721d065a429c1');
  await assertRejects(derive(0), 'OperationError');
  await assertRejects(derive(1, null), 'OperationError');
  const key = await subtle.deriveKey({ name: 'PBKDF2', hash: 'SHA-1', salt: utf8('salt'), iterations: 1 }, password,
    { name: 'AES-GCM', length: 128 }, true, ['encrypt']);
  assertEquals(hex(await subtle.exportKey('raw', key)), '0c60c80f961f0e71f3a9b524af601206');
  await assertRejects(subtle.importKey('raw', utf8('x'), 'PBKDF2', true, ['deriveBits']), 'SyntaxError');
  await assertRejects(subtle.importKey('jwk', { kty: 'oct', k: 'AA' }, 'PBKDF2', false, ['deriveBits']),
    'NotSupportedError');
});

test('Ed25519: RFC 8032, section 7.1, test 2', async () => {
  const jwk = {
    kty: 'OKP', crv: 'Ed25519', d: 'TM0Imyj_ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U-4pvs',
    x: 'PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw',
  };
  const privateKey = await subtle.importKey('jwk', jwk, 'Ed25519', true, ['sign']);
  const signature = await subtle.sign('Ed25519', privateKey, new Uint8Array([0x72]));
  assertEquals(hex(signature), '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da' +
    '085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00');
  const publicKey = await subtle.importKey('raw',
    bytes('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c'), 'Ed25519', true, ['verify']);
  assert(await subtle.verify('Ed25519', publicKey, signature, new Uint8Array([0x72])));
  assert(!await subtle.verify('Ed25519', publicKey, signature, new Uint8Array([0x73])));
  await assertRejects(subtle.importKey('jwk', { ...jwk, x: jwk.d }, 'Ed25519', true, ['sign']), 'DataError');
});

test('X25519: both sides agree; a secret of zeros is refused', async () => {
  const pkcs8 = (raw) => bytes(`302e020100300506032b656e04220420${raw}`);
  const own = await subtle.importKey('pkcs8', pkcs8('77'.repeat(32)), 'X25519', true, ['deriveBits']);
  const { publicKey, privateKey } = await subtle.generateKey('X25519', true, ['deriveBits']);
  const ownPublic = await subtle.importKey('jwk', { kty: 'OKP', crv: 'X25519', x: (await subtle.exportKey('jwk', own)).x },
    'X25519', true, []);
  assertEquals(hex(await subtle.deriveBits({ name: 'X25519', public: publicKey }, own, null)),
    hex(await subtle.deriveBits({ name: 'X25519', public: ownPublic }, privateKey, 256)));
  const zero = await subtle.importKey('raw', new Uint8Array(32), 'X25519', true, []);
  await assertRejects(subtle.deriveBits({ name: 'X25519', public: zero }, own, null), 'OperationError');
  await assertRejects(subtle.deriveBits({ name: 'X25519', public: privateKey }, own, null), 'InvalidAccessError');
  await assertRejects(subtle.deriveBits({ name: 'X25519', public: publicKey }, own, 264), 'OperationError');
});

const pairs = [
  [{ name: 'ECDSA', namedCurve: 'P-256' }, ['sign', 'verify'], { name: 'ECDSA', hash: 'SHA-256' }, ['raw']],
  [{ name: 'ECDSA', namedCurve: 'P-384' }, ['sign', 'verify'], { name: 'ECDSA', hash: 'SHA-384' }, ['raw']],
  [{ name: 'ECDSA', namedCurve: 'P-521' }, ['sign', 'verify'], { name: 'ECDSA', hash: 'SHA-512' }, ['raw']],
  [{ name: 'Ed25519' }, ['sign', 'verify'], 'Ed25519', ['raw']],
  [{ name: 'Ed448' }, ['sign', 'verify'], 'Ed448', ['raw']],
  [{ name: 'RSASSA-PKCS1-v1_5', modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' },
    ['sign', 'verify'], 'RSASSA-PKCS1-v1_5', []],
  [{ name: 'RSA-PSS', modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-1' },
    ['sign', 'verify'], { name: 'RSA-PSS', saltLength: 20 }, []],
];

for (const [algorithm, usages, scheme, rawFormats] of pairs) {
  test(`${algorithm.name} ${algorithm.namedCurve ?? ''}: made, exported, imported, signed with, checked`, async () => {
    const pair = await subtle.generateKey(algorithm, true, usages);
    assertEquals(Object.keys(pair), ['privateKey', 'publicKey']);
    assertEquals([pair.privateKey.usages, pair.publicKey.usages], [['sign'], ['verify']]);
    const data = utf8('data');
    for (const format of ['jwk', 'pkcs8']) {
      const exported = await subtle.exportKey(format, pair.privateKey);
      const key = await subtle.importKey(format, exported, algorithm, false, ['sign']);
      assertEquals([key.type, key.extractable], ['private', false]);
      await assertRejects(subtle.exportKey(format, key), 'InvalidAccessError');
      const signature = await subtle.sign(scheme, key, data);
      for (const publicFormat of ['jwk', 'spki', ...rawFormats]) {
        const again = await subtle.importKey(publicFormat, await subtle.exportKey(publicFormat, pair.publicKey), algorithm,
          true, ['verify']);
        assertStrictEquals(await subtle.verify(scheme, again, signature, data), true, publicFormat);
        assertStrictEquals(await subtle.verify(scheme, again, signature, utf8('other')), false, publicFormat);
        assertStrictEquals(await subtle.verify(scheme, again, signature.slice(1), data), false, publicFormat);
      }
    }
    await assertRejects(subtle.exportKey('spki', pair.privateKey), 'InvalidAccessError');
    await assertRejects(subtle.sign(scheme, pair.publicKey, data), 'InvalidAccessError');
  });
}

test('an RSA-PSS signature has the length of the modulus', async () => {
  const { privateKey, publicKey } = await subtle.generateKey(
    { name: 'RSA-PSS', modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-1' }, true,
    ['sign', 'verify']);
  const scheme = { name: 'RSA-PSS', saltLength: 20 };
  let signature;
  do {  // One of 256 begins with a zero, which stands for nothing as a number.
    signature = new Uint8Array(await subtle.sign(scheme, privateKey, utf8('data')));
  } while (signature[0] !== 0);
  assertEquals(await subtle.verify(scheme, publicKey, signature, utf8('data')), true);
  assertEquals(await subtle.verify(scheme, publicKey, signature.subarray(1), utf8('data')), false);
});

test('ECDH on each curve; parts of the secret', async () => {
  for (const namedCurve of ['P-256', 'P-384', 'P-521']) {
    const a = await subtle.generateKey({ name: 'ECDH', namedCurve }, true, ['deriveBits', 'deriveKey']);
    const b = await subtle.generateKey({ name: 'ECDH', namedCurve }, true, ['deriveBits']);
    assertEquals(a.publicKey.usages, []);
    const one = await subtle.deriveBits({ name: 'ECDH', public: b.publicKey }, a.privateKey, null);
    assertEquals(hex(one), hex(await subtle.deriveBits({ name: 'ECDH', public: a.publicKey }, b.privateKey)));
    const some = new Uint8Array(await subtle.deriveBits({ name: 'ECDH', public: b.publicKey }, a.privateKey, 20));
    assertEquals([some.length, some[2]], [3, new Uint8Array(one)[2] & 0xf0]);
    const key = await subtle.deriveKey({ name: 'ECDH', public: b.publicKey }, a.privateKey,
      { name: 'AES-CBC', length: 256 }, true, ['encrypt']);
    assertEquals(hex(await subtle.exportKey('raw', key)), hex(one).slice(0, 64));
  }
});

test('RSA-OAEP encrypts, decrypts, wraps; wrong labels and sizes', async () => {
  const pair = await subtle.generateKey(
    { name: 'RSA-OAEP', modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' }, false,
    ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey']);
  assertEquals([pair.privateKey.extractable, pair.publicKey.extractable], [false, true]);
  const label = utf8('label');
  const encrypted = await subtle.encrypt({ name: 'RSA-OAEP', label }, pair.publicKey, utf8('text'));
  assertEquals(new Uint8Array(await subtle.decrypt({ name: 'RSA-OAEP', label }, pair.privateKey, encrypted)),
    utf8('text'));
  await assertRejects(subtle.decrypt({ name: 'RSA-OAEP' }, pair.privateKey, encrypted), 'OperationError');
  await assertRejects(subtle.encrypt('RSA-OAEP', pair.publicKey, new Uint8Array(100)), 'OperationError');
  const key = await subtle.generateKey({ name: 'AES-CBC', length: 128 }, true, ['encrypt']);
  const wrapped = await subtle.wrapKey('raw', key, pair.publicKey, 'RSA-OAEP');
  const back = await subtle.unwrapKey('raw', wrapped, pair.privateKey, 'RSA-OAEP', 'AES-CBC', true, ['encrypt']);
  assertEquals(hex(await subtle.exportKey('raw', back)), hex(await subtle.exportKey('raw', key)));
});

test('a JWK is wrapped by any cipher, whatever a script did to JSON', async () => {
  const wrapping = await subtle.generateKey({ name: 'AES-GCM', length: 256 }, true, ['wrapKey', 'unwrapKey', 'decrypt']);
  const key = await subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, true, ['sign']);
  const params = { name: 'AES-GCM', iv: new Uint8Array(12) };
  Object.prototype.toJSON = () => 'stolen';
  let wrapped;
  try {
    wrapped = await subtle.wrapKey('jwk', key, wrapping, params);
  } finally {
    delete Object.prototype.toJSON;
  }
  const jwk = JSON.parse(new TextDecoder().decode(await subtle.decrypt(params, wrapping, wrapped)));
  assertEquals([jwk.kty, jwk.alg, jwk.ext, jwk.key_ops], ['oct', 'HS256', true, ['sign']]);
  const back = await subtle.unwrapKey('jwk', wrapped, wrapping, params, { name: 'HMAC', hash: 'SHA-256' }, true, ['sign']);
  assertEquals(await subtle.exportKey('jwk', back), await subtle.exportKey('jwk', key));
  const noKey = await subtle.encrypt({ ...params },
    await secret(await subtle.exportKey('raw', wrapping), 'AES-GCM', ['encrypt']), utf8('no JSON'));
  await assertRejects(subtle.unwrapKey('jwk', noKey, wrapping, params, 'AES-CBC', true, ['encrypt']), 'DataError');
});

test('errors come in the order of the standard', async () => {
  const data = new Uint8Array(1);
  const key = await subtle.generateKey({ name: 'AES-CBC', length: 128 }, false, ['encrypt']);
  await assertRejects(subtle.encrypt('AES-CBC', key, data), TypeError, "lacks the member 'iv'");
  await assertRejects(subtle.encrypt('nonsense', key, data), 'NotSupportedError');
  await assertRejects(subtle.encrypt('AE\u017f-CBC', key, data), 'NotSupportedError');
  await assertRejects(subtle.encrypt('AES-CBC', {}, data), TypeError);
  await assertRejects(subtle.encrypt({ name: 'AES-GCM', iv: data }, key, data), 'InvalidAccessError');
  await assertRejects(subtle.decrypt({ name: 'AES-CBC', iv: data }, key, data), 'InvalidAccessError');
  await assertRejects(subtle.exportKey('raw', key), 'InvalidAccessError');
  await assertRejects(subtle.exportKey('pem', key), TypeError);
  await assertRejects(subtle.generateKey({ name: 'AES-CBC', length: 100 }, true, ['sign']), 'SyntaxError');
  await assertRejects(subtle.generateKey({ name: 'AES-CBC', length: 100 }, true, ['encrypt']), 'OperationError');
  await assertRejects(subtle.generateKey({ name: 'AES-CBC', length: 128 }, true, []), 'SyntaxError');
  await assertRejects(subtle.generateKey({ name: 'AES-CBC', length: 65536 }, true, ['encrypt']), TypeError);
  await assertRejects(subtle.generateKey({ name: 'AES-CBC', length: 128 }, true, ['fly']), TypeError);
  await assertRejects(subtle.importKey('raw', {}, 'AES-CBC', true, ['encrypt']), TypeError);
  await assertRejects(subtle.importKey('jwk', data, 'AES-CBC', true, ['encrypt']), TypeError);
  await assertRejects(subtle.importKey('raw', data, 'AES-CBC', true, ['encrypt']), 'DataError');
  await assertRejects(subtle.importKey('jwk', { kty: 'oct', k: 'AA' }, 'AES-CBC', true, ['encrypt']), 'DataError');
  await assertRejects(subtle.importKey('jwk', { kty: 'oct', k: '!' }, 'AES-CBC', true, ['encrypt']), 'DataError');
  await assertRejects(subtle.importKey('jwk',
    { kty: 'oct', k: 'AAAAAAAAAAAAAAAAAAAAAA', ext: false }, 'AES-CBC', true, ['encrypt']), 'DataError');
  await assertRejects(subtle.importKey('spki', data, { name: 'ECDSA', namedCurve: 'P-256' }, true, []), 'DataError');
  await assertRejects(subtle.importKey('raw', bytes(`04${'01'.repeat(64)}`), { name: 'ECDSA', namedCurve: 'P-256' }, true,
    ['verify']), 'DataError');
  await assertRejects(subtle.generateKey(
    { name: 'RSA-PSS', modulusLength: 1024, publicExponent: new Uint8Array([2]), hash: 'SHA-1' }, true, ['sign']),
  'OperationError');
  await assertRejects(subtle.generateKey(
    { name: 'RSA-PSS', modulusLength: 1e9, publicExponent: new Uint8Array([3]), hash: 'SHA-1' }, true, ['sign']),
  'OperationError');
});

test('buffers are read after the algorithm, and once', async () => {
  const key = await secret(new Uint8Array(4), { name: 'HMAC', hash: 'SHA-256' }, ['sign']);
  const expected = hex(await subtle.sign('HMAC', key, utf8('after')));
  const data = utf8('early');
  const promise = subtle.sign({ get name() { data.set(utf8('after')); return 'HMAC'; } }, key, data);
  data.fill(0);
  assertEquals(hex(await promise), expected);
  const detached = new Uint8Array(5);
  structuredClone(detached, { transfer: [detached.buffer] });
  assertEquals(hex(await subtle.sign('HMAC', key, detached)), hex(await subtle.sign('HMAC', key, new Uint8Array(0))));
});

test('keys can be cloned, and show nothing of themselves', async () => {
  const key = await subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify']);
  const { copy } = structuredClone({ copy: key });
  assert(copy instanceof CryptoKey && copy !== key);
  assertEquals([copy.type, copy.extractable, copy.usages], ['secret', false, ['sign', 'verify']]);
  assert(await subtle.verify('HMAC', copy, await subtle.sign('HMAC', key, utf8('x')), utf8('x')));
  assertStrictEquals(key.algorithm, key.algorithm);
  key.algorithm.name = 'AES-CBC';
  key.usages.push('fly');
  assert(await subtle.verify('HMAC', key, await subtle.sign('HMAC', key, utf8('x')), utf8('x')));
  assertEquals(Reflect.ownKeys(key), []);
  assertEquals(JSON.stringify(key), '{}');
});

test('large data is worked on aside, with the same result', async () => {
  const data = new Uint8Array(300_000).fill(3);
  const key = await secret(new Uint8Array(16), 'AES-CTR', ['encrypt', 'decrypt']);
  const params = { name: 'AES-CTR', counter: new Uint8Array(16), length: 64 };
  const promise = subtle.encrypt(params, key, data);
  data.fill(4);
  const back = new Uint8Array(await subtle.decrypt(params, key, await promise));
  assert(back.length === 300_000 && back.every((byte) => byte === 3));
});

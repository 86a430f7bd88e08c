// Web Cryptography: RSASSA-PKCS1-v1_5, RSA-PSS, RSA-OAEP (sections 20 to 22).

const { ops, webidl } = core;
const {
  backgroundSize, checkJwk, decodeMember, defineAlgorithm, encodeMember, fail, intersect, keyTypes, makeJwk, makeKey,
  operate, optional, required, requireUsages, types,
} = core.cryptoKey;
const { TypedArrayPrototypeGetByteLength, Uint8Array } = core.primordials;

// In the order in which native code counts them.
const publicParts = ['n', 'e'];
const privateParts = ['n', 'e', 'd', 'p', 'q', 'dp', 'dq', 'qi'];

const hashBytes = {
  __proto__: null, 'SHA-1': 20, 'SHA-256': 32, 'SHA-384': 48, 'SHA-512': 64, 'SHA3-256': 32, 'SHA3-384': 48,
  'SHA3-512': 64,
};
const noBytes = new Uint8Array(0);

const keyGenParams = webidl.dictionary('RsaHashedKeyGenParams', [
  required('hash', types.HashAlgorithmIdentifier),
], webidl.dictionary('RsaKeyGenParams', [
  required('modulusLength', types.unsignedLong), required('publicExponent', types.BigInteger),
]));
const importParams =
  webidl.dictionary('RsaHashedImportParams', [required('hash', types.HashAlgorithmIdentifier)]);

// More takes minutes, and nobody uses it.
const maxModulusLength = 16384;

const makeRsa = (name, type, extractable, hash, usages, handle) => makeKey(type, extractable, {
  __proto__: null,
  name,
  modulusLength: ops.rsaModulusLength(handle),
  publicExponent: new Uint8Array(ops.rsaPart(handle, 1)),
  hash,
}, usages, handle);

function importJwk(jwk) {
  if (jwk.oth !== undefined) fail('NotSupportedError', 'RSA keys of more than two primes are not supported');
  const part = (name) => decodeMember(jwk, name);
  const n = part('n');
  const e = part('e');
  if (jwk.d === undefined) return ops.rsaImport(n, e);
  return ops.rsaImport(n, e, part('d'), part('p'), part('q'), part('dp'), part('dq'), part('qi'));
}

function exportJwk(slots, alg) {
  const fields = { __proto__: null, kty: 'RSA', alg };
  const parts = slots.type === keyTypes.private ? privateParts : publicParts;
  for (let i = 0; i < parts.length; i++) fields[parts[i]] = encodeMember(ops.rsaPart(slots.handle, i));
  return makeJwk(slots, fields);
}

// `use` is what a JWK says, `publicUsages` and `privateUsages` what the keys of a pair may be for, `jwkAlgorithms` the
// names by hash.
function defineRsa(name, use, publicUsages, privateUsages, jwkAlgorithms, operations) {
  const allUsages = [...publicUsages, ...privateUsages];
  defineAlgorithm(name, {
    ...operations,
    generateKey: [keyGenParams, async ({ modulusLength, publicExponent, hash }, extractable, usages) => {
      requireUsages(usages, allUsages);
      if (modulusLength > maxModulusLength) {
        fail('OperationError', `RSA keys have at most ${maxModulusLength} bits`);
      }
      const handle = await operate(true, 'There is no RSA key of this length and exponent', 'rsaGenerate',
        modulusLength, publicExponent);
      const privateKey = makeRsa(name, keyTypes.private, extractable, hash, intersect(usages, privateUsages), handle);
      const publicKey = makeRsa(name, keyTypes.public, true, hash, intersect(usages, publicUsages), handle);
      return { privateKey, publicKey };
    }],
    importKey: [importParams, ({ hash }, format, keyData, extractable, usages) => {
      let isPrivate;
      let handle;
      if (format === 'spki' || format === 'pkcs8') {
        isPrivate = format === 'pkcs8';
        requireUsages(usages, isPrivate ? privateUsages : publicUsages);
        handle = ops.keyImportDer('RSA', isPrivate, keyData);
      } else if (format === 'jwk') {
        isPrivate = keyData.d !== undefined;
        requireUsages(usages, isPrivate ? privateUsages : publicUsages);
        checkJwk(keyData, 'RSA', use, extractable, usages);
        const alg = jwkAlgorithms[hash];
        if (keyData.alg !== undefined && keyData.alg !== alg) fail('DataError', `The JWK's 'alg' is not '${alg}'`);
        handle = importJwk(keyData);
      } else {
        fail('NotSupportedError', `A key of ${name} cannot be imported as '${format}'`);
      }
      if (handle === undefined) fail('DataError', 'The data is not an RSA key');
      return makeRsa(name, isPrivate ? keyTypes.private : keyTypes.public, extractable, hash, usages, handle);
    }],
    getPublicKey: [null, (slots, usages) => {
      requireUsages(usages, publicUsages);
      return makeKey(keyTypes.public, true, slots.algorithm, usages, slots.handle);
    }],
    exportKey: [null, (format, slots) => {
      const isPrivate = slots.type === keyTypes.private;
      if (format === 'jwk') return exportJwk(slots, jwkAlgorithms[slots.algorithm.hash]);
      if (format === 'spki' && isPrivate) fail('InvalidAccessError', "A private key cannot be exported as 'spki'");
      if (format === 'pkcs8' && !isPrivate) fail('InvalidAccessError', "A public key cannot be exported as 'pkcs8'");
      if (format !== 'spki' && format !== 'pkcs8') {
        fail('NotSupportedError', `A key of ${name} cannot be exported as '${format}'`);
      }
      return exportDer(slots.handle, isPrivate);
    }],
  });
}

function exportDer(handle, isPrivate) {
  const der = ops.keyExportDer(handle, isPrivate);
  if (der === undefined) fail('OperationError', 'The key cannot be exported');
  return der;
}

function requireType(slots, type) {
  if (slots.type !== type) fail('InvalidAccessError', `The key is ${slots.type}, not ${type}`);
}

const isLarge = (data) => TypedArrayPrototypeGetByteLength(data) >= backgroundSize;

// Signing takes a private key, which is slow; checking is quick.
const signing = (isPss, convert) => ({
  sign: [convert, ({ saltLength = 0 }, slots, data) => {
    requireType(slots, keyTypes.private);
    return operate(true, 'The data cannot be signed with this key', 'rsaSign', slots.handle, slots.algorithm.hash, data,
      isPss, isPss ? checkedSalt(slots, saltLength) : 0);
  }],
  verify: [convert, ({ saltLength = 0 }, slots, signature, data) => {
    requireType(slots, keyTypes.public);
    return operate(isLarge(data), 'The signature cannot be checked', 'rsaVerify', slots.handle, slots.algorithm.hash,
      data, isPss, isPss ? checkedSalt(slots, saltLength) : 0, signature);
  }],
});

// OpenSSL takes negative numbers for something else.
function checkedSalt({ algorithm: { modulusLength, hash } }, saltLength) {
  const room = (modulusLength + 6 - (modulusLength + 6) % 8) / 8 - hashBytes[hash] - 2;
  if (saltLength > room) fail('OperationError', "'saltLength' is more than the key has room for");
  return saltLength;
}

defineRsa('RSASSA-PKCS1-v1_5', 'sig', ['verify'], ['sign'], {
  __proto__: null, 'SHA-1': 'RS1', 'SHA-256': 'RS256', 'SHA-384': 'RS384', 'SHA-512': 'RS512',
}, signing(false, null));

defineRsa('RSA-PSS', 'sig', ['verify'], ['sign'], {
  __proto__: null, 'SHA-1': 'PS1', 'SHA-256': 'PS256', 'SHA-384': 'PS384', 'SHA-512': 'PS512',
}, signing(true, webidl.dictionary('RsaPssParams', [required('saltLength', types.unsignedLong)])));

const oaepParams = webidl.dictionary('RsaOaepParams', [optional('label', types.Bytes)]);
defineRsa('RSA-OAEP', 'enc', ['encrypt', 'wrapKey'], ['decrypt', 'unwrapKey'], {
  __proto__: null, 'SHA-1': 'RSA-OAEP', 'SHA-256': 'RSA-OAEP-256', 'SHA-384': 'RSA-OAEP-384', 'SHA-512': 'RSA-OAEP-512',
}, {
  encrypt: [oaepParams, ({ label = noBytes }, slots, data) => {
    requireType(slots, keyTypes.public);
    return operate(false, 'The data cannot be encrypted with this key', 'rsaOaep', true, slots.handle,
      slots.algorithm.hash, label, data);
  }],
  decrypt: [oaepParams, ({ label = noBytes }, slots, data) => {
    requireType(slots, keyTypes.private);
    return operate(true, 'The data cannot be decrypted with this key', 'rsaOaep', false, slots.handle,
      slots.algorithm.hash, label, data);
  }],
});

Object.assign(core.cryptoKey, { exportDer, requireType });

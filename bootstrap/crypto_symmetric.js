// Web Cryptography: digests, AES, HMAC, HKDF, PBKDF2 (sections 27 to 34); cSHAKE, AES-OCB, ChaCha20-Poly1305 and KMAC of
// the Modern Algorithms in the Web Cryptography API.

const { ops, webidl } = core;
const {
  backgroundSize, checkJwk, decodeMember, defineAlgorithm, encodeMember, fail, keyTypes, makeJwk, makeKey, operate,
  optional, required, requireUsages, types,
} = core.cryptoKey;
const {
  StringPrototypeSlice, TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetByteLength, TypeError, Uint8Array,
} = core.primordials;

const sizeOf = TypedArrayPrototypeGetByteLength;
const isLarge = (data) => sizeOf(data) >= backgroundSize;
const empty = new Uint8Array(0);

// ---- Digests ----

const digests = ['SHA-1', 'SHA-256', 'SHA-384', 'SHA-512', 'SHA3-256', 'SHA3-384', 'SHA3-512'];
for (const name of digests) {
  defineAlgorithm(name, {
    // The bytes are not copied where the work is done at once.
    digest: [null, (params, data) => {
      const size = ops.byteLength(data);
      return size < backgroundSize ? ops.digest(0, name, data) : core.opAsync('digest', name, data);
    }],
  });
}

const noMoreThanBytes = (bits) => {
  if (bits % 8 !== 0) fail('OperationError', "'outputLength' is not a multiple of 8");
};
const cShakeParams = webidl.dictionary('CShakeParams', [
  optional('customization', types.Bytes), optional('functionName', types.Bytes),
  required('outputLength', types.unsignedLong),
]);
for (const bits of [128, 256]) {
  const check = ({ outputLength }) => noMoreThanBytes(outputLength);
  defineAlgorithm(`cSHAKE${bits}`, {
    digest: [cShakeParams, (params, data) => {
      check(params);
      const { functionName = empty, customization = empty, outputLength } = params;
      const bytes = ops.copyBytes(data);
      return operate(isLarge(bytes) || outputLength / 8 >= backgroundSize, 'The digest cannot be computed', 'cshake',
        bits, functionName, customization, outputLength / 8, bytes);
    }, check],
  });
}

// ---- AES ----

const aesUsages = ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey'];
const wrapUsages = ['wrapKey', 'unwrapKey'];
const isAesLength = (bits) => bits === 128 || bits === 192 || bits === 256;

function aesLength(length) {
  if (!isAesLength(length)) fail('OperationError', 'The length of an AES key is 128, 192 or 256 bits');
  return length;
}

// The newer algorithms have the format 'raw-secret' alone; for the older ones 'raw' is the same.
const newer = { __proto__: null, 'AES-OCB': true, 'ChaCha20-Poly1305': true, KMAC128: true, KMAC256: true };
const isSecretFormat = (format, name) => format === 'raw-secret' || (format === 'raw' && !newer[name]);

function importSecret(name, format, keyData, jwkAlgorithm, use, extractable, usages) {
  if (isSecretFormat(format, name)) return keyData;
  if (format !== 'jwk') fail('NotSupportedError', `A key of this algorithm cannot be imported as '${format}'`);
  if (keyData.kty !== 'oct') fail('DataError', "The JWK's 'kty' is not 'oct'");
  const bytes = decodeMember(keyData, 'k');
  const alg = jwkAlgorithm(bytes);
  if (keyData.alg !== undefined && keyData.alg !== alg) fail('DataError', `The JWK's 'alg' is not '${alg}'`);
  checkJwk(keyData, 'oct', use, extractable, usages);
  return bytes;
}

function exportSecret(format, slots, jwkAlgorithm) {
  const bytes = ops.secretExport(slots.handle);
  if (isSecretFormat(format, slots.algorithm.name)) return bytes;
  if (format !== 'jwk') fail('NotSupportedError', `A key of this algorithm cannot be exported as '${format}'`);
  return makeJwk(slots, { __proto__: null, kty: 'oct', k: encodeMember(bytes), alg: jwkAlgorithm(ops.byteLength(bytes)) });
}

function defineAes(name, usagesAllowed, ciphers) {
  const mode = StringPrototypeSlice(name, 4);
  const jwkAlgorithm = (size) => `A${size * 8}${mode}`;
  const lengthParams = webidl.dictionary('AesKeyGenParams', [required('length', types.unsignedShort)]);
  const makeAes = (handle, length, extractable, usages) =>
    makeKey(keyTypes.secret, extractable, { __proto__: null, name, length }, usages, handle);
  defineAlgorithm(name, {
    ...ciphers,
    generateKey: [lengthParams, ({ length }, extractable, usages) => {
      requireUsages(usages, usagesAllowed);
      return makeAes(ops.secretGenerate(aesLength(length) / 8), length, extractable, usages);
    }, ({ length }) => aesLength(length)],
    importKey: [null, (params, format, keyData, extractable, usages) => {
      requireUsages(usages, usagesAllowed);
      const algorithmOf = (bytes) => {
        if (!isAesLength(sizeOf(bytes) * 8)) fail('DataError', 'The key has not the length of an AES key');
        return jwkAlgorithm(sizeOf(bytes));
      };
      const bytes = importSecret(name, format, keyData, algorithmOf, 'enc', extractable, usages);
      algorithmOf(bytes);
      return makeAes(ops.secretImport(bytes), sizeOf(bytes) * 8, extractable, usages);
    }],
    exportKey: [null, (format, slots) => exportSecret(format, slots, jwkAlgorithm)],
    getKeyLength: [webidl.dictionary('AesDerivedKeyParams', [required('length', types.unsignedShort)]),
      ({ length }) => aesLength(length)],
  });
}

// `rest` gives the op's parameters behind the common ones.
function cipher(op, encrypts, check, rest = () => []) {
  const message = encrypts ? 'The data cannot be encrypted' : 'The data cannot be decrypted';
  return [(params, slots, data) => {
    check(params);
    const more = rest(params);
    return operate(isLarge(data), message, op, encrypts, slots.handle, data, params.iv ?? params.counter ?? empty,
      more[0], more[1]);
  }, check];
}

const both = (convert, make) => ({ encrypt: [convert, ...make(true)], decrypt: [convert, ...make(false)] });

const cbcParams = webidl.dictionary('AesCbcParams', [required('iv', types.Bytes)]);
defineAes('AES-CBC', aesUsages, both(cbcParams, (encrypts) => cipher('aesCbc', encrypts, ({ iv }) => {
  if (sizeOf(iv) !== 16) fail('OperationError', "'iv' has not 16 bytes");
})));

const ctrParams =
  webidl.dictionary('AesCtrParams', [required('counter', types.Bytes), required('length', types.octet)]);
defineAes('AES-CTR', aesUsages, both(ctrParams, (encrypts) => cipher('aesCtr', encrypts, ({ counter, length }) => {
  if (sizeOf(counter) !== 16) fail('OperationError', "'counter' has not 16 bytes");
  if (length === 0 || length > 128) fail('OperationError', "'length' is not from 1 to 128");
}, ({ length }) => [length])));

// `tagLengths` says how many bytes the lengths in bits are.
const aeadParams = (name) => webidl.dictionary(name, [
  required('iv', types.Bytes), optional('additionalData', types.Bytes), optional('tagLength', types.octet),
]);
const aead = (op, convert, tagLengths, checkIv) => both(convert, (encrypts) => cipher(op, encrypts, (params) => {
  checkIv(sizeOf(params.iv));
  if (tagLengths[params.tagLength ?? 128] === undefined) fail('OperationError', "'tagLength' is none that there is");
}, ({ additionalData = empty, tagLength = 128 }) => [additionalData, tagLengths[tagLength]]));

defineAes('AES-GCM', aesUsages, aead('aesGcm', aeadParams('AesGcmParams'),
  { __proto__: null, 32: 4, 64: 8, 96: 12, 104: 13, 112: 14, 120: 15, 128: 16 }, () => {}));
defineAes('AES-OCB', aesUsages,
  aead('aesOcb', aeadParams('AeadParams'), { __proto__: null, 64: 8, 96: 12, 128: 16 }, (size) => {
    if (size === 0 || size > 15) fail('OperationError', "'iv' has not from 1 to 15 bytes");
  }));

const keyWrap = (encrypts) => cipher('aesKw', encrypts, () => {});
defineAes('AES-KW', wrapUsages, { wrapKey: [null, ...keyWrap(true)], unwrapKey: [null, ...keyWrap(false)] });

// ---- ChaCha20-Poly1305 ----

const makeChaCha = (handle, extractable, usages) =>
  makeKey(keyTypes.secret, extractable, { __proto__: null, name: 'ChaCha20-Poly1305' }, usages, handle);

defineAlgorithm('ChaCha20-Poly1305', {
  ...aead('chacha20Poly1305', aeadParams('AeadParams'), { __proto__: null, 128: 16 }, (size) => {
    if (size !== 12) fail('OperationError', "'iv' has not 12 bytes");
  }),
  generateKey: [null, (params, extractable, usages) => {
    requireUsages(usages, aesUsages);
    return makeChaCha(ops.secretGenerate(32), extractable, usages);
  }],
  importKey: [null, (params, format, keyData, extractable, usages) => {
    requireUsages(usages, aesUsages);
    const bytes = importSecret('ChaCha20-Poly1305', format, keyData, () => 'C20P', 'enc', extractable, usages);
    if (sizeOf(bytes) !== 32) fail('DataError', 'A key of ChaCha20-Poly1305 has 32 bytes');
    return makeChaCha(ops.secretImport(bytes), extractable, usages);
  }],
  exportKey: [null, (format, slots) => exportSecret(format, slots, () => 'C20P')],
  getKeyLength: [null, () => 256],
});

// ---- HMAC and KMAC ----

const blockBits = {
  __proto__: null, 'SHA-1': 512, 'SHA-256': 512, 'SHA-384': 1024, 'SHA-512': 1024, 'SHA3-256': 1088, 'SHA3-384': 832,
  'SHA3-512': 576,
};
const hmacAlgorithms = {
  __proto__: null, 'SHA-1': 'HS1', 'SHA-256': 'HS256', 'SHA-384': 'HS384', 'SHA-512': 'HS512',
};
const macUsages = ['sign', 'verify'];

// A length that ends within a byte: the bits behind it are zero.
function clearBitsBehind(bytes, bits) {
  if (bits % 8 !== 0) bytes[sizeOf(bytes) - 1] &= 0xff00 >> bits % 8;
}

function requireBits(length) {
  if (length === 0) fail('OperationError', 'The length of a key cannot be 0');
}

// `algorithmOf` makes a key's algorithm of the parameters and a length, `lengthOf` says which length there is without
// one, `jwkAlgorithm` finds the name for an algorithm.
function defineMac(name, params, algorithmOf, lengthOf, jwkAlgorithm, operations) {
  const make = (handle, given, length, extractable, usages) => makeKey(keyTypes.secret, extractable,
    { __proto__: null, name, ...algorithmOf(given), length }, usages, handle);
  defineAlgorithm(name, {
    ...operations,
    generateKey: [params, (given, extractable, usages) => {
      requireUsages(usages, macUsages);
      const length = given.length ?? lengthOf(given);
      requireBits(length);
      let handle = ops.secretGenerate((length + 7 - (length + 7) % 8) / 8);
      if (length % 8 !== 0) {
        const bytes = new Uint8Array(ops.secretExport(handle));
        clearBitsBehind(bytes, length);
        handle = ops.secretImport(bytes);
      }
      return make(handle, given, length, extractable, usages);
    }, ({ length }) => requireBits(length)],
    importKey: [params, (given, format, keyData, extractable, usages) => {
      requireUsages(usages, macUsages);
      const alg = () => jwkAlgorithm(given);
      const bytes = importSecret(name, format, keyData, alg, 'sig', extractable, usages);
      const bits = sizeOf(bytes) * 8;
      const { length = bits } = given;
      if (bits === 0) fail('DataError', `A key of ${name} cannot be empty`);
      if (length > bits || length <= bits - 8) fail('DataError', "'length' is not that of the key");
      clearBitsBehind(bytes, length);
      return make(ops.secretImport(bytes), given, length, extractable, usages);
    }],
    exportKey: [null, (format, slots) => exportSecret(format, slots, () => jwkAlgorithm(slots.algorithm))],
    getKeyLength: [params, (given) => {
      const length = given.length ?? lengthOf(given);
      if (length === 0) throw new TypeError(`The length of a key of ${name} cannot be 0`);
      return length;
    }],
  });
}

defineMac('HMAC', webidl.dictionary('HmacImportParams', [
  required('hash', types.HashAlgorithmIdentifier), optional('length', types.unsignedLong),
]), ({ hash }) => ({ __proto__: null, hash }), ({ hash }) => blockBits[hash], ({ hash }) => hmacAlgorithms[hash], {
  sign: [null, (params, slots, data) =>
    operate(isLarge(data), 'The data cannot be signed', 'hmacSign', slots.handle, slots.algorithm.hash, data)],
  verify: [null, (params, slots, signature, data) =>
    operate(isLarge(data), 'The signature cannot be checked', 'hmacVerify', slots.handle, slots.algorithm.hash, data,
      signature)],
});

const kmacKeyParams = webidl.dictionary('KmacImportParams', [optional('length', types.unsignedLong)]);
const kmacParams = webidl.dictionary('KmacParams', [
  optional('customization', types.Bytes), required('outputLength', types.unsignedLong),
]);
for (const bits of [128, 256]) {
  const check = ({ outputLength }) => {
    noMoreThanBytes(outputLength);
    if (outputLength === 0) fail('OperationError', "'outputLength' is 0");
  };
  defineMac(`KMAC${bits}`, kmacKeyParams, () => undefined, () => bits, () => `K${bits}`, {
    sign: [kmacParams, (params, slots, data) => {
      check(params);
      const { customization = empty, outputLength } = params;
      return operate(isLarge(data), 'The data cannot be signed', 'kmacSign', slots.handle, bits, data, customization,
        outputLength / 8);
    }, check],
    verify: [kmacParams, (params, slots, signature, data) => {
      check(params);
      const { customization = empty, outputLength } = params;
      return operate(isLarge(data), 'The signature cannot be checked', 'kmacVerify', slots.handle, bits, data,
        customization, outputLength / 8, signature);
    }, check],
  });
}

// ---- Key derivation ----

const deriveUsages = ['deriveKey', 'deriveBits'];

function importForDerivation(name) {
  return [null, (params, format, keyData, extractable, usages) => {
    if (!isSecretFormat(format, name)) fail('NotSupportedError', `A key of ${name} cannot be imported as '${format}'`);
    requireUsages(usages, deriveUsages);
    if (extractable) fail('SyntaxError', `A key of ${name} cannot be extractable`);
    return makeKey(keyTypes.secret, false, { __proto__: null, name }, usages, ops.secretImport(keyData));
  }];
}

function wholeBytes(length) {
  if (length === null || length % 8 !== 0) fail('OperationError', 'The length is not a multiple of 8 bits');
  return length / 8;
}

const hkdfParams = webidl.dictionary('HkdfParams', [
  required('hash', types.HashAlgorithmIdentifier), required('salt', types.Bytes), required('info', types.Bytes),
]);
defineAlgorithm('HKDF', {
  importKey: importForDerivation('HKDF'),
  getKeyLength: [null, () => null],
  deriveBits: [hkdfParams, ({ hash, salt, info }, slots, length) =>
    operate(false, 'The length is more than HKDF can give', 'hkdf', slots.handle, hash, salt, info,
      wholeBytes(length)), (params, length) => wholeBytes(length)],
});

const pbkdf2Params = webidl.dictionary('Pbkdf2Params', [
  required('salt', types.Bytes), required('iterations', types.unsignedLong),
  required('hash', types.HashAlgorithmIdentifier),
]);
function requireIterations(iterations) {
  if (iterations === 0) fail('OperationError', "'iterations' is 0");
}

// So many rounds are quicker than the way to another thread.
const fewIterations = 32;
defineAlgorithm('PBKDF2', {
  importKey: importForDerivation('PBKDF2'),
  getKeyLength: [null, () => null],
  deriveBits: [pbkdf2Params, ({ hash, salt, iterations }, slots, length) => {
    const size = wholeBytes(length);
    requireIterations(iterations);
    if (size === 0) return TypedArrayPrototypeGetBuffer(new Uint8Array(0));
    return operate(iterations > fewIterations || size > 64, 'The key cannot be derived', 'pbkdf2', slots.handle, hash,
      salt, iterations, size);
  }, ({ iterations }, length) => {
    wholeBytes(length);
    requireIterations(iterations);
  }],
});

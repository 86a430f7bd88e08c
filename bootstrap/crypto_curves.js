// Web Cryptography: ECDSA and ECDH on NIST's curves (sections 23 and 24), Ed25519 and X25519 (25 and 26), and their
// larger siblings Ed448 and X448.

const { ops, webidl } = core;
const {
  backgroundSize, checkJwk, decodeMember, defineAlgorithm, encodeMember, exportDer, fail, intersect, keyTypes, makeJwk,
  makeKey, operate, required, requireType, requireUsages, slotsOf, types,
} = core.cryptoKey;
const {
  ArrayBufferPrototypeGetByteLength, TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeSet, Uint8Array,
} = core.primordials;

const isLarge = (data) => TypedArrayPrototypeGetByteLength(data) >= backgroundSize;

// ---- Agreement, for both kinds of curves ----

const ecdhParams = webidl.dictionary('EcdhKeyDeriveParams', [required('public', types.CryptoKey)]);

// The first `length` bits of the secret; all of it where that is null.
function firstBits(secret, length) {
  if (length === null) return secret;
  const size = (length + 7 - (length + 7) % 8) / 8;
  if (length > ArrayBufferPrototypeGetByteLength(secret) * 8) {
    fail('OperationError', 'The shared secret is shorter than the length that is asked for');
  }
  const bits = new Uint8Array(new Uint8Array(secret, 0, size));
  if (length % 8 !== 0) bits[size - 1] &= 0xff00 >> length % 8;
  return TypedArrayPrototypeGetBuffer(bits);
}

// How many bits there are to derive.
const secretBits = { __proto__: null, X25519: 256, X448: 448, 'P-256': 256, 'P-384': 384, 'P-521': 528 };

const deriveBits = [ecdhParams, async (params, slots, length) => {
  requireType(slots, keyTypes.private);
  const other = slotsOf(params.public);
  requireType(other, keyTypes.public);
  if (other.algorithm.name !== slots.algorithm.name || other.algorithm.namedCurve !== slots.algorithm.namedCurve) {
    fail('InvalidAccessError', 'The keys are not of the same algorithm and curve');
  }
  const secret = await operate(slots.algorithm.namedCurve === 'P-384' || slots.algorithm.namedCurve === 'P-521',
    'The keys have no shared secret', 'agree', slots.handle, other.handle);
  return firstBits(secret, length);
}, ({ name, public: key }, length) => {
  const { type, algorithm } = slotsOf(key);
  requireType({ __proto__: null, type }, keyTypes.public);
  if (algorithm.name !== name) fail('InvalidAccessError', `The public key is not of ${name}`);
  if (length > secretBits[algorithm.namedCurve ?? name]) fail('OperationError', 'There are not so many bits');
}];

// The public half of a private key.
const getPublicKey = (allowed) => [null, (slots, usages) => {
  requireUsages(usages, allowed.public);
  return makeKey(keyTypes.public, true, slots.algorithm, usages, slots.handle);
}];

// What keys of ECDH, X25519 and X448 are for. The public ones are parameters only.
const deriveUsages = ['deriveKey', 'deriveBits'];

const usagesOf = (isAgreement) => (isAgreement ?
  { __proto__: null, public: [], private: deriveUsages, all: deriveUsages, jwkUse: 'enc' } :
  { __proto__: null, public: ['verify'], private: ['sign'], all: ['sign', 'verify'], jwkUse: 'sig' });

const makePair = (algorithm, allowed, extractable, usages, handle) => ({
  privateKey: makeKey(keyTypes.private, extractable, algorithm, intersect(usages, allowed.private), handle),
  publicKey: makeKey(keyTypes.public, true, algorithm, intersect(usages, allowed.public), handle),
});

function importDer(kind, format, keyData, allowed, usages) {
  const isPrivate = format === 'pkcs8';
  requireUsages(usages, isPrivate ? allowed.private : allowed.public);
  return ops.keyImportDer(kind, isPrivate, keyData);
}

// 'raw' is the older name of 'raw-public'.
const isRawPublic = (format) => format === 'raw' || format === 'raw-public';

function requireKnownFormat(format) {
  if (!isRawPublic(format) && format !== 'spki' && format !== 'pkcs8') {
    fail('NotSupportedError', `A key of this algorithm has no format '${format}'`);
  }
}

// Formats that only one of the two halves of a pair has.
function requireFormat(format, isPrivate) {
  requireKnownFormat(format);
  if (format === 'pkcs8' ? isPrivate : !isPrivate) return;
  fail('InvalidAccessError', `A ${isPrivate ? 'private' : 'public'} key cannot be exported as '${format}'`);
}

// ---- NIST's curves ----

const curves = {
  __proto__: null,
  'P-256': { __proto__: null, size: 32, jwkAlgorithm: 'ES256' },
  'P-384': { __proto__: null, size: 48, jwkAlgorithm: 'ES384' },
  'P-521': { __proto__: null, size: 66, jwkAlgorithm: 'ES512' },
};
const curveParams = webidl.dictionary('EcKeyGenParams', [required('namedCurve', webidl.DOMString)]);

function requireCurve(name) {
  if (curves[name] === undefined) fail('NotSupportedError', `The curve '${name}' is not supported`);
}

// The forms of a point (SEC 1, section 2.3.3), uncompressed.
function makePoint(x, y, size) {
  const point = new Uint8Array(1 + 2 * size);
  point[0] = 4;
  TypedArrayPrototypeSet(point, x, 1);
  TypedArrayPrototypeSet(point, y, 1 + size);
  return point;
}

function importEcJwk(jwk, name, namedCurve) {
  const { size, jwkAlgorithm } = curves[namedCurve];
  if (jwk.crv !== namedCurve) fail('DataError', `The JWK's 'crv' is not '${namedCurve}'`);
  if (name === 'ECDSA' && jwk.alg !== undefined && jwk.alg !== jwkAlgorithm) {
    fail('DataError', `The JWK's 'alg' is not '${jwkAlgorithm}'`);
  }
  const coordinate = (member) => {
    const bytes = decodeMember(jwk, member);
    if (TypedArrayPrototypeGetByteLength(bytes) !== size) {
      fail('DataError', `The JWK's '${member}' has not the length that its curve asks for`);
    }
    return bytes;
  };
  const point = makePoint(coordinate('x'), coordinate('y'), size);
  return jwk.d === undefined ? ops.ecImport(namedCurve, point) : ops.ecImport(namedCurve, point, coordinate('d'));
}

function exportEcJwk(slots) {
  const { namedCurve } = slots.algorithm;
  const part = (name) => encodeMember(ops.ecPart(slots.handle, namedCurve, name));
  return makeJwk(slots, {
    __proto__: null,
    kty: 'EC',
    crv: namedCurve,
    x: part('x'),
    y: part('y'),
    d: slots.type === keyTypes.private ? part('d') : undefined,
  });
}

function exportEc(format, slots) {
  const isPrivate = slots.type === keyTypes.private;
  if (format === 'jwk') return exportEcJwk(slots);
  requireFormat(format, isPrivate);
  if (!isRawPublic(format)) return exportDer(slots.handle, isPrivate);
  const { namedCurve } = slots.algorithm;
  const part = (name) => new Uint8Array(ops.ecPart(slots.handle, namedCurve, name));
  return TypedArrayPrototypeGetBuffer(makePoint(part('x'), part('y'), curves[namedCurve].size));
}

function defineEc(name, isAgreement, operations) {
  const allowed = usagesOf(isAgreement);
  defineAlgorithm(name, {
    ...operations,
    generateKey: [curveParams, ({ namedCurve }, extractable, usages) => {
      requireUsages(usages, allowed.all);
      requireCurve(namedCurve);
      return makePair({ __proto__: null, name, namedCurve }, allowed, extractable, usages, ops.curveGenerate(namedCurve));
    }, ({ namedCurve }) => requireCurve(namedCurve)],
    getPublicKey: getPublicKey(allowed),
    importKey: [curveParams, ({ namedCurve }, format, keyData, extractable, usages) => {
      let isPrivate = false;
      let handle;
      if (format === 'jwk') {
        isPrivate = keyData.d !== undefined;
        requireUsages(usages, isPrivate ? allowed.private : allowed.public);
        checkJwk(keyData, 'EC', allowed.jwkUse, extractable, usages);
        requireCurve(namedCurve);
        handle = importEcJwk(keyData, name, namedCurve);
      } else if (isRawPublic(format)) {
        requireCurve(namedCurve);
        requireUsages(usages, allowed.public);
        handle = ops.ecImport(namedCurve, keyData);
      } else {
        requireKnownFormat(format);
        isPrivate = format === 'pkcs8';
        requireUsages(usages, isPrivate ? allowed.private : allowed.public);
        requireCurve(namedCurve);
        handle = importDer(namedCurve, format, keyData, allowed, usages);
      }
      if (handle === undefined) fail('DataError', `The data is not a key on the curve ${namedCurve}`);
      return makeKey(isPrivate ? keyTypes.private : keyTypes.public, extractable,
        { __proto__: null, name, namedCurve }, usages, handle);
    }, ({ namedCurve }) => requireCurve(namedCurve)],
    exportKey: [null, exportEc],
  });
}

const ecdsaParams = webidl.dictionary('EcdsaParams', [required('hash', types.HashAlgorithmIdentifier)]);
// OpenSSL has fast code for the smallest curve only.
const isSlow = (slots, data) => slots.algorithm.namedCurve !== 'P-256' || isLarge(data);
defineEc('ECDSA', false, {
  sign: [ecdsaParams, ({ hash }, slots, data) => {
    requireType(slots, keyTypes.private);
    return operate(isSlow(slots, data), 'The data cannot be signed', 'ecdsaSign', slots.handle, hash, data);
  }],
  verify: [ecdsaParams, ({ hash }, slots, signature, data) => {
    requireType(slots, keyTypes.public);
    return operate(isSlow(slots, data), 'The signature cannot be checked', 'ecdsaVerify', slots.handle, hash, data,
      signature);
  }],
});
defineEc('ECDH', true, { deriveBits });

// ---- The curves of RFC 7748 and RFC 8032 ----

function defineOkp(name, isAgreement, operations) {
  const allowed = usagesOf(isAgreement);
  const algorithm = { __proto__: null, name };
  const importJwk = (jwk, extractable, usages) => {
    requireUsages(usages, jwk.d === undefined ? allowed.public : allowed.private);
    checkJwk(jwk, 'OKP', allowed.jwkUse, extractable, usages);
    if (jwk.crv !== name) fail('DataError', `The JWK's 'crv' is not '${name}'`);
    if (!isAgreement && jwk.alg !== undefined && jwk.alg !== name && jwk.alg !== 'EdDSA') {
      fail('DataError', `The JWK's 'alg' is neither '${name}' nor 'EdDSA'`);
    }
    const x = decodeMember(jwk, 'x');
    if (jwk.d === undefined) return ops.okpImport(name, false, x);
    const handle = ops.okpImport(name, true, decodeMember(jwk, 'd'));
    // The public half has to be that of the private one.
    return handle !== undefined && encodeMember(ops.okpExport(handle, name, false)) === encodeMember(x) ?
      handle : undefined;
  };
  defineAlgorithm(name, {
    ...operations,
    generateKey: [null, (params, extractable, usages) => {
      requireUsages(usages, allowed.all);
      return makePair(algorithm, allowed, extractable, usages, ops.curveGenerate(name));
    }],
    getPublicKey: getPublicKey(allowed),
    importKey: [null, (params, format, keyData, extractable, usages) => {
      let isPrivate = false;
      let handle;
      if (format === 'jwk') {
        isPrivate = keyData.d !== undefined;
        handle = importJwk(keyData, extractable, usages);
      } else if (isRawPublic(format)) {
        requireUsages(usages, allowed.public);
        handle = ops.okpImport(name, false, keyData);
      } else {
        requireKnownFormat(format);
        isPrivate = format === 'pkcs8';
        handle = importDer(name, format, keyData, allowed, usages);
      }
      if (handle === undefined) fail('DataError', `The data is not a key of ${name}`);
      return makeKey(isPrivate ? keyTypes.private : keyTypes.public, extractable, algorithm, usages, handle);
    }],
    exportKey: [null, (format, slots) => {
      const isPrivate = slots.type === keyTypes.private;
      const half = (ofPrivate) => ops.okpExport(slots.handle, name, ofPrivate);
      if (format === 'jwk') {
        return makeJwk(slots, {
          __proto__: null,
          kty: 'OKP',
          crv: name,
          alg: isAgreement ? undefined : name,
          x: encodeMember(half(false)),
          d: isPrivate ? encodeMember(half(true)) : undefined,
        });
      }
      requireFormat(format, isPrivate);
      return isRawPublic(format) ? half(false) : exportDer(slots.handle, isPrivate);
    }],
  });
}

function signing(convert, check) {
  return {
    sign: [convert, (params, slots, data) => {
      requireType(slots, keyTypes.private);
      check(params);
      return operate(isLarge(data), 'The data cannot be signed', 'eddsaSign', slots.handle, data);
    }],
    verify: [convert, (params, slots, signature, data) => {
      requireType(slots, keyTypes.public);
      check(params);
      return operate(isLarge(data), 'The signature cannot be checked', 'eddsaVerify', slots.handle, data, signature);
    }],
  };
}

defineOkp('Ed25519', false, signing(null, () => {}));
defineOkp('Ed448', false, signing(
  webidl.dictionary('Ed448Params', [{ key: 'context', convert: types.Bytes }]),
  ({ context }) => {
    if (context !== undefined && TypedArrayPrototypeGetByteLength(context) !== 0) {
      fail('OperationError', 'Ed448 with a context is not supported');
    }
  }));
defineOkp('X25519', true, { deriveBits });
defineOkp('X448', true, { deriveBits });

// Web Cryptography: Crypto and SubtleCrypto (sections 10 and 14).

const { QuotaExceededError, DOMException, encoding, ops, webidl } = core;
const {
  AlgorithmIdentifier, JsonWebKey, fail, findOperation, isCryptoKey, keyTypes, keyUsages, normalize, slotsOf,
} = core.cryptoKey;
const {
  ArrayBufferIsView,
  ArrayPrototypeIncludes,
  JSONParse,
  JSONStringify,
  ObjectSetPrototypeOf,
  TypeError,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeGetSymbolToStringTag,
  Uint8Array,
} = core.primordials;

const KeyFormat = webidl.enumeration('KeyFormat',
  ['raw-public', 'raw-private', 'raw-seed', 'raw-secret', 'raw', 'spki', 'pkcs8', 'jwk']);
const KeyUsages = webidl.sequence(webidl.enumeration('KeyUsage', keyUsages));
const CryptoKeyType = webidl.interfaceType('CryptoKey', isCryptoKey);
// (BufferSource or JsonWebKey)
const isBuffer = (value) => ArrayBufferIsView(value) || webidl.isArrayBuffer(value) || webidl.isSharedArrayBuffer(value);
const KeyData = (value, context) =>
  (isBuffer(value) ? webidl.BufferSource(value, context) : JsonWebKey(value, context));

// What each method asks of a key.
function requireKey(slots, name, usage) {
  if (slots.algorithm.name !== name) fail('InvalidAccessError', `The key is of ${slots.algorithm.name}, not ${name}`);
  if (!ArrayPrototypeIncludes(slots.usages, usage)) {
    fail('InvalidAccessError', `The key's usages do not include '${usage}'`);
  }
}

// A key that can do nothing is a mistake.
function requireUseful(type, usages) {
  if (type !== keyTypes.public && usages.length === 0) fail('SyntaxError', 'A secret or private key needs a usage');
}

function importWith({ params, run }, format, keyData, extractable, usages) {
  const key = run(params, format, keyData, extractable, usages);
  requireUseful(slotsOf(key).type, usages);
  return key;
}

function exportWith(format, slots) {
  const { name } = slots.algorithm;
  const found = findOperation('exportKey', name);
  if (found === undefined) fail('NotSupportedError', `A key of ${name} cannot be exported`);
  if (!slots.extractable) fail('InvalidAccessError', 'The key is not extractable');
  return found.run(format, slots);
}

// The algorithm of wrapping: its own where there is one, otherwise that of encryption.
function normalizeEither(first, second, algorithm, context) {
  try {
    return normalize(first, algorithm, context);
  } catch {
    return normalize(second, algorithm, context);
  }
}

const copy = (data) => ops.copyBytes(data);

// Without prototypes, which a script may have given a toJSON.
function serializeJwk(jwk) {
  if (jwk.key_ops !== undefined) ObjectSetPrototypeOf(jwk.key_ops, null);
  return encoding.encodeUtf8(JSONStringify(ObjectSetPrototypeOf(jwk, null)));
}

function parseJwk(bytes) {
  let parsed;
  try {
    parsed = JSONParse(encoding.decodeUtf8(bytes));
  } catch {
    fail('DataError', 'The unwrapped data is not a JWK');
  }
  if (!webidl.isObject(parsed)) fail('DataError', 'The unwrapped data is not a JWK');
  const jwk = JsonWebKey(ObjectSetPrototypeOf(parsed, null), 'The unwrapped JWK');
  if (jwk.kty === undefined) fail('DataError', "The unwrapped JWK lacks 'kty'");
  return jwk;
}

// Whether an operation can work with these parameters.
function can(operation, algorithm, length) {
  try {
    const { params, check } = normalize(operation, algorithm, 'The algorithm');
    check(params, length);
    return true;
  } catch {
    return false;
  }
}

// Into a key of `derived`: it can be imported, and there are as many bits as it needs.
function canDerive(algorithm, derived) {
  try {
    const { params, run } = normalize('getKeyLength', derived, 'The algorithm');
    return can('importKey', derived) && can('deriveBits', algorithm, run(params));
  } catch {
    return false;
  }
}

// "Check support for an algorithm" of the Modern Algorithms in the Web Cryptography API; `other` is undefined where
// there is none.
function isSupported(operation, algorithm, length, other) {
  switch (operation) {
    case 'encrypt':
    case 'decrypt':
    case 'sign':
    case 'verify':
    case 'digest':
    case 'generateKey':
    case 'importKey':
    case 'exportKey':
    case 'getPublicKey':
      return can(operation, algorithm);
    case 'deriveBits':
      return can(operation, algorithm, length);
    case 'deriveKey':
      return other !== undefined && canDerive(algorithm, other);
    case 'wrapKey':
      return (can('wrapKey', algorithm) || can('encrypt', algorithm)) &&
        (other === undefined || can('exportKey', other));
    case 'unwrapKey':
      return (can('unwrapKey', algorithm) || can('decrypt', algorithm)) &&
        (other === undefined || can('importKey', other));
    default:
      return false;
  }
}

const lengthOrNull = webidl.nullable((value, context) => webidl.unsignedLong(value, context));

class SubtleCrypto {
  #brand;

  constructor(key = undefined) {
    webidl.illegalConstructor(key);
  }

  // (operation, algorithm, length) or (operation, algorithm, additional algorithm)
  static supports(operation, algorithm, lengthOrAlgorithm = null) {
    const context = "Failed to execute 'supports' on 'SubtleCrypto'";
    webidl.requiredArguments(arguments.length, 2, context);
    operation = webidl.DOMString(operation, `${context}: Argument 1`);
    algorithm = AlgorithmIdentifier(algorithm, `${context}: Argument 2`);
    if (lengthOrAlgorithm === null || typeof lengthOrAlgorithm === 'number') {
      return isSupported(operation, algorithm, lengthOrNull(lengthOrAlgorithm, `${context}: Argument 3`), undefined);
    }
    return isSupported(operation, algorithm, null, AlgorithmIdentifier(lengthOrAlgorithm, `${context}: Argument 3`));
  }

  // The common beginning of a method; `method` is for messages.
  #begin(method, given, needed) {
    const context = `Failed to execute '${method}' on 'SubtleCrypto'`;
    webidl.requiredArguments(given, needed, context);
    return context;
  }

  async encrypt(algorithm, key, data) {
    if (!(#brand in this)) throw webidl.illegalInvocation('SubtleCrypto');
    return this.#crypt('encrypt', arguments.length, algorithm, key, data);
  }

  async decrypt(algorithm, key, data) {
    if (!(#brand in this)) throw webidl.illegalInvocation('SubtleCrypto');
    return this.#crypt('decrypt', arguments.length, algorithm, key, data);
  }

  #crypt(operation, given, algorithm, key, data) {
    const context = this.#begin(operation, given, 3);
    algorithm = AlgorithmIdentifier(algorithm, `${context}: Argument 1`);
    const slots = slotsOf(CryptoKeyType(key, `${context}: Argument 2`));
    webidl.BufferSource(data, `${context}: Argument 3`);
    const { name, params, run } = normalize(operation, algorithm, `${context}: Argument 1`);
    const bytes = copy(data);
    requireKey(slots, name, operation);
    return run(params, slots, bytes);
  }

  async sign(algorithm, key, data) {
    if (!(#brand in this)) throw webidl.illegalInvocation('SubtleCrypto');
    const context = this.#begin('sign', arguments.length, 3);
    algorithm = AlgorithmIdentifier(algorithm, `${context}: Argument 1`);
    const slots = slotsOf(CryptoKeyType(key, `${context}: Argument 2`));
    webidl.BufferSource(data, `${context}: Argument 3`);
    const { name, params, run } = normalize('sign', algorithm, `${context}: Argument 1`);
    const bytes = copy(data);
    requireKey(slots, name, 'sign');
    return run(params, slots, bytes);
  }

  async verify(algorithm, key, signature, data) {
    if (!(#brand in this)) throw webidl.illegalInvocation('SubtleCrypto');
    const context = this.#begin('verify', arguments.length, 4);
    algorithm = AlgorithmIdentifier(algorithm, `${context}: Argument 1`);
    const slots = slotsOf(CryptoKeyType(key, `${context}: Argument 2`));
    webidl.BufferSource(signature, `${context}: Argument 3`);
    webidl.BufferSource(data, `${context}: Argument 4`);
    const { name, params, run } = normalize('verify', algorithm, `${context}: Argument 1`);
    const signatureBytes = copy(signature);
    const bytes = copy(data);
    requireKey(slots, name, 'verify');
    return run(params, slots, signatureBytes, bytes);
  }

  async digest(algorithm, data) {
    if (!(#brand in this)) throw webidl.illegalInvocation('SubtleCrypto');
    const context = this.#begin('digest', arguments.length, 2);
    algorithm = AlgorithmIdentifier(algorithm, `${context}: Argument 1`);
    webidl.BufferSource(data, `${context}: Argument 2`);
    const { params, run } = normalize('digest', algorithm, `${context}: Argument 1`);
    return run(params, data);
  }

  async generateKey(algorithm, extractable, keyUsagesGiven) {
    if (!(#brand in this)) throw webidl.illegalInvocation('SubtleCrypto');
    const context = this.#begin('generateKey', arguments.length, 3);
    algorithm = AlgorithmIdentifier(algorithm, `${context}: Argument 1`);
    const usages = KeyUsages(keyUsagesGiven, `${context}: Argument 3`);
    const { params, run } = normalize('generateKey', algorithm, `${context}: Argument 1`);
    const result = await run(params, !!extractable, usages);
    const secret = isCryptoKey(result) ? slotsOf(result) : slotsOf(result.privateKey);
    requireUseful(secret.type, secret.usages);
    return result;
  }

  async importKey(format, keyData, algorithm, extractable, keyUsagesGiven) {
    if (!(#brand in this)) throw webidl.illegalInvocation('SubtleCrypto');
    const context = this.#begin('importKey', arguments.length, 5);
    format = KeyFormat(format, `${context}: Argument 1`);
    keyData = KeyData(keyData, `${context}: Argument 2`);
    algorithm = AlgorithmIdentifier(algorithm, `${context}: Argument 3`);
    const usages = KeyUsages(keyUsagesGiven, `${context}: Argument 5`);
    const normalized = normalize('importKey', algorithm, `${context}: Argument 3`);
    if ((format === 'jwk') === isBuffer(keyData)) {
      throw new TypeError(`${context}: Argument 2 is not what the format '${format}' asks for`);
    }
    return importWith(normalized, format, format === 'jwk' ? keyData : copy(keyData), !!extractable, usages);
  }

  async exportKey(format, key) {
    if (!(#brand in this)) throw webidl.illegalInvocation('SubtleCrypto');
    const context = this.#begin('exportKey', arguments.length, 2);
    format = KeyFormat(format, `${context}: Argument 1`);
    return exportWith(format, slotsOf(CryptoKeyType(key, `${context}: Argument 2`)));
  }

  async getPublicKey(key, keyUsagesGiven) {
    if (!(#brand in this)) throw webidl.illegalInvocation('SubtleCrypto');
    const context = this.#begin('getPublicKey', arguments.length, 2);
    const slots = slotsOf(CryptoKeyType(key, `${context}: Argument 1`));
    const usages = KeyUsages(keyUsagesGiven, `${context}: Argument 2`);
    const { name } = slots.algorithm;
    const found = findOperation('getPublicKey', name);
    if (found === undefined) fail('NotSupportedError', `A key of ${name} has no public half`);
    if (slots.type !== keyTypes.private) fail('InvalidAccessError', `The key is ${slots.type}, not private`);
    return found.run(slots, usages);
  }

  async deriveBits(algorithm, baseKey, length = null) {
    if (!(#brand in this)) throw webidl.illegalInvocation('SubtleCrypto');
    const context = this.#begin('deriveBits', arguments.length, 2);
    algorithm = AlgorithmIdentifier(algorithm, `${context}: Argument 1`);
    const slots = slotsOf(CryptoKeyType(baseKey, `${context}: Argument 2`));
    length = lengthOrNull(length, `${context}: Argument 3`);
    const { name, params, run } = normalize('deriveBits', algorithm, `${context}: Argument 1`);
    requireKey(slots, name, 'deriveBits');
    return run(params, slots, length);
  }

  async deriveKey(algorithm, baseKey, derivedKeyType, extractable, keyUsagesGiven) {
    if (!(#brand in this)) throw webidl.illegalInvocation('SubtleCrypto');
    const context = this.#begin('deriveKey', arguments.length, 5);
    algorithm = AlgorithmIdentifier(algorithm, `${context}: Argument 1`);
    const slots = slotsOf(CryptoKeyType(baseKey, `${context}: Argument 2`));
    derivedKeyType = AlgorithmIdentifier(derivedKeyType, `${context}: Argument 3`);
    const usages = KeyUsages(keyUsagesGiven, `${context}: Argument 5`);
    const { name, params, run } = normalize('deriveBits', algorithm, `${context}: Argument 1`);
    const importing = normalize('importKey', derivedKeyType, `${context}: Argument 3`);
    const lengthOf = normalize('getKeyLength', derivedKeyType, `${context}: Argument 3`);
    requireKey(slots, name, 'deriveKey');
    const length = lengthOf.run(lengthOf.params);
    const secret = await run(params, slots, length);
    return importWith(importing, 'raw-secret', new Uint8Array(secret), !!extractable, usages);
  }

  async wrapKey(format, key, wrappingKey, wrapAlgorithm) {
    if (!(#brand in this)) throw webidl.illegalInvocation('SubtleCrypto');
    const context = this.#begin('wrapKey', arguments.length, 4);
    format = KeyFormat(format, `${context}: Argument 1`);
    const slots = slotsOf(CryptoKeyType(key, `${context}: Argument 2`));
    const wrapping = slotsOf(CryptoKeyType(wrappingKey, `${context}: Argument 3`));
    wrapAlgorithm = AlgorithmIdentifier(wrapAlgorithm, `${context}: Argument 4`);
    const { name, params, run } = normalizeEither('wrapKey', 'encrypt', wrapAlgorithm, `${context}: Argument 4`);
    requireKey(wrapping, name, 'wrapKey');
    const exported = exportWith(format, slots);
    const bytes = format === 'jwk' ? serializeJwk(exported) : new Uint8Array(exported);
    return run(params, wrapping, bytes);
  }

  async unwrapKey(format, wrappedKey, unwrappingKey, unwrapAlgorithm, unwrappedKeyAlgorithm, extractable,
    keyUsagesGiven) {
    if (!(#brand in this)) throw webidl.illegalInvocation('SubtleCrypto');
    const context = this.#begin('unwrapKey', arguments.length, 7);
    format = KeyFormat(format, `${context}: Argument 1`);
    webidl.BufferSource(wrappedKey, `${context}: Argument 2`);
    const unwrapping = slotsOf(CryptoKeyType(unwrappingKey, `${context}: Argument 3`));
    unwrapAlgorithm = AlgorithmIdentifier(unwrapAlgorithm, `${context}: Argument 4`);
    unwrappedKeyAlgorithm = AlgorithmIdentifier(unwrappedKeyAlgorithm, `${context}: Argument 5`);
    const usages = KeyUsages(keyUsagesGiven, `${context}: Argument 7`);
    const { name, params, run } = normalizeEither('unwrapKey', 'decrypt', unwrapAlgorithm, `${context}: Argument 4`);
    const importing = normalize('importKey', unwrappedKeyAlgorithm, `${context}: Argument 5`);
    const wrapped = copy(wrappedKey);
    requireKey(unwrapping, name, 'unwrapKey');
    const bytes = new Uint8Array(await run(params, unwrapping, wrapped));
    return importWith(importing, format, format === 'jwk' ? parseJwk(bytes) : bytes, !!extractable, usages);
  }
}
webidl.configureInterface(SubtleCrypto);
core.defineGlobal('SubtleCrypto', SubtleCrypto);
const maxRandomBytes = 65536;

class Crypto {
  #subtle = new SubtleCrypto(webidl.internal);

  constructor(key = undefined) {
    webidl.illegalConstructor(key);
  }

  get subtle() {
    return this.#subtle;
  }

  getRandomValues(array) {
    if (!(#subtle in this)) throw webidl.illegalInvocation('Crypto');
    const context = "Failed to execute 'getRandomValues' on 'Crypto'";
    webidl.requiredArguments(arguments.length, 1, context);
    webidl.ArrayBufferView(array, `${context}: Argument 1`);
    switch (TypedArrayPrototypeGetSymbolToStringTag(array)) {
      case 'Int8Array':
      case 'Uint8Array':
      case 'Uint8ClampedArray':
      case 'Int16Array':
      case 'Uint16Array':
      case 'Int32Array':
      case 'Uint32Array':
      case 'BigInt64Array':
      case 'BigUint64Array':
        break;
      default:
        throw new DOMException(`${context}: Argument 1 is not a typed array of integers`, 'TypeMismatchError');
    }
    const size = TypedArrayPrototypeGetByteLength(array);
    if (size > maxRandomBytes) {
      throw new QuotaExceededError(`${context}: ${size} bytes are more than the ${maxRandomBytes} that one call can give`);
    }
    ops.randomFill(array);
    return array;
  }

  randomUUID() {
    if (!(#subtle in this)) throw webidl.illegalInvocation('Crypto');
    return ops.randomUuid();
  }
}
webidl.configureInterface(Crypto);
core.defineGlobal('Crypto', Crypto);

const crypto = new Crypto(webidl.internal);
core.defineGlobalGetter('crypto', () => crypto);

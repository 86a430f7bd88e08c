// Web Cryptography: random values, UUIDs, digests.

const { DOMException, QuotaExceededError, ops, webidl } = core;
const {
  ArrayBufferIsView,
  ArrayBufferPrototypeGetByteLength,
  DataViewPrototypeGetByteLength,
  StringPrototypeToUpperCase,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeGetSymbolToStringTag,
} = core.primordials;

const convertAlgorithm = webidl.dictionary('Algorithm', [
  { key: 'name', convert: webidl.DOMString, required: true },
]);

// "Normalize an algorithm" for digests: names are compared without regard to case.
function normalizeDigest(algorithm, context) {
  const name = webidl.isObject(algorithm) ?
    convertAlgorithm(algorithm, `${context}: Argument 1`).name :
    webidl.DOMString(algorithm, `${context}: Argument 1`);
  const normalized = StringPrototypeToUpperCase(name);
  switch (normalized) {
    case 'SHA-1':
    case 'SHA-256':
    case 'SHA-384':
    case 'SHA-512':
      return normalized;
    default:
      throw new DOMException(`${context}: '${name}' is not a digest algorithm that is supported`, 'NotSupportedError');
  }
}

function byteLength(source) {
  if (!ArrayBufferIsView(source)) return ArrayBufferPrototypeGetByteLength(source);
  return TypedArrayPrototypeGetSymbolToStringTag(source) === undefined ?
    DataViewPrototypeGetByteLength(source) :
    TypedArrayPrototypeGetByteLength(source);
}

// From here on hashing takes longer than the way to another thread and back.
const backgroundSize = 64 * 1024;

class SubtleCrypto {
  #brand;

  constructor(key = undefined) {
    webidl.illegalConstructor(key);
  }

  async digest(algorithm, data) {
    if (!(#brand in this)) throw webidl.illegalInvocation('SubtleCrypto');
    const context = "Failed to execute 'digest' on 'SubtleCrypto'";
    webidl.requiredArguments(arguments.length, 2, context);
    if (!webidl.isObject(algorithm)) algorithm = webidl.DOMString(algorithm, `${context}: Argument 1`);
    webidl.BufferSource(data, `${context}: Argument 2`);
    const name = normalizeDigest(algorithm, context);
    if (byteLength(data) < backgroundSize) return ops.digest(name, data);
    return core.opAsync('digestInBackground', name, data);
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
      throw new QuotaExceededError(
        `${context}: ${size} bytes are more than the ${maxRandomBytes} that one call can give`,
        { __proto__: null, quota: maxRandomBytes, requested: size });
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

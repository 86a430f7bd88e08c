// CryptoKey, and how the algorithms of Web Cryptography are found and their parameters converted (sections 13 and 18).

const { DOMException, ops, webidl } = core;
const {
  ArrayPrototypeIncludes,
  ArrayPrototypePush,
  ArrayPrototypeUnshift,
  MathFloor,
  ObjectDefineProperty,
  ReflectApply,
  SafeMap,
  SafeSet,
  StringPrototypeCharCodeAt,
  StringPrototypeToUpperCase,
  TypedArrayPrototypeGetLength,
  TypedArrayPrototypeGetSymbolToStringTag,
  TypeError,
  Uint8Array,
} = core.primordials;

function fail(name, message) {
  throw new DOMException(message, name);
}

// ---- Keys ----

const keyTypes = { __proto__: null, public: 'public', private: 'private', secret: 'secret' };
// In the order in which `usages` shows them.
const keyUsages = ['encrypt', 'decrypt', 'sign', 'verify', 'deriveKey', 'deriveBits', 'wrapKey', 'unwrapKey',
  'encapsulateKey', 'encapsulateBits', 'decapsulateKey', 'decapsulateBits'];

const normalizeUsages = (usages) => {
  const result = [];
  for (let i = 0; i < keyUsages.length; i++) {
    if (ArrayPrototypeIncludes(usages, keyUsages[i])) ArrayPrototypePush(result, keyUsages[i]);
  }
  return result;
};

const setOwn = (object, key, value) => ObjectDefineProperty(object, key, {
  __proto__: null, value, writable: true, enumerable: true, configurable: true,
});

// What a script sees of an algorithm: objects of its own, which it may change.
function showAlgorithm({ name, modulusLength, publicExponent, hash, namedCurve, length }) {
  const shown = {};
  setOwn(shown, 'name', name);
  if (modulusLength !== undefined) setOwn(shown, 'modulusLength', modulusLength);
  if (publicExponent !== undefined) setOwn(shown, 'publicExponent', new Uint8Array(ops.copyBytes(publicExponent)));
  if (hash !== undefined) setOwn(shown, 'hash', { name: hash });
  if (namedCurve !== undefined) setOwn(shown, 'namedCurve', namedCurve);
  if (length !== undefined) setOwn(shown, 'length', length);
  return shown;
}

let slotsOf;
let isCryptoKey;

class CryptoKey {
  // { type, extractable, algorithm, usages, handle }; never changes, and clones share it. `handle` is what native code
  // knows the key by; nothing that a script can reach, or that is printed, holds the key itself.
  #slots;
  #shownAlgorithm = undefined;
  #shownUsages = undefined;

  constructor(key = undefined, slots = undefined) {
    webidl.illegalConstructor(key);
    this.#slots = slots;
    ops.markCloneable(this);
  }

  get type() {
    return this.#slots.type;
  }

  get extractable() {
    return this.#slots.extractable;
  }

  get algorithm() {
    return this.#shownAlgorithm ??= showAlgorithm(this.#slots.algorithm);
  }

  get usages() {
    return this.#shownUsages ??= normalizeUsages(this.#slots.usages);
  }

  static {
    slotsOf = (key) => key.#slots;
    isCryptoKey = (value) => webidl.isObject(value) && #slots in value;
  }
}
webidl.configureInterface(CryptoKey);
core.defineGlobal('CryptoKey', CryptoKey);
core.inspect.showAttributes(CryptoKey, ['type', 'extractable', 'algorithm', 'usages']);
ArrayPrototypePush(core.cloneables, {
  isInstance: isCryptoKey,
  clone: (key) => new CryptoKey(webidl.internal, slotsOf(key)),
  write(key, handles) {
    const { type, extractable, algorithm, usages, handle } = slotsOf(key);
    ArrayPrototypePush(handles, handle);
    return { __proto__: null, type, extractable, algorithm, usages, handle: handles.length - 1 };
  },
  read: ({ type, extractable, algorithm, usages, handle }, handles) =>
    makeKey(type, extractable, { __proto__: null, ...algorithm }, usages, handles[handle]),
});

const makeKey = (type, extractable, algorithm, usages, handle) =>
  new CryptoKey(webidl.internal, { __proto__: null, type, extractable, algorithm, usages, handle });

// ---- Algorithms ----

const operations = { __proto__: null };
for (const operation of ['digest', 'encrypt', 'decrypt', 'sign', 'verify', 'deriveBits', 'wrapKey', 'unwrapKey',
  'generateKey', 'importKey', 'exportKey', 'getKeyLength', 'getPublicKey']) {
  operations[operation] = new SafeMap();
}

// `supported`: for each operation [conversion of its parameters or null, function, and where there are parameters that
// never work, a function that throws for those].
function defineAlgorithm(name, supported) {
  for (const operation of Object.keys(supported)) {
    const [convert, run, check = () => {}] = supported[operation];
    operations[operation].set(StringPrototypeToUpperCase(name), { __proto__: null, name, convert, run, check });
  }
}

const convertAlgorithm = webidl.dictionary('Algorithm', [
  { key: 'name', convert: webidl.DOMString, required: true },
]);

// (object or DOMString)
const AlgorithmIdentifier = (value, context) =>
  (webidl.isObject(value) ? value : webidl.DOMString(value, context));

const isAscii = (text) => {
  for (let i = 0; i < text.length; i++) if (StringPrototypeCharCodeAt(text, i) > 0x7f) return false;
  return true;
};

// "Normalize an algorithm" (section 18.4.4): { name, params, run, check }.
function normalize(operation, algorithm, context) {
  const given = webidl.isObject(algorithm) ? algorithm : { __proto__: null, name: algorithm };
  const { name } = convertAlgorithm(given, context);
  // Case is that of ASCII alone.
  const found = isAscii(name) ? operations[operation].get(StringPrototypeToUpperCase(name)) : undefined;
  if (found === undefined) fail('NotSupportedError', `${context} names '${name}', which is not supported for this`);
  const params = found.convert === null ? { __proto__: null } : found.convert(given, context);
  params.name = found.name;
  if (params.hash !== undefined) params.hash = normalize('digest', params.hash, `${context}, member 'hash'`).name;
  return { __proto__: null, name: found.name, params, run: found.run, check: found.check };
}

const findOperation = (operation, name) => operations[operation].get(StringPrototypeToUpperCase(name));

// Conversions of members. Bytes are copied: the script may change them afterwards.
const Bytes = (value, context) => ops.copyBytes(webidl.BufferSource(value, context));
const enforced = (convert) => (value, context) => convert(value, context, webidl.enforceRange);
const types = {
  __proto__: null,
  Bytes,
  // Uint8Array as it stands for a number, the most significant byte first.
  BigInteger(value, context) {
    if (TypedArrayPrototypeGetSymbolToStringTag(value) !== 'Uint8Array') {
      throw new TypeError(`${context} is not a Uint8Array`);
    }
    return Bytes(value, context);
  },
  octet: enforced(webidl.octet),
  unsignedShort: enforced(webidl.unsignedShort),
  unsignedLong: enforced(webidl.unsignedLong),
  HashAlgorithmIdentifier: AlgorithmIdentifier,
  CryptoKey: webidl.interfaceType('CryptoKey', isCryptoKey),
};
const required = (key, convert) => ({ key, convert, required: true });
const optional = (key, convert) => ({ key, convert });

// ---- Native work ----

// From here on computing takes longer than the way to another thread and back.
const backgroundSize = 64 * 1024;

// Calls an op of the kind that can work in the background. Undefined means that the operation failed.
async function operate(inBackground, message, op, ...parameters) {
  ArrayPrototypeUnshift(parameters, inBackground ? op : 0);
  const value = inBackground ?
    await ReflectApply(core.opAsync, undefined, parameters) : ReflectApply(ops[op], undefined, parameters);
  if (value === undefined) fail('OperationError', message);
  return value;
}

// ---- What the algorithms' imports and exports have in common ----

function requireUsages(usages, allowed) {
  for (let i = 0; i < usages.length; i++) {
    if (!ArrayPrototypeIncludes(allowed, usages[i])) {
      fail('SyntaxError', `A key of this algorithm and type cannot have the usage '${usages[i]}'`);
    }
  }
}

const intersect = (usages, allowed) => {
  const result = [];
  for (let i = 0; i < usages.length; i++) {
    if (ArrayPrototypeIncludes(allowed, usages[i])) ArrayPrototypePush(result, usages[i]);
  }
  return result;
};

const text = webidl.DOMString;
const convertOtherPrime = webidl.dictionary('RsaOtherPrimesInfo', [
  optional('r', text), optional('d', text), optional('t', text),
]);
const jwkMembers = ['alg', 'crv', 'd', 'dp', 'dq', 'e', 'ext', 'k', 'key_ops', 'kty', 'n', 'p', 'q', 'qi', 'use', 'x', 'y'];
const JsonWebKey = webidl.dictionary('JsonWebKey', [
  optional('kty', text), optional('use', text), optional('key_ops', webidl.sequence(text)), optional('alg', text),
  optional('ext', webidl.boolean), optional('crv', text), optional('x', text), optional('y', text),
  optional('d', text), optional('n', text), optional('e', text), optional('p', text), optional('q', text),
  optional('dp', text), optional('dq', text), optional('qi', text),
  optional('oth', webidl.sequence(convertOtherPrime)), optional('k', text),
]);

// RFC 7517, section 4, as each algorithm's import asks for it.
function checkJwk(jwk, kty, use, extractable, usages) {
  if (jwk.kty !== kty) fail('DataError', `The JWK's 'kty' is not '${kty}'`);
  if (usages.length > 0 && jwk.use !== undefined && jwk.use !== use) fail('DataError', `The JWK's 'use' is not '${use}'`);
  if (jwk.key_ops !== undefined) {
    const seen = new SafeSet();
    for (let i = 0; i < jwk.key_ops.length; i++) {
      if (seen.has(jwk.key_ops[i])) fail('DataError', "The JWK's 'key_ops' names an operation twice");
      seen.add(jwk.key_ops[i]);
    }
    for (let i = 0; i < usages.length; i++) {
      if (!seen.has(usages[i])) fail('DataError', `The JWK's 'key_ops' lacks '${usages[i]}'`);
    }
  }
  if (jwk.ext === false && extractable) fail('DataError', 'The JWK does not allow the key to be extractable');
}

// A member of a JWK in base64url without padding (RFC 7515, section 2).
function decodeMember(jwk, member) {
  const value = jwk[member];
  if (value === undefined) fail('DataError', `The JWK lacks '${member}'`);
  const bytes = ops.base64ToBytes(value, true);
  // Space and padding, which the op skips, would be characters that made no bytes.
  if (value.length % 4 === 1 || bytes === undefined ||
      TypedArrayPrototypeGetLength(bytes) !== MathFloor(value.length * 3 / 4)) fail('DataError', `The JWK's '${member}' is not base64url`);
  return bytes;
}

const encodeMember = (bytes) => ops.bytesToBase64(bytes, true, true);

// A JWK for a script: an ordinary object with the members that there are, in the order of the dictionary.
function makeJwk(slots, fields) {
  const jwk = {};
  for (let i = 0; i < jwkMembers.length; i++) {
    const member = jwkMembers[i];
    const value = member === 'ext' ? slots.extractable :
      member === 'key_ops' ? normalizeUsages(slots.usages) : fields[member];
    if (value !== undefined) setOwn(jwk, member, value);
  }
  return jwk;
}

core.cryptoKey = {
  __proto__: null,
  AlgorithmIdentifier,
  JsonWebKey,
  backgroundSize,
  checkJwk,
  decodeMember,
  defineAlgorithm,
  encodeMember,
  fail,
  findOperation,
  intersect,
  isCryptoKey,
  keyTypes,
  keyUsages,
  makeJwk,
  makeKey,
  normalize,
  operate,
  optional,
  required,
  requireUsages,
  slotsOf,
  types,
};

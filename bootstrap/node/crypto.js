// node:crypto: hashes, HMACs, random values and comparison. Keys, signatures and ciphers are `crypto.subtle`'s.
const { Buffer } = require('buffer');
const { Transform } = require('stream');

const { ops } = core;
const webcrypto = globalThis.crypto;

function fail(Class, code, message) {
  const error = new Class(message);
  error.code = code;
  throw error;
}

function bytesOf(data, encoding, name = 'data') {
  if (typeof data === 'string') return Buffer.from(data, encoding);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return fail(TypeError, 'ERR_INVALID_ARG_TYPE', `The "${name}" argument must be a string, a buffer or a view.`);
}

// What was given so far is kept, and hashed at the end in one call.
class Digest extends Transform {
  #compute;
  #chunks = [];
  #done = false;

  constructor(compute) {
    super();
    this.#compute = compute;
  }

  update(data, encoding) {
    if (this.#done) fail(Error, 'ERR_CRYPTO_HASH_FINALIZED', 'Digest already called');
    // A copy, since the caller may change its own.
    this.#chunks.push(Buffer.from(bytesOf(data, encoding)));
    return this;
  }

  digest(encoding) {
    if (this.#done) fail(Error, 'ERR_CRYPTO_HASH_FINALIZED', 'Digest already called');
    this.#done = true;
    const result = Buffer.from(this.#compute(Buffer.concat(this.#chunks)));
    this.#chunks = [];
    return encoding === undefined || encoding === 'buffer' ? result : result.toString(encoding);
  }

  _copyTo(other) {
    if (this.#done) fail(Error, 'ERR_CRYPTO_HASH_FINALIZED', 'Digest already called');
    other.#chunks = [...this.#chunks];
    return other;
  }

  _transform(chunk, encoding, callback) {
    this.update(chunk, encoding);
    callback();
  }

  _flush(callback) {
    this.push(this.digest());
    callback();
  }
}

class Hash extends Digest {
  #algorithm;

  constructor(algorithm) {
    super((bytes) => ops.hash(algorithm, bytes));
    this.#algorithm = algorithm;
  }

  copy() {
    return this._copyTo(new Hash(this.#algorithm));
  }
}

class Hmac extends Digest {}

const checkAlgorithm = (algorithm) => {
  const name = String(algorithm).toLowerCase();
  if (!ops.hashSupported(name)) fail(Error, 'ERR_OSSL_EVP_UNSUPPORTED', `Digest method '${algorithm}' is not supported`);
  return name;
};

function createHash(algorithm) {
  return new Hash(checkAlgorithm(algorithm));
}

function createHmac(algorithm, key) {
  const name = checkAlgorithm(algorithm);
  const secret = Buffer.from(bytesOf(key, 'utf8', 'key'));
  return new Hmac((bytes) => ops.hmac(name, secret, bytes));
}

const hash = (algorithm, data, encoding = 'hex') => createHash(algorithm).update(data).digest(encoding);

function timingSafeEqual(a, b) {
  const [x, y] = [bytesOf(a), bytesOf(b)];
  if (x.length !== y.length) fail(RangeError, 'ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH', 'Input buffers must have the same byte length');
  return ops.timingSafeEqual(x, y);
}

// The standard's function fills 65536 bytes at most.
function randomFillSync(buffer, offset = 0, size = buffer.byteLength - offset) {
  const bytes = ArrayBuffer.isView(buffer) ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength) : new Uint8Array(buffer);
  for (let at = offset; at < offset + size; at += 65536) {
    webcrypto.getRandomValues(bytes.subarray(at, Math.min(at + 65536, offset + size)));
  }
  return buffer;
}

function randomBytes(size, callback) {
  if (!Number.isInteger(size) || size < 0 || size > 0x7fffffff) fail(RangeError, 'ERR_OUT_OF_RANGE', 'The value of "size" is out of range.');
  const bytes = randomFillSync(Buffer.alloc(size));
  if (callback === undefined) return bytes;
  queueMicrotask(() => callback(null, bytes));
  return undefined;
}

// Without the bias that a remainder would have.
function randomInt(min, max, callback) {
  if (max === undefined || typeof max === 'function') [min, max, callback] = [0, min, max];
  const range = max - min;
  if (!Number.isSafeInteger(min) || !Number.isSafeInteger(max) || range <= 0 || range > 2 ** 48 - 1) {
    fail(RangeError, 'ERR_OUT_OF_RANGE', 'The range of randomInt is not valid.');
  }
  const limit = 2 ** 48 - (2 ** 48 % range);
  let value;
  do value = randomBytes(6).readUIntBE(0, 6); while (value >= limit);
  const result = min + (value % range);
  if (callback === undefined) return result;
  queueMicrotask(() => callback(null, result));
  return undefined;
}

module.exports = {
  createHash, createHmac, hash, Hash, Hmac, timingSafeEqual, randomFillSync, randomBytes, randomInt, webcrypto,
  subtle: webcrypto.subtle,
  getRandomValues: (array) => webcrypto.getRandomValues(array),
  randomUUID: () => webcrypto.randomUUID(),
  randomFill: (buffer, ...rest) => {
    const callback = rest.pop();
    const filled = randomFillSync(buffer, ...rest);
    queueMicrotask(() => callback(null, filled));
  },
  pseudoRandomBytes: randomBytes,
  getHashes: () => ['md5', 'ripemd160', 'sha1', 'sha224', 'sha256', 'sha384', 'sha3-256', 'sha3-384', 'sha3-512', 'sha512', 'sha512-256'].filter((name) => ops.hashSupported(name)),
  constants: {},
};

// node:buffer by the package of that name, with what Node has added since.
const { Buffer, SlowBuffer, INSPECT_MAX_BYTES, kMaxLength } = require('buffer_bundle');

const { ops } = core;

// The package knows no `base64url`; everything else about encodings is its own.
const isBase64Url = (encoding) => typeof encoding === 'string' && encoding.toLowerCase() === 'base64url';
const toBase64 = (text) => text.replaceAll('-', '+').replaceAll('_', '/');
const { from, isEncoding, byteLength } = Buffer;
const { toString, write, fill, indexOf, lastIndexOf, includes } = Buffer.prototype;

const define = (target, values) => {
  for (const [name, value] of Object.entries(values)) {
    Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable: true });
  }
};

define(Buffer, {
  from(value, encoding, length) {
    if (typeof value === 'string' && isBase64Url(encoding)) return from(toBase64(value), 'base64');
    return from(value, encoding, length);
  },
  isEncoding: (encoding) => isBase64Url(encoding) || isEncoding(encoding),
  byteLength: (value, encoding) => byteLength(value, isBase64Url(encoding) ? 'base64' : encoding),
  copyBytesFrom(view, offset = 0, length = view.length - offset) {
    return from(new Uint8Array(view.slice(offset, offset + length).buffer));
  },
  of: (...bytes) => from(bytes),
});

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

define(Buffer.prototype, {
  toString(encoding, start, end) {
    if (isBase64Url(encoding)) {
      const text = toString.call(this, 'base64', start, end);
      return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
    }
    // The package's own decoder is slow, and the standard's does the same.
    const whole = (start === undefined || start === 0) && (end === undefined || end >= this.length);
    if (whole && (encoding === undefined || encoding === 'utf8' || encoding === 'utf-8')) return decoder.decode(this);
    return toString.call(this, encoding, start, end);
  },
  write(text, offset, length, encoding) {
    const parameters = [text, offset, length, encoding];
    const at = parameters.findIndex(isBase64Url);
    if (at <= 0) return write.call(this, text, offset, length, encoding);
    parameters[0] = toBase64(text);
    parameters[at] = 'base64';
    return write.apply(this, parameters);
  },
  fill(value, start, end, encoding) {
    const parameters = [value, start, end, encoding];
    const at = parameters.findIndex(isBase64Url);
    return at <= 0 ? fill.call(this, value, start, end, encoding) : fill.call(this, Buffer.from(value, 'base64url'), ...parameters.slice(1, at));
  },
  indexOf(value, offset, encoding) {
    return indexOf.call(this, isBase64Url(encoding) ? Buffer.from(value, encoding) : value, offset, isBase64Url(encoding) ? undefined : encoding);
  },
  lastIndexOf(value, offset, encoding) {
    return lastIndexOf.call(this, isBase64Url(encoding) ? Buffer.from(value, encoding) : value, offset, isBase64Url(encoding) ? undefined : encoding);
  },
  includes(value, offset, encoding) {
    return includes.call(this, isBase64Url(encoding) ? Buffer.from(value, encoding) : value, offset, isBase64Url(encoding) ? undefined : encoding);
  },
  // Node's names for the reading and writing methods have both spellings of "uint".
  ...Object.fromEntries(Object.getOwnPropertyNames(Buffer.prototype)
    .filter((name) => /^(read|write)(Big)?UInt/.test(name))
    .map((name) => [name.replace('UInt', 'Uint'), Buffer.prototype[name]])),
});

const bytesOf = (value) => (value instanceof Uint8Array ? value : new Uint8Array(ArrayBuffer.isView(value) ? value.buffer : value));

function isUtf8(value) {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytesOf(value));
    return true;
  } catch {
    return false;
  }
}

const blobs = typeof Blob === 'function' ? { Blob } : {};
const files = typeof File === 'function' ? { File } : {};

module.exports = {
  Buffer, SlowBuffer, INSPECT_MAX_BYTES, kMaxLength, ...blobs, ...files,
  kStringMaxLength: 0x1fffffe8,
  constants: { MAX_LENGTH: kMaxLength, MAX_STRING_LENGTH: 0x1fffffe8 },
  atob, btoa, isUtf8,
  isAscii: (value) => bytesOf(value).every((byte) => byte < 0x80),
  transcode: (source, fromEncoding, toEncoding) => Buffer.from(from(source).toString(fromEncoding), toEncoding),
};

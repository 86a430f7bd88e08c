// Uint8Array to and from base64 and hex (ECMA-262, sections 23.3.1 and 23.3.2): V8 13.6 has an early version behind a
// flag, which reads the wrong bytes of an array that begins inside its buffer.

const { ops, webidl } = core;
const { ArrayPrototypePush, ObjectDefineProperty, StringPrototypeCharCodeAt, SyntaxError, TypeError,
  TypedArrayPrototypeGetLength, TypedArrayPrototypeGetSymbolToStringTag, TypedArrayPrototypeKeys, TypedArrayPrototypeSet, Uint8Array } =
  core.primordials;

// The values of the standard alphabet by character code; 64 means none. (No typed array: a snapshot cannot hold one.)
const values = new Array(256).fill(64);
for (let i = 0; i < 64; i++) {
  values['ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'.charCodeAt(i)] = i;
}
const equalsSign = 0x3d;
const longest = 2 ** 53 - 1;

const checkArray = (value) => {
  if (TypedArrayPrototypeGetSymbolToStringTag(value) !== 'Uint8Array') {
    throw new TypeError('The receiver is not a Uint8Array');
  }
};
const checkAttached = (array) => {
  TypedArrayPrototypeKeys(array);  // Throws what is wanted, where the array is detached or out of bounds.
};
const checkText = (value) => {
  if (typeof value !== 'string') throw new TypeError('The argument is not a string');
};

const checkOptions = (options) => {
  if (options === undefined) return { __proto__: null };
  if (!webidl.isObject(options)) throw new TypeError('The options are not an object');
  return options;
};
const isUrlAlphabet = (options) => {
  const { alphabet = 'base64' } = options;
  if (alphabet === 'base64url') return true;
  if (alphabet !== 'base64') throw new TypeError("The option 'alphabet' is neither 'base64' nor 'base64url'");
  return false;
};
const readDecodingOptions = (options) => {
  options = checkOptions(options);
  const url = isUrlAlphabet(options);
  const { lastChunkHandling = 'loose' } = options;
  if (lastChunkHandling !== 'loose' && lastChunkHandling !== 'strict' && lastChunkHandling !== 'stop-before-partial') {
    throw new TypeError("The option 'lastChunkHandling' is not 'loose', 'strict' or 'stop-before-partial'");
  }
  return { __proto__: null, url, lastChunkHandling };
};

const skipSpace = (text, index) => {
  for (; index < text.length; index++) {
    const code = StringPrototypeCharCodeAt(text, index);
    if (code !== 0x20 && code !== 0x09 && code !== 0x0a && code !== 0x0c && code !== 0x0d) break;
  }
  return index;
};

// FromBase64: what was read before an error counts.
class Decoder {
  read = 0;
  bytes = [];
  error = undefined;
  #chunk = 0;  // The bits of the characters so far.
  #length = 0;  // How many characters those are.

  constructor(text, { url, lastChunkHandling }, maxLength) {
    if (maxLength !== 0) this.#run(text, url, lastChunkHandling, maxLength);
  }

  #run(text, url, handling, maxLength) {
    for (let index = 0; ;) {
      index = skipSpace(text, index);
      if (index === text.length) return this.#end(text, handling);
      const code = StringPrototypeCharCodeAt(text, index++);
      if (code === equalsSign) return this.#endByPadding(text, index, handling);
      const value = valueOf(code, url);
      if (value === 64) return this.#fail('a character is not of the alphabet');
      const room = maxLength - this.bytes.length;
      if ((room === 1 && this.#length === 2) || (room === 2 && this.#length === 3)) return;
      this.#chunk = this.#chunk << 6 | value;
      if (++this.#length < 4) continue;
      this.#take(3, this.#chunk);
      this.read = index;
      if (this.bytes.length === maxLength) return;
    }
  }

  // The text is over without padding.
  #end(text, handling) {
    if (this.#length > 0) {
      if (handling === 'stop-before-partial') return;
      if (handling === 'strict') return this.#fail('the padding is missing');
      if (!this.#takePartial(false)) return;
    }
    this.read = text.length;
  }

  #endByPadding(text, index, handling) {
    if (this.#length < 2) return this.#fail('there is padding where none belongs');
    index = skipSpace(text, index);
    if (this.#length === 2) {
      if (index === text.length) {
        if (handling !== 'stop-before-partial') this.#fail('the padding is incomplete');
        return;
      }
      if (StringPrototypeCharCodeAt(text, index) === equalsSign) index = skipSpace(text, index + 1);
    }
    if (index < text.length) return this.#fail('something follows the padding');
    if (this.#takePartial(handling === 'strict')) this.read = text.length;
  }

  #takePartial(strict) {
    if (this.#length === 1) return this.#fail('a character is left over');
    const spare = this.#length === 2 ? 4 : 2;
    if (strict && (this.#chunk & ((1 << spare) - 1)) !== 0) return this.#fail('the last bits are not zero');
    this.#take(this.#length - 1, this.#chunk << 6 * (4 - this.#length));
    return true;
  }

  #take(count, bits) {
    for (let i = 0; i < count; i++) ArrayPrototypePush(this.bytes, bits >> 16 - 8 * i & 0xff);
    this.#chunk = 0;
    this.#length = 0;
  }

  #fail(reason) {
    this.error = new SyntaxError(`The text is not base64: ${reason}`);
    return false;
  }
}

function valueOf(code, url) {
  if (url) {
    if (code === 0x2d) return 62;
    if (code === 0x5f) return 63;
    if (code === 0x2b || code === 0x2f) return 64;
  }
  return code < 256 ? values[code] : 64;
}

// The same for hex, whose length was found to be even.
function decodeHex(text, maxLength) {
  const bytes = [];
  for (let i = 0; i < text.length && bytes.length < maxLength; i += 2) {
    const high = hexValue(StringPrototypeCharCodeAt(text, i));
    const low = hexValue(StringPrototypeCharCodeAt(text, i + 1));
    if (high < 0 || low < 0) {
      const error = new SyntaxError('The text is not hexadecimal');
      return { __proto__: null, read: i, bytes, error };
    }
    ArrayPrototypePush(bytes, high << 4 | low);
  }
  return { __proto__: null, read: bytes.length * 2, bytes, error: undefined };
}

function hexValue(code) {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : -1;
}

const checkEven = (text) => {
  if (text.length % 2 !== 0) throw new SyntaxError('The text is not hexadecimal: its length is odd');
};

// What has been read goes into the array, error or not.
function fill(array, { read, bytes, error }) {
  TypedArrayPrototypeSet(array, bytes);
  if (error !== undefined) throw error;
  return { read, written: bytes.length };
}

const define = (owner, methods) => {
  for (const name of Object.keys(methods)) {
    ObjectDefineProperty(owner, name, {
      __proto__: null, value: methods[name], writable: true, enumerable: false, configurable: true,
    });
  }
};

define(Uint8Array, {
  fromBase64(text, options = undefined) {
    checkText(text);
    const given = readDecodingOptions(options);
    if (given.lastChunkHandling === 'loose') {
      const bytes = ops.base64ToBytes(text, given.url);
      if (bytes !== undefined) return bytes;
    }
    const { bytes, error } = new Decoder(text, given, longest);
    if (error !== undefined) throw error;
    return new Uint8Array(bytes);
  },

  fromHex(text) {
    checkText(text);
    checkEven(text);
    const { bytes, error } = decodeHex(text, longest);
    if (error !== undefined) throw error;
    return new Uint8Array(bytes);
  },
});

define(Uint8Array.prototype, {
  setFromBase64(text, options = undefined) {
    checkArray(this);
    checkText(text);
    const given = readDecodingOptions(options);
    checkAttached(this);
    return fill(this, new Decoder(text, given, TypedArrayPrototypeGetLength(this)));
  },

  setFromHex(text) {
    checkArray(this);
    checkText(text);
    checkAttached(this);
    checkEven(text);
    return fill(this, decodeHex(text, TypedArrayPrototypeGetLength(this)));
  },

  toBase64(options = undefined) {
    checkArray(this);
    const given = checkOptions(options);
    const url = isUrlAlphabet(given);
    const omitPadding = !!given.omitPadding;
    checkAttached(this);
    return ops.bytesToBase64(this, url, omitPadding);
  },

  toHex() {
    checkArray(this);
    checkAttached(this);
    return ops.bytesToHex(this);
  },
});

// node:querystring.
const { Buffer } = require('buffer');

// Percent-encoded as encodeURIComponent does, but lone surrogates are an error of another kind.
function escape(text) {
  try {
    return encodeURIComponent(typeof text === 'object' ? String(text) : text);
  } catch (error) {
    error.code = 'ERR_INVALID_URI';
    throw error;
  }
}

// Bytes of the escapes; what is no escape stays.
function unescapeBuffer(text) {
  const bytes = [];
  for (let i = 0; i < text.length; i++) {
    const digits = text[i] === '%' ? text.slice(i + 1, i + 3) : '';
    if (/^[0-9a-f]{2}$/i.test(digits)) {
      bytes.push(parseInt(digits, 16));
      i += 2;
    } else {
      bytes.push(text.charCodeAt(i));
    }
  }
  return Buffer.from(bytes);
}

function unescape(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return unescapeBuffer(String(text)).toString();
  }
}

const textOf = (value) => {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
      return Number.isFinite(value) ? String(value) : '';
    case 'bigint':
    case 'boolean':
      return String(value);
    default:
      return '';
  }
};

function stringify(object, separator = '&', equals = '=', options = {}) {
  if (typeof object !== 'object' || object === null) return '';
  const encode = options?.encodeURIComponent ?? module.exports.escape;
  const pairs = [];
  for (const key of Object.keys(object)) {
    const values = Array.isArray(object[key]) ? object[key] : [object[key]];
    for (const value of values) pairs.push(encode(key) + (equals || '=') + encode(textOf(value)));
  }
  return pairs.join(separator || '&');
}

function parse(text, separator = '&', equals = '=', options = {}) {
  const object = { __proto__: null };
  if (typeof text !== 'string' || text.length === 0) return object;
  const decode = options?.decodeURIComponent ?? module.exports.unescape;
  const limit = typeof options?.maxKeys === 'number' ? options.maxKeys : 1000;
  const safely = (part) => {
    try {
      return decode(part);
    } catch {
      return unescape(part);
    }
  };
  let pairs = text.split(separator || '&').filter((pair) => pair !== '');
  if (limit > 0) pairs = pairs.slice(0, limit);
  for (const pair of pairs) {
    const plain = pair.replaceAll('+', ' ');
    const at = plain.indexOf(equals || '=');
    const key = safely(at === -1 ? plain : plain.slice(0, at));
    const value = at === -1 ? '' : safely(plain.slice(at + (equals || '=').length));
    if (!(key in object)) object[key] = value;
    else if (Array.isArray(object[key])) object[key].push(value);
    else object[key] = [object[key], value];
  }
  return object;
}

module.exports = { escape, unescape, unescapeBuffer, stringify, encode: stringify, parse, decode: parse };

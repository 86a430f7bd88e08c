// node:util.
const types = require('util/types');
const deepEqual = require('_deep_equal');

const custom = Symbol.for('nodejs.util.inspect.custom');
const promisified = Symbol.for('nodejs.util.promisify.custom');

function fail(Class, code, message) {
  const error = new Class(message);
  error.code = code;
  throw error;
}

function checkFunction(value, name) {
  if (typeof value !== 'function') fail(TypeError, 'ERR_INVALID_ARG_TYPE', `The "${name}" argument must be of type function.`);
}

// As the console shows it, at most `depth` levels deep. An object may say by a method how it is shown itself.
function inspect(value, options = {}) {
  const settings = typeof options === 'object' && options !== null ? options : {};
  const depth = settings.depth === null ? Infinity : settings.depth ?? 2;
  const own = typeof value === 'object' && value !== null ? value[custom] : undefined;
  if (typeof own === 'function' && own !== inspect) {
    const text = own.call(value, depth, settings, inspect);
    return typeof text === 'string' ? text : inspect(text, options);
  }
  return core.inspect.inspect(value, Math.min(depth, 1000));
}
inspect.custom = custom;
inspect.defaultOptions = { depth: 2 };
inspect.colors = { __proto__: null };
inspect.styles = { __proto__: null };

function formatOne(specifier, value) {
  switch (specifier) {
    case 's': {
      if (typeof value === 'bigint') return `${value}n`;
      if (Object.is(value, -0)) return '-0';
      const plain = typeof value === 'object' && value !== null && !Object.hasOwn(value, 'toString') &&
        (value.constructor === Object || Array.isArray(value));
      return plain ? inspect(value, { depth: 0 }) : String(value);
    }
    case 'd':
      return typeof value === 'bigint' ? `${value}n` : typeof value === 'symbol' ? 'NaN' : String(Number(value));
    case 'i':
      return typeof value === 'bigint' ? `${value}n` : typeof value === 'symbol' ? 'NaN' : String(parseInt(value, 10));
    case 'f':
      return typeof value === 'symbol' ? 'NaN' : String(parseFloat(value));
    case 'j':
      try {
        return JSON.stringify(value);
      } catch (error) {
        if (/circular/.test(error.message)) return '[Circular]';
        throw error;
      }
    case 'o':
    case 'O':
      return inspect(value, { depth: 4 });
    default:  // c: a style, which has no place in a text.
      return '';
  }
}

function formatWithOptions(options, ...values) {
  let text = '';
  let rest = values;
  if (typeof values[0] === 'string') {
    let next = 1;
    text = values[0].replace(/%([sdifjoOc%])/g, (match, specifier) => {
      if (specifier === '%') return values.length === 1 ? match : '%';
      if (next === values.length) return match;
      return formatOne(specifier, values[next++]);
    });
    rest = values.slice(next);
    if (rest.length !== 0) text += ' ';
  }
  return text + rest.map((value) => (typeof value === 'string' ? value : inspect(value, options))).join(' ');
}

function promisify(original) {
  checkFunction(original, 'original');
  if (original[promisified] !== undefined) {
    checkFunction(original[promisified], 'util.promisify.custom');
    return original[promisified];
  }
  function promising(...parameters) {
    return new Promise((resolve, reject) => {
      Reflect.apply(original, this, [...parameters, (error, value) => {
        if (error) reject(error);
        else resolve(value);
      }]);
    });
  }
  Object.setPrototypeOf(promising, Object.getPrototypeOf(original));
  return Object.defineProperties(promising, Object.getOwnPropertyDescriptors(original));
}
promisify.custom = promisified;

function callbackify(original) {
  checkFunction(original, 'original');
  return function callbackified(...parameters) {
    const callback = parameters.pop();
    checkFunction(callback, 'last argument');
    Reflect.apply(original, this, parameters).then(
      (value) => queueMicrotask(() => callback.call(this, null, value)),
      (reason) => queueMicrotask(() => {
        let error = reason;
        if (!error) {
          error = new Error('Promise was rejected with a falsy value');
          error.code = 'ERR_FALSY_VALUE_REJECTION';
          error.reason = reason;
        }
        callback.call(this, error);
      }));
  };
}

function inherits(constructor, parent) {
  checkFunction(constructor, 'ctor');
  checkFunction(parent, 'superCtor');
  Object.defineProperty(constructor, 'super_', { value: parent, writable: true, configurable: true });
  Object.setPrototypeOf(constructor.prototype, parent.prototype);
}

function deprecate(callback, message, code) {
  let warned = false;
  function deprecated(...parameters) {
    if (!warned) console.warn(`DeprecationWarning: ${code === undefined ? '' : `[${code}] `}${message}`);
    warned = true;
    return new.target ? Reflect.construct(callback, parameters, new.target) : Reflect.apply(callback, this, parameters);
  }
  Object.setPrototypeOf(deprecated, callback);
  if (callback.prototype) deprecated.prototype = callback.prototype;
  return deprecated;
}

function debuglog(set) {
  const { env } = require('process');
  const enabled = (env.NODE_DEBUG ?? '').toLowerCase().split(',').includes(String(set).toLowerCase());
  const log = (...parameters) => {
    if (enabled) console.debug(`${String(set).toUpperCase()}: ${formatWithOptions({}, ...parameters)}`);
  };
  log.enabled = enabled;
  return log;
}

// ANSI escape sequences (ECMA-48): CSI, OSC and the two-character ones.
// eslint-disable-next-line no-control-regex
const escapeSequences = /[\u001B\u009B][[\]()#;?]*(?:(?:[^\u0007\u001B]*\u0007)|(?:(?:\d{1,4}(?:[;:]\d{0,4})*)?[\dA-PR-TZcf-nq-uy=><~]))/g;

function aborted(signal, resource) {
  if (signal === undefined || resource === undefined) fail(TypeError, 'ERR_INVALID_ARG_TYPE', 'A signal and a resource are needed.');
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

module.exports = {
  types, inspect, formatWithOptions, promisify, callbackify, inherits, deprecate, debuglog, aborted,
  debug: debuglog,
  format: (...values) => formatWithOptions({}, ...values),
  isDeepStrictEqual: (a, b) => deepEqual(a, b, true),
  isArray: Array.isArray,
  stripVTControlCharacters: (text) => String(text).replace(escapeSequences, ''),
  styleText: (format, text) => String(text),
  toUSVString: (text) => String(text).toWellFormed(),
  TextDecoder, TextEncoder,
};

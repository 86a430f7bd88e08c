// node:util/types. What a value is, whatever its prototype says, where the language lets that be asked.
const tagOf = (value) => Object.prototype.toString.call(value).slice(8, -1);
const typedArrayTag = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get;

// True where calling a method that checks its receiver does not throw.
const passes = (method, ...parameters) => (value) => {
  if (typeof value !== 'object' || value === null) return false;
  try {
    method.call(value, ...parameters);
    return true;
  } catch {
    return false;
  }
};
const getter = (Class, name) => Object.getOwnPropertyDescriptor(Class.prototype, name).get;
const isObject = (value) => typeof value === 'object' && value !== null;

const isBooleanObject = passes(Boolean.prototype.valueOf);
const isNumberObject = passes(Number.prototype.valueOf);
const isStringObject = passes(String.prototype.valueOf);
const isSymbolObject = passes(Symbol.prototype.valueOf);
const isBigIntObject = passes(BigInt.prototype.valueOf);
const isArrayBuffer = passes(getter(ArrayBuffer, 'byteLength'));
const isSharedArrayBuffer = (value) => tagOf(value) === 'SharedArrayBuffer' && isObject(value);
const isTypedArray = (value) => ArrayBuffer.isView(value) && typedArrayTag.call(value) !== undefined;
const functionTag = (tag) => (value) => typeof value === 'function' && tagOf(value) === tag;

module.exports = {
  isAnyArrayBuffer: (value) => isArrayBuffer(value) || isSharedArrayBuffer(value),
  isArgumentsObject: (value) => isObject(value) && !(Symbol.toStringTag in value) && tagOf(value) === 'Arguments',
  isArrayBuffer,
  isArrayBufferView: ArrayBuffer.isView,
  isAsyncFunction: (value) => functionTag('AsyncFunction')(value) || functionTag('AsyncGeneratorFunction')(value),
  isBigIntObject,
  isBooleanObject,
  isBoxedPrimitive: (value) =>
    isBooleanObject(value) || isNumberObject(value) || isStringObject(value) || isSymbolObject(value) ||
    isBigIntObject(value),
  isCryptoKey: (value) => typeof CryptoKey === 'function' && value instanceof CryptoKey,
  isDataView: (value) => ArrayBuffer.isView(value) && !isTypedArray(value),
  isDate: passes(Date.prototype.getTime),
  isExternal: () => false,
  isGeneratorFunction: (value) =>
    functionTag('GeneratorFunction')(value) || functionTag('AsyncGeneratorFunction')(value),
  isGeneratorObject: (value) => isObject(value) && tagOf(value) === 'Generator',
  isKeyObject: () => false,
  isMap: passes(getter(Map, 'size')),
  isMapIterator: (value) => isObject(value) && tagOf(value) === 'Map Iterator',
  isModuleNamespaceObject: (value) => isObject(value) && tagOf(value) === 'Module' && Object.isSealed(value),
  isNativeError: core.ops.isNativeError,
  isNumberObject,
  isPromise: (value) => core.ops.isPromise(value),
  isProxy: (value) => core.ops.isProxy(value),
  isRegExp: (value) => isObject(value) && value !== RegExp.prototype && passes(getter(RegExp, 'source'))(value),
  isSet: passes(getter(Set, 'size')),
  isSetIterator: (value) => isObject(value) && tagOf(value) === 'Set Iterator',
  isSharedArrayBuffer,
  isStringObject,
  isSymbolObject,
  isTypedArray,
  isWeakMap: passes(WeakMap.prototype.has, {}),
  isWeakSet: passes(WeakSet.prototype.has, {}),
  ...Object.fromEntries([
    'BigInt64Array', 'BigUint64Array', 'Float16Array', 'Float32Array', 'Float64Array', 'Int16Array', 'Int32Array',
    'Int8Array', 'Uint16Array', 'Uint32Array', 'Uint8Array', 'Uint8ClampedArray',
  ].map((name) => [`is${name}`, (value) => ArrayBuffer.isView(value) && typedArrayTag.call(value) === name])),
};

// Conversions and interface set-up as Web IDL says, for every web API of the bootstrap.
//
// A conversion is a function (value, context) that returns the converted value or throws a TypeError whose message
// starts with `context`, a text such as "Failed to construct 'URL': Argument 1". Contexts are literals at the call, so
// that they cost nothing until something is wrong.

const { ops } = core;
const {
  ArrayIsArray,
  ArrayPrototypePush,
  ArrayPrototypeSort,
  BigInt,
  BigIntAsIntN,
  BigIntAsUintN,
  FunctionPrototypeCall,
  MathFloor,
  MathFround,
  MathMax,
  MathMin,
  MathTrunc,
  Number,
  NumberIsFinite,
  NumberIsNaN,
  ObjectDefineProperty,
  ObjectFreeze,
  ObjectPrototypePropertyIsEnumerable,
  ReflectGetOwnPropertyDescriptor,
  ReflectOwnKeys,
  SafeSet,
  String,
  StringPrototypeCharCodeAt,
  StringPrototypeToWellFormed,
  Symbol,
  SymbolIterator,
  SymbolToStringTag,
  TypeError,
} = core.primordials;

const isObject = (value) => (typeof value === 'object' && value !== null) || typeof value === 'function';

// ---- Strings ----

function DOMString(value, context) {
  if (typeof value === 'string') return value;
  if (typeof value === 'symbol') throw new TypeError(`${context} is a symbol, which cannot be converted to a string`);
  return String(value);
}

function USVString(value, context) {
  return StringPrototypeToWellFormed(typeof value === 'string' ? value : DOMString(value, context));
}

function ByteString(value, context) {
  const text = typeof value === 'string' ? value : DOMString(value, context);
  for (let i = 0; i < text.length; i++) {
    if (StringPrototypeCharCodeAt(text, i) > 255) {
      throw new TypeError(`${context} has a character at index ${i} that is outside Latin-1`);
    }
  }
  return text;
}

// ---- Numbers ----

// Modes of the integer conversions: the extended attributes [EnforceRange] and [Clamp].
const enforceRange = Symbol('EnforceRange');
const clamp = Symbol('Clamp');

function roundHalfToEven(x) {
  const floor = MathFloor(x);
  const rest = x - floor;
  if (rest < 0.5) return floor + 0;
  if (rest > 0.5) return floor + 1;
  return floor % 2 === 0 ? floor + 0 : floor + 1;
}

// Web IDL, ConvertToInt. Unary plus, unlike Number(), refuses a BigInt as ToNumber does.
function makeInteger(name, bits, signed) {
  const modulus = 2 ** bits;
  const upper = bits === 64 ? 2 ** 53 - 1 : signed ? 2 ** (bits - 1) - 1 : modulus - 1;
  const lower = !signed ? 0 : bits === 64 ? -upper : -(2 ** (bits - 1));
  return (value, context, mode = undefined) => {
    let x = +value;
    if (mode === enforceRange) {
      if (!NumberIsFinite(x)) throw new TypeError(`${context} is not a finite number`);
      x = MathTrunc(x) + 0;
      if (x < lower || x > upper) throw new TypeError(`${context} is outside the range of ${name}`);
      return x;
    }
    if (mode === clamp && !NumberIsNaN(x)) return roundHalfToEven(MathMin(MathMax(x, lower), upper));
    if (!NumberIsFinite(x)) return 0;
    x = MathTrunc(x) + 0;
    if (x >= lower && x <= upper) return x;
    if (bits === 64) return Number(signed ? BigIntAsIntN(64, BigInt(x)) : BigIntAsUintN(64, BigInt(x)));
    x %= modulus;
    if (x < 0) x += modulus;
    return (signed && x >= modulus / 2 ? x - modulus : x) + 0;
  };
}

function unrestrictedDouble(value) {
  return +value;
}

function double(value, context) {
  const x = +value;
  if (!NumberIsFinite(x)) throw new TypeError(`${context} is not a finite number`);
  return x;
}

function float(value, context) {
  const x = MathFround(double(value, context));
  if (!NumberIsFinite(x)) throw new TypeError(`${context} is outside the range of float`);
  return x;
}

// ---- Objects ----

function object(value, context) {
  if (!isObject(value)) throw new TypeError(`${context} is not an object`);
  return value;
}

function callbackFunction(value, context) {
  if (typeof value !== 'function') throw new TypeError(`${context} is not a function`);
  return value;
}

const nullable = (convert) => (value, context) =>
  (value === null || value === undefined ? null : convert(value, context));

// An instance of an interface: `isInstance` is the class's own brand check.
const interfaceType = (name, isInstance) => (value, context) => {
  if (!isInstance(value)) throw new TypeError(`${context} is not of type '${name}'`);
  return value;
};

function enumeration(name, values) {
  const known = new SafeSet();
  for (const value of values) known.add(value);
  return (value, context) => {
    const text = DOMString(value, context);
    if (!known.has(text)) throw new TypeError(`${context} '${text}' is not a valid value of ${name}`);
    return text;
  };
}

// Unchanged, an array's iterator shows nothing that an index loop does not.
const arrayIterator = ReflectGetOwnPropertyDescriptor(Array.prototype, SymbolIterator).value;
const ArrayIteratorPrototype = Object.getPrototypeOf([][SymbolIterator]());
const arrayIteratorNext = ArrayIteratorPrototype.next;

// Calls `visit(element, index)` for what the iterator that `method` makes of `iterable` yields. An error of `visit`
// leaves the iterator open, as Web IDL's conversions do.
function forEachOfIterable(iterable, method, context, visit) {
  if (method === arrayIterator && ArrayIsArray(iterable) && ArrayIteratorPrototype.next === arrayIteratorNext) {
    for (let i = 0; i < iterable.length; i++) visit(iterable[i], i);
    return;
  }
  const iterator = FunctionPrototypeCall(method, iterable);
  if (!isObject(iterator)) throw new TypeError(`${context} has an iterator that is not an object`);
  const next = iterator.next;
  for (let i = 0; ; i++) {
    const step = FunctionPrototypeCall(next, iterator);
    if (!isObject(step)) throw new TypeError(`${context} has an iterator whose result is not an object`);
    if (step.done) return;
    visit(step.value, i);
  }
}

// The conversion to a sequence where `method`, value[Symbol.iterator], has been read already, as overloads and unions
// demand: it may be read once only.
function sequenceFromIterable(value, method, convert, context) {
  if (typeof method !== 'function') throw new TypeError(`${context} is not iterable`);
  const result = [];
  forEachOfIterable(value, method, context, (element, i) => {
    ArrayPrototypePush(result, convert(element, `${context}, element ${i}`));
  });
  return result;
}

const sequence = (convert) => (value, context) => {
  if (!isObject(value)) throw new TypeError(`${context} is not iterable`);
  return sequenceFromIterable(value, value[SymbolIterator], convert, context);
};

// A record becomes a flat array: key, value, key, value, …
const record = (convertKey, convertValue) => (value, context) => {
  if (!isObject(value)) throw new TypeError(`${context} is not an object`);
  const result = [];
  const keys = ReflectOwnKeys(value);
  // Keys differ from each other; once a conversion changed one they may not.
  let mayRepeat = false;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    if (!ObjectPrototypePropertyIsEnumerable(value, key)) continue;
    const typedKey = convertKey(key, `${context}, key`);
    const typedValue = convertValue(value[key], `${context}, value of '${typedKey}'`);
    if (typedKey !== key) mayRepeat = true;
    let at = result.length;
    if (mayRepeat) {
      for (let j = 0; j < result.length; j += 2) if (result[j] === typedKey) at = j;
    }
    if (at === result.length) {
      ArrayPrototypePush(result, typedKey, typedValue);
    } else {
      result[at + 1] = typedValue;
    }
  }
  return result;
};

// What a conversion returns: nothing that a script adds to Object.prototype shows through it. As object literals without
// a prototype these two would be hash tables in V8.
function Dictionary() {}
Dictionary.prototype = ObjectFreeze({ __proto__: null });

class Member {
  key;
  convert;
  required;
  default;
  makeDefault;

  constructor(key, convert, required, value, makeDefault) {
    this.key = key;
    this.convert = convert;
    this.required = required;
    this.default = value;
    this.makeDefault = makeDefault;
  }
}

// `members`: { key, convert, required, default, defaultValue }: `default` is a primitive, `makeDefault` a function that
// makes a fresh object. A member that is absent and has no default is undefined. `parent` is the conversion of the
// dictionary that this one inherits from.
function dictionary(name, members, parent = undefined) {
  const sorted = ArrayPrototypeSort(members, (a, b) => (a.key < b.key ? -1 : 1));
  const all = [];
  if (parent !== undefined) {
    for (let i = 0; i < parent.members.length; i++) ArrayPrototypePush(all, parent.members[i]);
  }
  for (let i = 0; i < sorted.length; i++) {
    const { key, convert, required = false, default: value = undefined, makeDefault = undefined } = sorted[i];
    ArrayPrototypePush(all, new Member(key, convert, required, value, makeDefault));
  }
  const convertDictionary = (value, context) => {
    const absent = value === undefined || value === null;
    if (!absent && !isObject(value)) throw new TypeError(`${context} is not an object (${name})`);
    const result = new Dictionary();
    for (let i = 0; i < all.length; i++) {
      const member = all[i];
      const given = absent ? undefined : value[member.key];
      if (given !== undefined) {
        result[member.key] = member.convert(given, `${context}, member '${member.key}'`);
      } else if (member.required) {
        throw new TypeError(`${context} lacks the member '${member.key}' that ${name} requires`);
      } else {
        result[member.key] = member.makeDefault === undefined ? member.default : member.makeDefault();
      }
    }
    return result;
  };
  convertDictionary.members = all;
  return convertDictionary;
}

// ---- Buffers ----

// The bits of ops.bufferKind. Native code is asked because it need not touch `.buffer`, which moves a small array out
// of V8's heap.
const kinds = { __proto__: null, buffer: 1, shared: 2, view: 4, resizable: 8 };

const isArrayBuffer = (value) => (ops.bufferKind(value) & (kinds.buffer | kinds.view)) === kinds.buffer;
const isSharedArrayBuffer = (value) => (ops.bufferKind(value) & (kinds.shared | kinds.view)) === kinds.shared;

function checkBuffer(value, kind, context) {
  if (kind & kinds.shared) throw new TypeError(`${context} is shared memory`);
  if (kind & kinds.resizable) throw new TypeError(`${context} is resizable`);
  return value;
}

function ArrayBufferType(value, context) {
  const kind = ops.bufferKind(value);
  if (kind === 0 || kind & kinds.view) throw new TypeError(`${context} is not an ArrayBuffer`);
  return checkBuffer(value, kind, context);
}

function ArrayBufferView(value, context) {
  const kind = ops.bufferKind(value);
  if (!(kind & kinds.view)) throw new TypeError(`${context} is not a view of an ArrayBuffer`);
  return checkBuffer(value, kind, context);
}

function BufferSource(value, context) {
  const kind = ops.bufferKind(value);
  if (kind === 0) throw new TypeError(`${context} is neither an ArrayBuffer nor a view of one`);
  return checkBuffer(value, kind, context);
}

// [AllowShared, AllowResizable]
function AllowSharedBufferSource(value, context) {
  if (ops.bufferKind(value) === 0) throw new TypeError(`${context} is neither an ArrayBuffer nor a view of one`);
  return value;
}

// ---- Interfaces ----

function requiredArguments(given, required, context) {
  if (given < required) {
    throw new TypeError(
      `${context}: ${required} argument${required === 1 ? '' : 's'} required, but only ${given} present`);
  }
}

// Interfaces that scripts cannot construct take this as the only argument of their constructors.
const internal = Symbol('internal');

function illegalConstructor(key) {
  if (key !== internal) throw new TypeError('Illegal constructor');
}

function illegalInvocation(name) {
  return new TypeError(`Illegal invocation: 'this' is not of type '${name}'`);
}

// Makes of a class an interface: operations and attributes enumerable, toStringTag, constants on class and prototype.
function configureInterface(Class, { constants = {} } = {}) {
  configureMembers(Class);
  configureMembers(Class.prototype);
  ops.markInterface(Class.prototype);
  const names = ReflectOwnKeys(constants);
  for (let i = 0; i < names.length; i++) {
    const descriptor = {
      __proto__: null, value: constants[names[i]], writable: false, enumerable: true, configurable: false,
    };
    ObjectDefineProperty(Class, names[i], descriptor);
    ObjectDefineProperty(Class.prototype, names[i], descriptor);
  }
  ObjectDefineProperty(Class.prototype, SymbolToStringTag, {
    __proto__: null, value: Class.name, writable: false, enumerable: false, configurable: true,
  });
}

function configureMembers(owner) {
  const keys = ReflectOwnKeys(owner);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    if (typeof key === 'symbol' || key === 'constructor') continue;
    const descriptor = ReflectGetOwnPropertyDescriptor(owner, key);
    // `name`, `length` and `prototype` of the class itself hold no function and stay as they are.
    if (typeof descriptor.value !== 'function' && descriptor.get === undefined) continue;
    ObjectDefineProperty(owner, key, { __proto__: null, enumerable: true });
  }
}

const IteratorPrototype = Object.getPrototypeOf(ArrayIteratorPrototype);

// Gives an interface `iterable<key, value>`: entries, forEach, keys, values, Symbol.iterator. `pairsOf(object)` checks
// the brand (throws a TypeError) and returns the pairs as they are now, in one flat array: key, value, key, value, …
function configurePairIterable(Class, pairsOf) {
  const name = Class.name;
  const shows = { keys: 0, values: 1, entries: 2 };

  class PairIterator {
    #target;
    #show;
    #index = 0;
    constructor(target, show) {
      this.#target = target;
      this.#show = show;
    }
    static next(iterator) {
      if (!isObject(iterator) || !(#target in iterator)) throw illegalInvocation(`${name} Iterator`);
      const pairs = pairsOf(iterator.#target);
      const index = iterator.#index;
      if (index >= pairs.length) return { value: undefined, done: true };
      iterator.#index = index + 2;
      if (iterator.#show === shows.entries) return { value: [pairs[index], pairs[index + 1]], done: false };
      return { value: pairs[index + iterator.#show], done: false };
    }
  }
  // The iterator prototype object has `next` and toStringTag alone: no constructor.
  const prototype = PairIterator.prototype;
  delete prototype.constructor;
  Object.setPrototypeOf(prototype, IteratorPrototype);
  const { next } = { next() { return PairIterator.next(this); } };
  ObjectDefineProperty(prototype, 'next', {
    __proto__: null, value: next, writable: true, enumerable: true, configurable: true,
  });
  ObjectDefineProperty(prototype, SymbolToStringTag, {
    __proto__: null, value: `${name} Iterator`, writable: false, enumerable: false, configurable: true,
  });

  const methods = {
    entries() {
      pairsOf(this);
      return new PairIterator(this, shows.entries);
    },
    forEach(callback, thisArg = undefined) {
      pairsOf(this);
      const context = `Failed to execute 'forEach' on '${name}'`;
      requiredArguments(arguments.length, 1, context);
      callbackFunction(callback, `${context}: Argument 1`);
      for (let i = 0; ; i += 2) {
        const pairs = pairsOf(this);
        if (i >= pairs.length) return;
        FunctionPrototypeCall(callback, thisArg, pairs[i + 1], pairs[i], this);
      }
    },
    keys() {
      pairsOf(this);
      return new PairIterator(this, shows.keys);
    },
    values() {
      pairsOf(this);
      return new PairIterator(this, shows.values);
    },
  };
  const keys = ReflectOwnKeys(methods);
  for (let i = 0; i < keys.length; i++) {
    ObjectDefineProperty(Class.prototype, keys[i], {
      __proto__: null, value: methods[keys[i]], writable: true, enumerable: true, configurable: true,
    });
  }
  ObjectDefineProperty(Class.prototype, SymbolIterator, {
    __proto__: null, value: methods.entries, writable: true, enumerable: false, configurable: true,
  });
}

core.webidl = {
  __proto__: null,
  any: (value) => value,
  boolean: (value) => !!value,
  DOMString,
  USVString,
  ByteString,
  byte: makeInteger('byte', 8, true),
  octet: makeInteger('octet', 8, false),
  short: makeInteger('short', 16, true),
  unsignedShort: makeInteger('unsigned short', 16, false),
  long: makeInteger('long', 32, true),
  unsignedLong: makeInteger('unsigned long', 32, false),
  longLong: makeInteger('long long', 64, true),
  unsignedLongLong: makeInteger('unsigned long long', 64, false),
  enforceRange,
  clamp,
  float,
  double,
  unrestrictedDouble,
  object,
  isObject,
  callbackFunction,
  nullable,
  interfaceType,
  enumeration,
  sequence,
  sequenceFromIterable,
  record,
  dictionary,
  ArrayBuffer: ArrayBufferType,
  ArrayBufferView,
  BufferSource,
  AllowSharedBufferSource,
  isArrayBuffer,
  isSharedArrayBuffer,
  requiredArguments,
  internal,
  illegalConstructor,
  illegalInvocation,
  configureInterface,
  configurePairIterable,
};

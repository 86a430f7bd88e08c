// The private namespace `core`: what the other files stand on. Runs first.

// Built-ins as they were before any script ran, by names that say where they come from: a script that redefines
// Array.prototype.push or Promise.prototype.then changes its own world only. `ArrayPrototypePush(array, value)` is the
// method with its receiver first, `ObjectKeys(object)` a static method, `MapPrototypeGetSize(map)` a getter.
const primordials = { __proto__: null };
{
  const { apply, construct, defineProperty, getOwnPropertyDescriptor, getPrototypeOf, ownKeys, setPrototypeOf } =
    Reflect;
  const { bind, call } = Function.prototype;
  const uncurryThis = bind.bind(call);
  primordials.uncurryThis = uncurryThis;

  const capital = (text) => text[0].toUpperCase() + text.slice(1);
  const suffix = (key) =>
    typeof key === 'symbol' ? 'Symbol' + capital(key.description.slice('Symbol.'.length)) : capital(key);
  const copy = (source, prefix, wrap) => {
    for (const key of ownKeys(source)) {
      const descriptor = getOwnPropertyDescriptor(source, key);
      if (descriptor.get) {
        primordials[`${prefix}Get${suffix(key)}`] = wrap(descriptor.get, source);
        if (descriptor.set) primordials[`${prefix}Set${suffix(key)}`] = wrap(descriptor.set, source);
      } else if (typeof descriptor.value === 'function' && key !== 'constructor') {
        primordials[prefix + suffix(key)] = wrap(descriptor.value, source);
      } else if (typeof descriptor.value !== 'object') {
        primordials[prefix + suffix(key)] = descriptor.value;
      }
    }
  };
  const bound = (method, receiver) => bind.call(method, receiver);
  const unbound = (method) => uncurryThis(method);

  for (const name of ['Atomics', 'JSON', 'Math', 'Reflect']) copy(globalThis[name], name, bound);
  const constructors = [
    'AggregateError', 'Array', 'ArrayBuffer', 'BigInt', 'BigInt64Array', 'BigUint64Array', 'Boolean', 'DataView',
    'Date', 'Error', 'EvalError', 'FinalizationRegistry', 'Float16Array', 'Float32Array', 'Float64Array', 'Function',
    'Int16Array', 'Int32Array', 'Int8Array', 'Map', 'Number', 'Object', 'Promise', 'Proxy', 'RangeError',
    'ReferenceError', 'RegExp', 'Set', 'SharedArrayBuffer', 'String', 'Symbol', 'SyntaxError', 'TypeError',
    'URIError', 'Uint16Array', 'Uint32Array', 'Uint8Array', 'Uint8ClampedArray', 'WeakMap', 'WeakRef', 'WeakSet',
  ];
  for (const name of constructors) {
    const constructor = globalThis[name];
    if (constructor === undefined) continue;
    primordials[name] = constructor;
    copy(constructor, name, bound);
    if (constructor.prototype) copy(constructor.prototype, `${name}Prototype`, unbound);
  }
  const hidden = {
    ArrayIteratorPrototype: getPrototypeOf([][Symbol.iterator]()),
    AsyncGeneratorPrototype: getPrototypeOf(async function* () {}).prototype,
    AsyncIteratorPrototype: getPrototypeOf(getPrototypeOf(async function* () {}).prototype),
    GeneratorPrototype: getPrototypeOf(function* () {}).prototype,
    IteratorPrototype: getPrototypeOf(getPrototypeOf([][Symbol.iterator]())),
    MapIteratorPrototype: getPrototypeOf(new Map().entries()),
    SetIteratorPrototype: getPrototypeOf(new Set().values()),
    StringIteratorPrototype: getPrototypeOf(''[Symbol.iterator]()),
    TypedArrayPrototype: getPrototypeOf(Uint8Array.prototype),
  };
  for (const name of ownKeys(hidden)) {
    primordials[name] = hidden[name];
    copy(hidden[name], name, unbound);
  }
  primordials.TypedArray = getPrototypeOf(Uint8Array);
  copy(primordials.TypedArray, 'TypedArray', unbound);
  for (const name of ['decodeURI', 'decodeURIComponent', 'encodeURI', 'encodeURIComponent', 'parseFloat', 'parseInt']) {
    primordials[name] = globalThis[name];
  }

  // Collections whose methods are their own, so that calling `set.has(x)` runs nothing that a script can replace.
  const makeSafe = (unsafe, safe) => {
    for (const key of ownKeys(unsafe.prototype)) {
      if (key !== 'constructor') defineProperty(safe.prototype, key, getOwnPropertyDescriptor(unsafe.prototype, key));
    }
    setPrototypeOf(safe.prototype, null);
    Object.freeze(safe.prototype);
    Object.freeze(safe);
    return safe;
  };
  primordials.SafeMap = makeSafe(Map, class SafeMap extends Map {
    constructor() { super(); }
  });
  primordials.SafeSet = makeSafe(Set, class SafeSet extends Set {
    constructor() { super(); }
  });
  primordials.SafeWeakMap = makeSafe(WeakMap, class SafeWeakMap extends WeakMap {
    constructor() { super(); }
  });
  primordials.SafeWeakSet = makeSafe(WeakSet, class SafeWeakSet extends WeakSet {
    constructor() { super(); }
  });
  primordials.SafeWeakRef = makeSafe(WeakRef, class SafeWeakRef extends WeakRef {
    constructor(target) { super(target); }
  });
  primordials.ReflectApply = apply;
  primordials.ReflectConstruct = construct;
  Object.freeze(primordials);
}
core.primordials = primordials;
core.print = core.ops.print;
core.recv = core.ops.recv;
core.bindCallback = core.ops.bindCallback;

const { ArrayPrototypeUnshift, ObjectDefineProperty, Promise, ReflectApply, SafeMap } = primordials;

// Interfaces and namespace objects are not enumerable on the global object (Web IDL, 3.7); operations are.
core.defineGlobal = (name, value) => {
  ObjectDefineProperty(globalThis, name, {
    __proto__: null, value, writable: true, enumerable: false, configurable: true,
  });
};
core.defineGlobalFunction = (name, value) => {
  ObjectDefineProperty(globalThis, name, {
    __proto__: null, value, writable: true, enumerable: true, configurable: true,
  });
};
// A replaceable attribute: assigning to it makes an ordinary property.
core.defineGlobalGetter = (name, get) => {
  const set = function (value) {
    core.defineGlobalFunction(name, value);
  };
  ObjectDefineProperty(globalThis, name, { __proto__: null, get, set, enumerable: true, configurable: true });
};

// The place of a handle's object (core/handle_table.h), by which arrays here find theirs. Another object may have it once
// this one has gone, so the handle is compared as well.
core.slotOf = (handle) => handle & 0x3FFFF;

// Asynchronous ops. Native code answers all that have finished in a turn of the loop by one call of `recv`.
const pendingOps = new SafeMap();
let lastOpId = 0;

core.opAsync = (name, ...parameters) => {
  lastOpId = (lastOpId + 1) >>> 0;
  const id = lastOpId;
  ArrayPrototypeUnshift(parameters, id);
  return new Promise((resolve, reject) => {
    ReflectApply(core.ops[name], undefined, parameters);
    pendingOps.set(id, { resolve, reject });
  });
};

// `finished` holds three elements for each op: its id, whether it succeeded, and its value or error.
core.recv((finished) => {
  for (let i = 0; i < finished.length; i += 3) {
    const op = pendingOps.get(finished[i]);
    pendingOps.delete(finished[i]);
    // Its caller was terminated before it could wait.
    if (op === undefined) continue;
    if (finished[i + 1]) op.resolve(finished[i + 2]);
    else op.reject(finished[i + 2]);
  }
});

// Calls an op by its name or id: the value of a synchronous one, a promise of an asynchronous one.
core.send = (op, ...parameters) => {
  const name = typeof op === 'number' ? core.opNames[op] : op;
  if (core.asyncOps[name]) {
    ArrayPrototypeUnshift(parameters, name);
    return ReflectApply(core.opAsync, undefined, parameters);
  }
  ArrayPrototypeUnshift(parameters, op);
  return ReflectApply(core.ops.send, undefined, parameters);
};
